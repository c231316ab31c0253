"""The merged view that readers see, and its short ways for a few rows."""

"""The plugin host: manifests, discovery, the hooks, and the isolation around every call."""

"""What the plugin `infer` offers."""

"""What the plugin `densegen` offers."""

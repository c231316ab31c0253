"""What the plugin `notify` offers."""

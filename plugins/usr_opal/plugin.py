"""What the plugin `opal` offers."""

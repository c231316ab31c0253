"""What the plugin `dev` offers."""

"""What the plugin `legacy` offers."""

"""The plugin `map` offers commands only; its manifest says which."""

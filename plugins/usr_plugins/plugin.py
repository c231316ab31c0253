"""The plugin ``plugins`` adds commands only; it implements no hook."""

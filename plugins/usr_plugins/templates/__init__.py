"""The texts of new plugins: what all kinds share, and a module a kind."""

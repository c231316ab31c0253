"""The built-in plugin `verify`: ways to compare copies of a file."""

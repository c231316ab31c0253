"""The test kit for plugin authors: contract classes and stand-ins. Nothing heavy is imported here."""

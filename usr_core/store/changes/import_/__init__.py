"""Importing: from an importer's batches to checked rows at the end of the base."""

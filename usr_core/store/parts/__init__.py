"""The files of overlays on disk: their names, their listing, their filters."""

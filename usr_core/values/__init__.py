"""One cell: text or JSON to typed Arrow values and back, strictly."""

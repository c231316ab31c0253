"""The base file: its form, its footer, and appending to it without decoding what is there."""

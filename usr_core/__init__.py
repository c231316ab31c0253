"""USR, the Universal Sequence Record: a plain-file store for biological sequences."""

"""registry.yaml: namespaces, their typed columns, the hashes that pin them, and the reserved namespaces."""

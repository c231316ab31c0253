"""Maintenance: what rewrites the base or an overlay, and what keeps copies of them."""

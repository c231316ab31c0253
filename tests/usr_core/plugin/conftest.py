"""Plugins of this process, for every test of the host."""

from __future__ import annotations

from support.hosts import make_host

__all__ = ["make_host"]

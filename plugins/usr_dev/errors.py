"""Errors of making mock data."""

from __future__ import annotations

from usr_core.api import UsrError

__all__ = ["MockRefused"]


class MockRefused(UsrError, ValueError):
    """Mock data would stand where something else is."""

    code = "USR-DEV-101"

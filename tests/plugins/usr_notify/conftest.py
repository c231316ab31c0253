"""What the tests of deliveries share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Usr
from support.webhook_server import WebhookServer, ca_folder, webhook_server

DS = "ns/base"


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    """A running HTTPS server."""
    with webhook_server() as running:
        yield running


@pytest.fixture
def cursor(tmp_path: Path) -> Path:
    """Where the cursor goes; not there yet."""
    return tmp_path / "cursor.json"


@pytest.fixture
def hook(server: WebhookServer, cursor: Path) -> list[str | Path]:
    """The words of a run that delivers to the server and ends at the log's end."""
    return [
        *("notify", "follow", DS, "--cursor", cursor, "--to", server.url, "--once"),
        *("--ca-bundle", ca_folder() / "ca.pem"),
    ]


@pytest.fixture
def busy(seeded: Usr) -> Usr:
    """A dataset with four events: init, import, snapshot, snapshot."""
    seeded.ok("snapshot", DS)
    seeded.ok("snapshot", DS)
    return seeded

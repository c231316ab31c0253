"""Health checks of plugins: what they find, and that a failing one is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.hosts import HostMaker
from support.plugins import FakePlugin
from usr_core.api.registry import make_root
from usr_core.plugin.specs import Finding
from usr_core.store.checks.doctor.examination import examine

HOOKS = """
from usr_core.api import Finding, HealthCheckSpec, hookimpl


def look(request):
    {body}


@hookimpl
def usr_health_checks():
    return [HealthCheckSpec(name="lab", summary="s", factory=lambda: look)]
"""


def lab(body: str, **fields: str) -> FakePlugin:
    """Return a plugin with one health check."""
    return FakePlugin("lab", hooks=HOOKS.format(body=body), **fields).provides("health_check", "lab")  # type: ignore[arg-type]


def found(make_host: HostMaker, plugin: FakePlugin, root: Path, **switches: object) -> list[Finding]:
    """Return what the doctor finds beside what it finds without the plugin."""
    make_root(root)
    before = examine(root).findings
    report = examine(root, checks=make_host(plugin, **switches).health_checks())
    return [finding for finding in report.findings if finding not in before]


class TestHealthChecks:
    def test_they_are_told_where_the_root_is(self, make_host: HostMaker, tmp_path: Path) -> None:
        """And no dataset, where none was named."""
        body = "yield Finding(code='LAB-1', message=f'{request.root.name} {request.dataset}', severity='note')"
        (finding,) = found(make_host, lab(body), tmp_path / "root")

        assert ("LAB-1", "root None") == (finding.code, finding.message)

    @pytest.mark.parametrize("body", ["1 / 0", "return 3", "return ['x']", "raise SystemExit"])
    def test_one_that_fails_is_a_finding_with_the_plugins_name(
        self, make_host: HostMaker, tmp_path: Path, body: str
    ) -> None:
        """The doctor goes on, and is not content."""
        (finding,) = found(make_host, lab(body), tmp_path / "root")

        assert ("USR-PLUGIN-004", "error", True) == (
            finding.code,
            finding.severity,
            "usr-plugin-lab" in finding.message,
        )

    def test_one_that_can_not_be_loaded_is_a_finding(self, make_host: HostMaker, tmp_path: Path) -> None:
        """Its plugin is for another API."""
        (finding,) = found(make_host, lab("return []", api="9.0"), tmp_path / "root")

        assert "incompatible" in finding.message

    def test_one_that_is_switched_off_is_left_out(self, make_host: HostMaker, tmp_path: Path) -> None:
        """The user wants it so."""
        assert [] == found(make_host, lab("1 / 0"), tmp_path / "root", disable=["lab"])

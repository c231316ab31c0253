"""A new health check: a folder of the root that is to be there."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "health_check"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: a health check."""

from usr_core.api import HealthCheckSpec, hookimpl


@hookimpl
def usr_health_checks():
    return [HealthCheckSpec(name="$id", summary="The root says whose it is", factory=_health_check)]


def _health_check():
    from $package.health import owner_is_named  # what it imports is loaded when `usr doctor` runs

    return owner_is_named
'''

_CODE = '''\
"""The health check `$id`: it looks at the root or a dataset's folder, changes nothing, and yields findings."""

from usr_core.api import Finding

OWNER = "OWNER.txt"


def owner_is_named(request):
    if request.root is None:  # `usr doctor` runs anywhere
        return
    file = request.root / OWNER
    if not file.is_file():
        yield Finding(
            code="$upper-201",
            message="nothing says whose root this is",
            severity="warning",
            file=OWNER,
            hint=f"Write a name into {OWNER} beside registry.yaml.",
        )
'''

_TESTS = """\
import pytest

from usr_core.api.results import examine
from usr_core.testing import HealthCheckContract, ManifestContract
from $package.health import OWNER
from $package.plugin import usr_health_checks


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestHealthCheck(HealthCheckContract):
    @pytest.fixture
    def spec(self):
        (spec,) = usr_health_checks()
        return spec

    def make_well(self, root):
        (root / OWNER).write_text("the lab of $id\\n", encoding="utf-8")

    def make_ill(self, root):
        (root / "registry.yaml").touch()


def test_the_doctor_tells(usr_host, dataset_factory):
    root = dataset_factory(["ACGT"]).ref.root
    checks = usr_host($id="$package.plugin").health_checks()

    assert "$upper-201" in [found.code for found in examine(root, checks=checks).findings]

    (root / OWNER).write_text("the lab of $id\\n", encoding="utf-8")
    assert "$upper-201" not in [found.code for found in examine(root, checks=checks).findings]
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="health",
    code=_CODE,
    tests=_TESTS,
    usage="Looks at roots: `usr doctor` shows what it finds.",
    api="1.1",
)

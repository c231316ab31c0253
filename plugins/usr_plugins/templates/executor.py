"""A new executor: it runs the shards of `usr map` one after the other, where yours begins processes or jobs."""

from __future__ import annotations

from usr_plugins.templates.kind import KindTemplate

__all__ = ["TEMPLATE"]

_CLAIMS = """\
[[provides]]
kind = "executor"
name = "$id"
"""

_HOOKS = '''\
"""What the plugin `$id` offers: an executor."""

from usr_core.api import ExecutorSpec, hookimpl


@hookimpl
def usr_executors():
    # Options of its own are `options=(OptionSpec(...),)`; one that hands shards to a batch system is `detached=True`.
    return [ExecutorSpec(name="$id", summary="One shard after the other", factory=_executor)]


def _executor(request):
    from $package.executor import ${title}Executor  # what it imports is loaded when a run needs it

    return ${title}Executor(request)
'''

_CODE = '''\
"""The executor `$id`: it runs each shard at least once, or says that it did not."""

from collections import deque

from usr_core.api.runs import ShardOutcome, run_shard


class ${title}Executor:
    """Runs one shard at each `wait`. Yours hands `spec.to_json()` to a worker, which calls `run_shard`."""

    def __init__(self, request):
        self.request = request
        self.waiting = deque()

    def submit(self, spec):
        self.waiting.append(spec)

    def wait(self, timeout):
        if not self.waiting:
            return []
        spec = self.waiting.popleft()
        try:
            run_shard(spec)
        except Exception as error:
            return [ShardOutcome(index=spec.index, state="failed", detail=str(error))]
        return [ShardOutcome(index=spec.index, state="done")]  # or "lost", where a worker was ended from outside

    def cancel(self):
        self.waiting.clear()

    def close(self):
        self.waiting.clear()
'''

_TESTS = """\
import pytest

from usr_core.testing import ExecutorContract, ManifestContract
from $package.plugin import usr_executors


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self):
        return "$id"


class TestExecutor(ExecutorContract):
    @pytest.fixture
    def spec(self):
        (spec,) = usr_executors()
        return spec
"""

TEMPLATE = KindTemplate(
    claims=_CLAIMS,
    hooks=_HOOKS,
    work="executor",
    code=_CODE,
    tests=_TESTS,
    usage="Runs functions over records: `usr map DATASET --fn gc --into features__gc --executor $id`.",
    api="1.2",
)

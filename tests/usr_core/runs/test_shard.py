"""A shard is run with the plugins that the driver of its run may use."""

from __future__ import annotations

import json

import pytest

from usr_core import Dataset
from usr_core.api.runs import ShardSpec, run_shard
from usr_core.plugin.catalogue import Catalogue
from usr_core.plugin.errors import PluginMissing
from usr_core.plugin.host import PluginHost
from usr_core.plugin.switches import Switches
from usr_core.runs.folder import RunFolder
from usr_core.runs.map_run import MapRun
from usr_core.runs.shard import _host_of

OFF = Switches(third_parties=False, disabled={"features": "--disable-plugin", "notify": "--disable-plugin"})


@pytest.fixture
def planned(dataset: Dataset) -> MapRun:
    """A run of a function that a plugin offers."""
    return dataset.map("gc", into="lab__ratio", shards=2, sample=False, executor=None)


def test_what_is_switched_off_for_the_driver_is_handed_on_with_each_shard(dataset: Dataset, planned: MapRun) -> None:
    """On disk, for whoever runs shards later; the name of the executor stays what it was."""
    assert planned.folder is not None
    run = MapRun(dataset._site, RunFolder(planned.folder.path), host=PluginHost(Catalogue(OFF)))
    run.start("inline").stop()
    later = RunFolder(planned.folder.path)
    spec = later.spec(1)

    assert (("*", "features", "notify"), "inline") == (spec.plugins_off, later.executor)
    assert spec == ShardSpec.from_json(spec.to_json())
    host = _host_of(spec)
    assert host is not None
    assert not host.catalogue.switches.third_parties
    with pytest.raises(PluginMissing, match="features"):
        run_shard(spec)


def test_where_nothing_is_switched_off_every_plugin_may_be_used(planned: MapRun) -> None:
    """So for shards of an older driver, whose JSON does not say."""
    assert planned.folder is not None
    spec = planned.folder.spec(0)
    older = {name: value for name, value in json.loads(spec.to_json()).items() if name != "plugins_off"}

    assert spec == ShardSpec.from_json(json.dumps(older))
    assert _host_of(spec) is None
    assert run_shard(spec).rows == 24

"""The contracts of `usr map`: of executors (`ExecutorContract`), and of functions by name (`FunctionContract`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pyarrow as pa
import pytest

from usr_core.plugin.answers import ANSWERS
from usr_core.plugin.executors import Executor, ExecutorRequest, FunctionRef
from usr_core.plugin.isolation import Isolated
from usr_core.plugin.offers import check_spec
from usr_core.plugin.options import option_values
from usr_core.plugin.specs import ExecutorSpec, FunctionSpec
from usr_core.registry.type_parser import parse_type
from usr_core.runs.driver import Driving
from usr_core.runs.errors import ShardFailed
from usr_core.runs.folder import RunFolder
from usr_core.runs.results import Caller
from usr_core.testing.contract import Contract, needs
from usr_core.testing.fixed_plugins import stranger

if TYPE_CHECKING:
    from usr_core.dataset import Dataset
    from usr_core.runs.map_run import MapRun
    from usr_core.testing.fixtures import DatasetFactory

__all__ = ["ExecutorContract", "FunctionContract"]

FUNCTIONS = '''
import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc


def length(batch, pause=0.0):
    time.sleep(pause)
    return pc.cast(pc.utf8_length(batch["sequence"]), "int64")


def once(batch, mark):
    """End the process that runs it, the first time."""
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return length(batch)
    os._exit(9)


def worse(batch):
    raise ValueError("one of these is bad")


def chatty(batch):
    print("this is not a result")
    os.write(1, b"nor is this")
    return length(batch)


class Model:
    """Counts how often it is made, by files."""

    def __init__(self, folder):
        Path(folder, f"made-{os.getpid()}-{time.monotonic_ns()}").touch()

    def __call__(self, batch):
        return length(batch)
'''
SEQUENCES = ["".join("ACGT"[at >> 2 * place & 3] for place in range(4)) + "A" * (at % 9) for at in range(120)]


class ExecutorContract(Contract):
    """An executor runs every shard at least once, or says that it did not, and leaves the rest to the run's folder.

    A subclass whose name begins with ``Test`` overrides `spec`; `options` where it needs some; and `play`, where
    somebody else than the executor has to run what it was given (a detached one).

    Attributes:
        options: The executor's options in these tests.
        workers: How many it is asked for.
        seconds: The longest that one test may wait.
        features: ``survives``: a function may end its worker's process, and the others go on.
    """

    options: ClassVar[Mapping[str, Any]] = {}
    workers: ClassVar[int] = 2
    seconds: ClassVar[float] = 60.0

    @pytest.fixture
    def spec(self) -> ExecutorSpec:
        """Return the executor's spec."""
        raise NotImplementedError("a subclass of ExecutorContract supplies the fixture `spec`")

    def play(self, run: RunFolder) -> None:
        """Run what a detached executor has handed over."""

    # ------------------------------------------------------------ what it promises

    def test_the_spec_is_one_that_the_host_takes(self, spec: ExecutorSpec) -> None:
        """Its name, its options, and whether anybody waits."""
        check_spec("executor", spec)

    def test_every_shard_is_run(self, spec: ExecutorSpec, dataset_factory: DatasetFactory, tmp_path: Path) -> None:
        """And the values are those of the function."""
        dataset, run = self._planned(dataset_factory, tmp_path, "length")
        self._run(spec, run)
        done = run.commit()

        assert (6, 120, False) == (done.shards, done.rows, done.already)
        self._assert_lengths(dataset)

    def test_a_shard_that_is_submitted_twice_counts_once(
        self, spec: ExecutorSpec, dataset_factory: DatasetFactory, tmp_path: Path
    ) -> None:
        """Whoever publishes first wins."""
        dataset, run = self._planned(dataset_factory, tmp_path, "length")
        self._run(spec, run, twice=True)

        assert 120 == run.commit().rows
        self._assert_lengths(dataset)

    def test_a_second_run_of_the_same_shards_does_no_work(
        self, spec: ExecutorSpec, dataset_factory: DatasetFactory, tmp_path: Path
    ) -> None:
        """What lies on disk is not made again."""
        _, run = self._planned(dataset_factory, tmp_path, "length")
        self._run(spec, run)
        before = _receipts(run)
        self._run(spec, run)

        assert before == _receipts(run)

    def test_a_function_that_fails_is_told_with_its_row(
        self, spec: ExecutorSpec, dataset_factory: DatasetFactory, tmp_path: Path
    ) -> None:
        """After three times, and nothing is committed."""
        dataset, run = self._planned(dataset_factory, tmp_path, "worse", shards=2)
        if spec.detached:
            self._run(spec, run)
            assert [1, 1] == sorted(_folder(run).failure_counts().values())
        else:
            with pytest.raises(ShardFailed, match="one of these is bad") as caught:
                self._run(spec, run)
            assert (0, 1) == (caught.value.shard, caught.value.row)
            assert [3, 3] == sorted(_folder(run).failure_counts().values())
        assert "mock__length" not in [column.name for column in dataset.columns()]

    def test_what_a_function_prints_does_not_get_to_standard_output(
        self,
        spec: ExecutorSpec,
        dataset_factory: DatasetFactory,
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Which is the result of the command that runs the shards."""
        _, run = self._planned(dataset_factory, tmp_path, "chatty", shards=2)
        self._run(spec, run)

        assert "this is not a result" not in capfd.readouterr().out
        assert 2 == run.status().done

    def test_a_class_is_made_once_a_worker(
        self, spec: ExecutorSpec, dataset_factory: DatasetFactory, tmp_path: Path
    ) -> None:
        """However many shards and batches it does."""
        made = tmp_path / "made"
        made.mkdir()
        _, run = self._planned(dataset_factory, tmp_path, "Model", params={"folder": str(made)}, batch_rows=5)
        self._run(spec, run)
        by_process = [path.name.split("-")[1] for path in made.iterdir()]

        assert run.status().done == 6
        assert len(by_process) == len(set(by_process))

    def test_cancelling_leaves_a_run_that_can_be_resumed(
        self, spec: ExecutorSpec, dataset_factory: DatasetFactory, tmp_path: Path
    ) -> None:
        """And closing may be repeated."""
        dataset, run = self._planned(dataset_factory, tmp_path, "length", params={"pause": 0.05})
        executor = self._made(spec, run)
        for index in range(6):
            executor.submit(_folder(run).spec(index))
        if not spec.detached:
            executor.wait(0.2)
        executor.cancel()
        executor.close()
        executor.close()
        self._run(spec, run)

        assert 120 == run.commit().rows
        self._assert_lengths(dataset)

    @needs("survives")
    def test_a_worker_that_ends_is_told_and_its_shard_is_run_again(
        self, spec: ExecutorSpec, dataset_factory: DatasetFactory, tmp_path: Path
    ) -> None:
        """By another process."""
        dataset, run = self._planned(dataset_factory, tmp_path, "once", params={"mark": str(tmp_path / "mark")})
        self._run(spec, run)

        assert 120 == run.commit().rows
        assert (tmp_path / "mark").exists()
        self._assert_lengths(dataset)

    # ------------------------------------------------------------ inside

    def _planned(
        self,
        dataset_factory: DatasetFactory,
        tmp_path: Path,
        function: str,
        *,
        params: Mapping[str, object] | None = None,
        shards: int = 6,
        batch_rows: int = 4096,
    ) -> tuple[Dataset, MapRun]:
        dataset = dataset_factory(SEQUENCES, namespaces={"mock": {"mock__length": "int64"}})
        (tmp_path / "functions.py").write_text(FUNCTIONS, encoding="utf-8")
        run = dataset.map(
            f"{tmp_path / 'functions.py'}:{function}",
            into="mock__length",
            params=params,
            shards=shards,
            batch_rows=batch_rows,
            sample=False,
            executor=None,
        )
        return dataset, run

    def _made(self, spec: ExecutorSpec, run: MapRun) -> Executor:
        folder = _folder(run)
        options = option_values(f"executor {spec.name}", spec.options, self.options)
        request = ExecutorRequest(
            run_id=run.run_id,
            folder=folder.path,
            shards=folder.plan.shards,
            workers=self.workers,
            options=options,
            say=_unsaid,
        )
        return cast(
            Executor,
            Isolated(
                spec.factory(request), stranger("mine", "mine.plugin"), f"executor {spec.name}", ANSWERS["executor"]
            ),
        )

    def _run(self, spec: ExecutorSpec, run: MapRun, *, twice: bool = False) -> None:
        executor = self._made(spec, run)
        driving = Driving(_folder(run), executor)
        try:
            for _ in range(2 if twice else 1):
                driving.submit()
            if spec.detached:
                executor.close()
                self.play(_folder(run))
            else:
                assert driving.wait(self.seconds), f"not done after {self.seconds:g} s: {run}"
        finally:
            executor.close()

    def _assert_lengths(self, dataset: Dataset) -> None:
        table = dataset.to_arrow(columns=["sequence", "mock__length"])
        found = {name: table.column(name).to_pylist() for name in table.column_names}

        assert [len(sequence) for sequence in found["sequence"]] == found["mock__length"]
        assert 1 == sum((line.event or {}).get("action") == "map" for line in dataset.events())


class FunctionContract(Contract):
    """A function by name gives the value that its example says, one a record, however the batches are cut.

    A subclass whose name begins with ``Test`` overrides `spec` and `examples`.

    Attributes:
        params: The function's parameters in these tests.
        type: The type text of its value, where its spec leaves it open.
        examples: Values of its columns (one text, or a tuple of values), and the value that it gives for them; a float
            is compared to six digits.
    """

    params: ClassVar[Mapping[str, object]] = {}
    type: ClassVar[str] = ""
    examples: ClassVar[Sequence[tuple[object, object]]] = ()

    @pytest.fixture
    def spec(self) -> FunctionSpec:
        """Return the function's spec."""
        raise NotImplementedError("a subclass of FunctionContract supplies the fixture `spec`")

    def test_the_spec_is_one_that_the_host_takes(self, spec: FunctionSpec) -> None:
        """Its name, its parameters, and the type of its value."""
        check_spec("function", spec)

        assert parse_type(spec.type or self.type) is not None

    def test_the_examples_have_their_values(self, spec: FunctionSpec) -> None:
        """In the order of the records."""
        assert self.examples, "the contract needs `examples`"
        assert [_rounded(value) for _, value in self.examples] == self._values(spec, len(self.examples))

    def test_the_cut_of_the_batches_does_not_matter(self, spec: FunctionSpec) -> None:
        """A record's value is its own, also where its batch is a slice of a larger one."""
        assert self._values(spec, len(self.examples)) == self._values(spec, 1)

    def test_no_record_is_no_value(self, spec: FunctionSpec) -> None:
        """An empty batch has an empty answer."""
        assert [] == self._called(spec)(self._batch(spec).slice(0, 0), _numbers(0)).columns[0].to_pylist()

    def _called(self, spec: FunctionSpec) -> Callable[[pa.RecordBatch, Any], Any]:
        values = option_values(f"function {spec.name}", spec.params, self.params)
        function = spec.factory()
        ref = FunctionRef(name=spec.name, kind="plugin", place="mine", digest="")
        into = [(f"mine__{spec.name}", spec.type or self.type)]
        return Caller(ref, lambda batch: function(batch, **values), columns=spec.columns, into=into)

    def _batch(self, spec: FunctionSpec) -> pa.RecordBatch:
        given = [
            (given,) if isinstance(given, str) else cast("tuple[object, ...]", given) for given, _ in self.examples
        ]
        columns = {name: [values[at] for values in given] for at, name in enumerate(spec.columns)}
        return pa.RecordBatch.from_pydict({"id": [f"{at:040x}" for at in range(len(given))], **columns})

    def _values(self, spec: FunctionSpec, step: int) -> list[object]:
        called, batch = self._called(spec), self._batch(spec)
        found: list[object] = []
        for start in range(0, batch.num_rows, step):
            piece = batch.slice(start, step)
            found += called(piece, _numbers(piece.num_rows)).columns[0].to_pylist()
        return [_rounded(value) for value in found]


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def _numbers(rows: int) -> Any:
    import numpy as np

    return np.arange(rows)


def _folder(run: MapRun) -> RunFolder:
    assert run.folder is not None
    return run.folder


def _receipts(run: MapRun) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (_folder(run).path / "done").iterdir()}


def _unsaid(_: str) -> None:
    return None

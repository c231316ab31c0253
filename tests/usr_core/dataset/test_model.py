"""Whatever is done to datasets in whatever order, they hold what a dictionary model says (`support.dataset_model`).

`make torture-model` runs 10,000 random examples with every check after every step; the ordinary suite runs 150, always
the same ones, and takes turns with the dearer checks.
"""

from __future__ import annotations

import contextlib
import copy
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from support.dataset_checks import check_log, check_overview, check_rows, check_snapshots, check_validity
from support.dataset_model import COLUMNS, DatasetModel, Record, Refused, namespace_of
from support.tree import assert_unchanged
from usr_core import Actor, Dataset, UsrError
from usr_core.plugin.host import PluginHost
from usr_core.registry.store import register_namespace
from usr_core.store.changes.row_drop import ChosenRows
from usr_core.store.versions.errors import VersionNotShown
from usr_core.sync.request import SyncOptions

NAMES = ("n/one", "n/two")
ACTOR = Actor(tool="model", run_id="r1")
TORTURE = "USR_MODEL_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("USR_MODEL_EXAMPLES", "150"))
# A test has a limit of time, which 10,000 examples exceed; on two cores two batches run at once.
BATCH = 200
STEPS = 25 if TORTURE else 10

SEQUENCES = ("ACGT", "acgt", "AcGt", "CCGT", "ccgt", "AAGT", "GGTT", "TTTT")
RECORDS = st.one_of(
    st.builds(Record, st.sampled_from(SEQUENCES), source=st.sampled_from(("model", "other"))),
    st.builds(Record, st.sampled_from(SEQUENCES)),
    st.sampled_from((Record("ACGN", "dna_5"), Record("ACGU", "rna_4"), Record("ACGT", "dna_5"))),
)
BAD_RECORDS = (Record("ACGN"), Record("AC-T"), Record(""))
POSSIBLE = tuple(dict.fromkeys(one.id for one in (*map(Record, SEQUENCES), Record("ACGN", "dna_5"))))
CELLS = {
    "a__x": st.integers(-1, 2),
    "a__s": st.sampled_from(("", "u", "NA")),
    "b__f": st.sampled_from((0.5, 1.0, float("inf"), float("nan"))),
    "b__l": st.sampled_from(([], [1], [None, 2])),
}
KINDS = {"a__x": pa.int64(), "a__s": pa.string(), "b__f": pa.float64(), "b__l": pa.list_(pa.int64())}
# Mostly the first dataset, so that its history is long; the other one is a source for merges with a history of its own.
WHICH = st.sampled_from((0, 0, 1))
CLEARED = (["a__x"], ["a__s", "a__x"], ["b__f"], ["b__l"])
NAMESPACES = st.sampled_from(tuple(COLUMNS))
BOOLEANS = st.booleans()
STATES = st.fixed_dictionaries(
    {},
    optional={
        "masked": BOOLEANS,
        "qc_status": st.sampled_from(("pass", "warn")),
        "split": st.sampled_from(("train", "test")),
        "supersedes": st.sampled_from(POSSIBLE),
        "lineage": st.sampled_from(((POSSIBLE[0],), (POSSIBLE[1], POSSIBLE[0]))),
    },
).filter(bool)


@st.composite
def cells(draw: st.DrawFn, namespace: str) -> dict[str, Any]:
    """Values of some columns of a namespace, at least one of them not null."""
    chosen = draw(st.sampled_from((*([one] for one in COLUMNS[namespace]), list(COLUMNS[namespace]))))
    values = {column: draw(CELLS[column]) for column in chosen}
    if len(values) > 1 and draw(BOOLEANS):
        values[draw(st.sampled_from(chosen))] = None
    return values


HOST = PluginHost()
TEMPLATES: list[tuple[Path, list[DatasetModel]]] = []
"""What an example begins with: a root with two empty datasets, and one where they have records and values."""


def _templates(folder: Path) -> list[tuple[Path, list[DatasetModel]]]:
    empty, filled = folder / "empty", folder / "filled"
    empty.mkdir()
    for namespace, columns in COLUMNS.items():
        register_namespace(empty, namespace, list(columns.items()))
    for name in NAMES:
        Dataset.open(empty, name, host=HOST).init(source="model")
    shutil.copytree(empty, filled)
    models = [DatasetModel(), DatasetModel()]
    for name, model, texts in zip(NAMES, models, (SEQUENCES[:6], SEQUENCES[3:]), strict=True):
        dataset, records = Dataset.open(filled, name, host=HOST), [Record(text) for text in texts]
        model.add(records, skip=False)
        dataset.add_sequences([one.row() for one in records], source="model")
        for namespace, cell in (("a", {"a__x": 7, "a__s": name}), ("b", {"b__f": 0.25, "b__l": [3]})):
            values = {one.id: cell for one in records[:4]}
            model.attach(namespace, values, "write_overlay", key="id", allow_overwrite=False, allow_missing=False)
            dataset.write_overlay(namespace, table(namespace, list(values), list(values.values())))
    return [(empty, [DatasetModel(), DatasetModel()]), (filled, models)]


class Datasets(RuleBasedStateMachine):
    """Two datasets of one root, and the model of each."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(dir=TEMPLATES[0][0].parent))
        self.root = self.place / "root"
        self.models: list[DatasetModel] = []
        self.sets: list[Dataset] = []
        self.past: list[dict[int, DatasetModel]] = []
        self.given_up: list[set[int]] = [set(), set()]
        self.created: list[dict[str, Any]] = [{}, {}]
        self.kept: list[dict[int, Any]] = [{}, {}]
        self.registered = self.steps = 0
        self.touched: set[int] = set()
        self.unproved: set[int] = set()
        self.whole = False

    @initialize(template=st.sampled_from((1, 1, 1, 0)))
    def begin(self, template: int) -> None:
        root, models = TEMPLATES[template]
        shutil.copytree(root, self.root)
        self.models = copy.deepcopy(models)
        self.past = [{len(model.events): model} for model in self.models]
        self.sets = [self.opened(name) for name in NAMES]

    def teardown(self) -> None:
        try:
            if self.whole:
                self.check(self.unproved, every=True)
                for at in self.unproved:
                    self.check_versions(at, every=False)
        finally:
            shutil.rmtree(self.place)

    def opened(self, name: str) -> Dataset:
        return Dataset.open(self.root, name, actor=ACTOR, host=HOST)

    # ------------------------------------------------------------- how a step is made and looked at

    def do(self, at: int, expected: Callable[[DatasetModel], str | None], call: Callable[[Dataset], object]) -> None:
        """Make a change in the model and in the dataset; a refused or idle one changes no byte of the root."""
        self.whole = False
        after = copy.deepcopy(self.models[at])
        try:
            action = expected(after)
        except Refused as refusal:
            self.refused(at, call, *refusal.errors)
            return
        dataset = self.sets[at]
        with dataset.maintenance(reason="model"):
            # What a killed session left is cleared away by the next one of its name, also where it adds nothing.
            if action is None and not (dataset.path / ".usr.journal").exists():
                with assert_unchanged(self.root):
                    call(dataset)
            else:
                call(dataset)
        self.models[at] = self.past[at][len(after.events)] = after
        self.touched.add(at)

    def refused(self, at: int, call: Callable[[Dataset], object], *errors: str) -> None:
        """Make a call that has to fail with one of these errors, and leaves every byte as it was."""
        self.whole = False
        with (
            assert_unchanged(self.root),
            self.sets[at].maintenance(reason="model"),
            pytest.raises((UsrError, ValueError)) as caught,
        ):
            call(self.sets[at])
        assert {kind.__name__ for kind in type(caught.value).__mro__} & {*errors}, (errors, caught.value)

    @invariant()
    def holds(self) -> None:
        """The datasets that the step concerned hold what the model says."""
        if self.touched:
            self.steps += 1
            self.whole = False
            self.check(self.touched, every=TORTURE)
            self.unproved |= set() if TORTURE else self.touched
            self.touched.clear()
        self.whole = True

    def check(self, which: set[int], *, every: bool) -> None:
        for at in which:
            dataset, model = self.sets[at], self.models[at]
            check_log(dataset, model)
            check_snapshots(dataset, model, self.kept[at])
            for one in self.created[at].keys() - model.rows.keys():
                del self.created[at][one]  # such a record comes in as new
            turn = self.steps % 6
            if every or turn not in (1, 4):
                check_rows(dataset, model, self.created[at], deleted=every or turn != 3)
            if every:
                check_rows(dataset, model, self.created[at], deleted=False)
            if every:
                self.check_versions(at, every=True)
            if every or turn == 1:
                check_overview(dataset, model)
            if every or turn == 4:
                check_validity(dataset)
                if not model.archived:
                    with assert_unchanged(self.root):
                        assert dataset.adopt() is None  # the log tells exactly these files

    def check_versions(self, at: int, *, every: bool) -> None:
        """Each version is the model of then; without `every` the oldest one, and another one each time."""
        known = sorted(self.past[at])
        for seq in known if every else {known[0], known[self.steps % len(known)]}:
            with contextlib.suppress(*([VersionNotShown] if seq in self.given_up[at] else [])):
                check_rows(self.sets[at].at(seq), self.past[at][seq], {}, deleted=True)

    def usable(self) -> bool:
        return not any(model.archived for model in self.models)

    def some_deleted(self) -> bool:
        return self.usable() and any(model.tombstones for model in self.models)

    def some_attached(self) -> bool:
        return self.usable() and any(model.parts for model in self.models)

    def some_state(self) -> bool:
        return self.usable() and any(model.state for model in self.models)

    def some_ids(self, data: st.DataObject, at: int, *, unknown: bool) -> list[str]:
        """Draw ids of records, and of others where asked to."""
        known = list(self.models[at].rows)
        pool = [*known, *(one for one in POSSIBLE if one not in known)] if unknown or not known else known
        return data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3, unique=True), label="ids")

    def some_values(self, data: st.DataObject, at: int, namespace: str, *, unknown: bool) -> dict[str, dict[str, Any]]:
        ids = self.some_ids(data, at, unknown=unknown)
        return {one: data.draw(cells(namespace), label="values") for one in ids}

    # ------------------------------------------------------------- records

    @precondition(usable)
    @rule(at=WHICH, records=st.lists(RECORDS, min_size=1, max_size=4), skip=st.sampled_from((True, True, False)))
    def add_sequences(self, at: int, records: list[Record], skip: bool) -> None:
        self.do(
            at,
            lambda model: model.add(records, skip=skip),
            lambda dataset: dataset.add_sequences(
                [one.row() for one in records], on_duplicate="skip" if skip else "error"
            ),
        )

    @precondition(usable)
    @rule(at=WHICH, records=st.lists(RECORDS, min_size=1, max_size=3))
    def import_file(self, at: int, records: list[Record]) -> None:
        file = self.place / "records.csv"
        header = "sequence,bio_type,alphabet,source\n"
        file.write_text(header + "".join(",".join(map(str, one.row().values())) + "\n" for one in records))
        self.do(
            at,
            lambda model: model.add(records, skip=True),
            lambda dataset: dataset.import_file(file, on_duplicate="skip"),
        )

    @precondition(usable)
    @rule(at=WHICH, data=st.data(), reason=st.sampled_from((None, "bad")), missing=BOOLEANS)
    def delete(self, at: int, data: st.DataObject, reason: str | None, missing: bool) -> None:
        ids = self.some_ids(data, at, unknown=missing)
        self.do(
            at,
            lambda model: model.delete(ids, reason, allow_missing=missing),
            lambda dataset: dataset.delete(ids, reason=reason, allow_missing=missing),
        )

    @precondition(some_deleted)
    @rule(at=WHICH, data=st.data(), missing=BOOLEANS)
    def restore(self, at: int, data: st.DataObject, missing: bool) -> None:
        ids = self.some_ids(data, at, unknown=missing)
        self.do(
            at,
            lambda model: model.restore(ids, allow_missing=missing),
            lambda dataset: dataset.restore(ids, allow_missing=missing),
        )

    @precondition(usable)
    @rule(at=WHICH, data=st.data(), fields=STATES, missing=BOOLEANS)
    def set_state(self, at: int, data: st.DataObject, fields: dict[str, Any], missing: bool) -> None:
        ids = self.some_ids(data, at, unknown=missing)
        self.do(
            at,
            lambda model: model.set_state(ids, fields, allow_missing=missing),
            lambda dataset: dataset.set_state(ids, **fields, allow_missing=missing),
        )

    @precondition(some_state)
    @rule(at=WHICH, data=st.data(), missing=BOOLEANS)
    def clear_state(self, at: int, data: st.DataObject, missing: bool) -> None:
        ids = self.some_ids(data, at, unknown=missing)
        self.do(
            at,
            lambda model: model.clear_state(ids, allow_missing=missing),
            lambda dataset: dataset.clear_state(ids, allow_missing=missing),
        )

    @precondition(usable)
    @rule(at=WHICH, key=st.sampled_from(("sequence_ci", "sequence_ci", "sequence", "id")), last=BOOLEANS)
    def dedupe(self, at: int, key: str, last: bool) -> None:
        self.do(
            at,
            lambda model: model.dedupe(key, keep_last=last),
            lambda dataset: dataset.dedupe(key=key, keep="keep-last" if last else "keep-first"),
        )

    @precondition(usable)
    @rule(at=WHICH, data=st.data(), snapshot=BOOLEANS)
    def drop_rows(self, at: int, data: st.DataObject, snapshot: bool) -> None:
        count = len(self.models[at].rows)
        numbers = sorted(data.draw(st.sets(st.integers(0, count - 1), max_size=1), label="rows")) if count else []
        chosen = ChosenRows(rows=np.array(numbers, np.int64))
        self.do(
            at,
            lambda model: model.drop_rows(numbers, snapshot=snapshot),
            lambda dataset: dataset.drop_rows(lambda _: chosen, action="model_drop", snapshot_before=snapshot),
        )

    # ------------------------------------------------------------- values

    @precondition(usable)
    @rule(
        at=WHICH,
        data=st.data(),
        namespace=NAMESPACES,
        overwrite=BOOLEANS,
        missing=BOOLEANS,
        key=st.sampled_from(("id", "sequence", "sequence_norm", "sequence_ci")),
    )
    def attach_file(
        self, at: int, data: st.DataObject, namespace: str, overwrite: bool, missing: bool, key: str
    ) -> None:
        values = self.some_values(data, at, namespace, unknown=missing and key == "id")
        texts = {record.id: record.sequence for record in self.models[at].rows.values()}
        if not values.keys() <= texts.keys():
            key = "id"  # nobody knows the sequence
        if key == "sequence_ci" and len({texts[one].upper() for one in values}) < len(values):
            key = "sequence"  # a file with one key twice is refused before anything else
        keys = list(values) if key == "id" else [texts[one] for one in values]
        file = self.place / "values.parquet"
        pq.write_table(table(namespace, keys, list(values.values()), key=key), file)
        self.do(
            at,
            lambda model: model.attach(
                namespace, values, "attach", key=key, allow_overwrite=overwrite, allow_missing=missing
            ),
            lambda dataset: dataset.attach(file, namespace, key=key, allow_overwrite=overwrite, allow_missing=missing),
        )

    @precondition(usable)
    @rule(at=WHICH, data=st.data(), namespace=NAMESPACES)
    def write_no_value(self, at: int, data: st.DataObject, namespace: str) -> None:
        """Nulls are no values, so a part of nothing else is none."""
        column = data.draw(st.sampled_from(sorted(COLUMNS[namespace])))
        values = {one: {column: None} for one in self.some_ids(data, at, unknown=False)}
        content = table(namespace, list(values), list(values.values()))
        self.do(
            at,
            lambda model: model.attach(
                namespace, values, "write_overlay", key="id", allow_overwrite=False, allow_missing=False
            ),
            lambda dataset: dataset.write_overlay(namespace, content, allow_overwrite=False),
        )

    @precondition(usable)
    @rule(at=WHICH, data=st.data(), namespace=NAMESPACES, overwrite=BOOLEANS, whole=BOOLEANS)
    def write_overlay(self, at: int, data: st.DataObject, namespace: str, overwrite: bool, whole: bool) -> None:
        values = self.some_values(data, at, namespace, unknown=False)
        content = table(namespace, list(values), list(values.values()))
        action = "write_overlay" if whole else "write_overlay_part"
        self.do(
            at,
            lambda model: model.attach(
                namespace, values, action, key="id", allow_overwrite=overwrite, allow_missing=False
            ),
            lambda dataset: getattr(dataset, action)(namespace, content, allow_overwrite=overwrite),
        )

    @precondition(some_attached)
    @rule(at=WHICH, snapshot=BOOLEANS)
    def materialize(self, at: int, snapshot: bool) -> None:
        self.fold(at, snapshot=snapshot)

    @precondition(some_attached)
    @rule(at=WHICH, archive=BOOLEANS, snapshot=BOOLEANS)
    def materialize_and_retire_overlays(self, at: int, archive: bool, snapshot: bool) -> None:
        self.fold(at, drop_overlays=not archive, archive_overlays=archive, snapshot=snapshot)

    @precondition(usable)
    @rule(at=WHICH, data=st.data(), drop=BOOLEANS, more=BOOLEANS)
    def materialize_and_drop_deleted(self, at: int, data: st.DataObject, drop: bool, more: bool) -> None:
        if more and self.models[at].rows:
            ids = self.some_ids(data, at, unknown=False)
            self.do(
                at,
                lambda model: model.delete(ids, None, allow_missing=False),
                lambda dataset: dataset.delete(ids),
            )
        self.fold(at, drop_deleted=True, drop_overlays=drop)

    @precondition(some_attached)
    @rule(at=WHICH, namespace=NAMESPACES, drop=BOOLEANS)
    def materialize_one_namespace(self, at: int, namespace: str, drop: bool) -> None:
        self.fold(at, namespaces=[namespace], drop_overlays=drop)

    def fold(
        self,
        at: int,
        *,
        namespaces: Sequence[str] | None = None,
        drop_overlays: bool = False,
        archive_overlays: bool = False,
        drop_deleted: bool = False,
        snapshot: bool = False,
    ) -> None:
        self.do(
            at,
            lambda model: model.materialize(
                namespaces, retire=drop_overlays or archive_overlays, drop_deleted=drop_deleted, snapshot=snapshot
            ),
            lambda dataset: dataset.materialize(
                namespaces=namespaces,
                drop_overlays=drop_overlays,
                archive_overlays=archive_overlays,
                drop_deleted=drop_deleted,
                snapshot_before=snapshot,
            ),
        )

    @precondition(some_attached)
    @rule(at=WHICH, namespace=NAMESPACES, drop=BOOLEANS)
    def compact_overlay(self, at: int, namespace: str, drop: bool) -> None:
        self.do(
            at,
            lambda model: model.compact(namespace),
            lambda dataset: dataset.compact_overlay(namespace, drop=drop),
        )

    @precondition(some_attached)
    @rule(at=WHICH, namespace=NAMESPACES, mode=st.sampled_from(("archive", "delete")))
    def remove_overlay(self, at: int, namespace: str, mode: str) -> None:
        self.do(
            at,
            lambda model: model.remove(namespace),
            lambda dataset: dataset.remove_overlay(namespace, mode=mode),
        )

    @precondition(usable)
    @rule(
        at=WHICH,
        data=st.data(),
        columns=st.sampled_from([["a__x"], ["a__s", "a__x"], ["b__f"], ["b__l"]]),
        some=BOOLEANS,
    )
    def clear_overlay(self, at: int, data: st.DataObject, columns: list[str], some: bool) -> None:
        ids = self.some_ids(data, at, unknown=data.draw(BOOLEANS)) if some else None
        namespace = namespace_of(columns[0])
        self.do(
            at,
            lambda model: model.clear(namespace, columns, ids),
            lambda dataset: dataset.clear_overlay(namespace, columns, ids=ids),
        )

    # ------------------------------------------------------------- sessions

    @precondition(usable)
    @rule(at=WHICH, data=st.data(), records=st.lists(RECORDS, max_size=3), namespace=NAMESPACES)
    def commit_session(self, at: int, data: st.DataObject, records: list[Record], namespace: str) -> None:
        rows = [(one, data.draw(st.one_of(st.just({}), cells(namespace)))) for one in records]

        def write(dataset: Dataset) -> None:
            with dataset.writer(namespaces=list(COLUMNS)) as writer:
                writer.add([one.row() for one, _ in rows], {namespace: [values or None for _, values in rows]})

        self.do(at, lambda model: model.write_session(rows), write)

    @precondition(usable)
    @rule(at=WHICH, data=st.data(), records=st.lists(RECORDS, min_size=1, max_size=3), namespace=NAMESPACES)
    def kill_session(self, at: int, data: st.DataObject, records: list[Record], namespace: str) -> None:
        rows = [(one, data.draw(st.one_of(st.just({}), cells(namespace)))) for one in records]
        self.whole = False
        writer = self.sets[at].writer(namespaces=list(COLUMNS))
        writer.__enter__()
        writer.add([one.row() for one, _ in rows], {namespace: [values or None for _, values in rows]})
        writer.flush()
        if writer._segment is not None:  # as the end of the process leaves it: no commit, and the lock is free
            writer._segment.close()
        writer._exits.close()
        self.models[at].abandon_session(rows)
        self.touched.add(at)

    # ------------------------------------------------------------- two datasets

    @precondition(usable)
    @rule(
        at=WHICH,
        policy=st.sampled_from(("skip", "error", "prefer-src", "prefer-dest")),
        same_columns=st.sampled_from((False, False, True)),
        avoid_case=BOOLEANS,
        carry=st.sampled_from(([], ["a"], ["b"], ["a", "b"])),
    )
    def merge(self, at: int, policy: str, same_columns: bool, avoid_case: bool, carry: list[str]) -> None:
        source = self.sets[1 - at]
        there = self.models[1 - at]
        carry = [one for one in carry if one in there.parts or there.base.keys() & COLUMNS[one].keys()] or carry[:1]
        with assert_unchanged(source.path):
            self.do(
                at,
                lambda model: model.merge(
                    self.models[1 - at], policy=policy, same_columns=same_columns, avoid_case=avoid_case, carry=carry
                ),
                lambda dataset: dataset.merge(
                    source,
                    if_duplicate=policy,
                    require_same_columns=same_columns,
                    avoid_casefold_dups=avoid_case,
                    carry_namespaces=carry,
                ),
            )

    # ------------------------------------------------------------- the dataset as a whole

    @precondition(usable)
    @rule(at=WHICH)
    def snapshot(self, at: int) -> None:
        self.do(at, lambda model: model.take_snapshot(), lambda dataset: dataset.snapshot())

    @precondition(usable)
    @rule(at=WHICH)
    def freeze_registry(self, at: int) -> None:
        self.do(at, lambda model: model.freeze(), lambda dataset: dataset.freeze_registry())

    @precondition(lambda self: self.usable() and self.registered < 2)
    @rule()
    def register_another_namespace(self) -> None:
        self.registered += 1
        register_namespace(self.root, f"more{self.registered}", [(f"more{self.registered}__x", "bool")])
        for model in self.models:
            model.registry = self.registered

    @precondition(usable)
    @rule(at=st.just(1))
    def init_again(self, at: int) -> None:
        """A dataset that is there is not made anew; one whose folder is gone is."""
        self.refused(at, lambda dataset: dataset.init(), "DatasetExists")
        shutil.rmtree(self.sets[at].path)
        self.models[at] = DatasetModel(registry=self.registered, frozen={self.registered}, stamp=self.registered)
        self.past[at], self.given_up[at] = {1: self.models[at]}, set()
        self.created[at], self.kept[at] = {}, {}
        self.sets[at] = self.opened(NAMES[at]).init(source="model")
        self.touched.add(at)

    @rule(at=WHICH)
    def reopen(self, at: int) -> None:
        if self.models[at].archived:
            self.sets[at] = Dataset.locate_archived(NAMES[at], root=self.root, actor=ACTOR, host=HOST)
        else:
            self.sets[at] = self.opened(NAMES[at])
            self.do(at, lambda model: model.told("model_health"), lambda dataset: dataset.record_event("model_health"))
        self.touched.add(at)

    @precondition(usable)
    @rule(at=WHICH)
    def put_away(self, at: int) -> None:
        self.do(at, lambda model: model.told("archive"), lambda dataset: dataset.archive())
        self.models[at].archived = True

    @precondition(lambda self: not self.usable())
    @rule()
    def bring_back(self) -> None:
        at = next(at for at in (0, 1) if self.models[at].archived)
        self.do(at, lambda model: model.told("unarchive"), lambda dataset: dataset.unarchive())
        self.models[at].archived = False

    @precondition(lambda self: not self.usable())
    @rule(data=st.data())
    def change_while_archived(self, data: st.DataObject) -> None:
        at = next(at for at in (0, 1) if self.models[at].archived)
        calls: dict[str, Callable[[Dataset], object]] = {
            "add": lambda dataset: dataset.add_sequences([{"sequence": "ACGT"}], on_duplicate="skip"),
            "overlay": lambda dataset: dataset.write_overlay("a", table("a", [POSSIBLE[0]], [{"a__x": 1}])),
            "delete": lambda dataset: dataset.delete([POSSIBLE[0]], allow_missing=True),
            "materialize": lambda dataset: dataset.materialize(),
            "compact": lambda dataset: dataset.compact_overlay("a"),
            "merge": lambda dataset: dataset.merge(self.sets[1 - at]),
            "snapshot": lambda dataset: dataset.snapshot(),
            "archive": lambda dataset: dataset.archive(),
            "session": lambda dataset: dataset.writer().__enter__(),
        }
        self.refused(at, calls[data.draw(st.sampled_from(sorted(calls)))], "DatasetArchived")

    # ------------------------------------------------------------- versions and copies

    @precondition(usable)
    @rule(at=WHICH, data=st.data())
    def rollback(self, at: int, data: st.DataObject) -> None:
        """Everything is as it was at a version; the log has one event more, where a file has to change."""
        seqs = sorted(self.past[at].keys() - self.given_up[at])
        seq = data.draw(st.sampled_from(seqs), label="version")
        model = self.models[at].rolled_back(self.past[at][seq])
        self.whole = False
        with self.sets[at].maintenance(reason="model"):
            outcome = self.sets[at].rollback(seq)
        if outcome.event is None:
            check_rows(self.sets[at], model, {}, deleted=True)
            return
        self.models[at] = self.past[at][len(model.events)] = model
        self.created[at] = {}
        self.touched.add(at)

    @precondition(usable)
    @rule(at=WHICH, data=st.data())
    def gc(self, at: int, data: st.DataObject) -> None:
        """The last version can be shown afterwards, and the one that was asked for; the others may be gone."""
        seq = data.draw(st.sampled_from(sorted(self.past[at].keys() - self.given_up[at])), label="version")
        last = len(self.models[at].events)
        self.whole = False
        outcome = self.sets[at].gc(keep_seconds=0, keep_versions=[seq])
        if outcome.event is not None:
            model = copy.deepcopy(self.models[at])
            model.told("gc")
            self.models[at] = self.past[at][len(model.events)] = model
            self.given_up[at] |= {*range(1, last)} - {seq}
        self.touched.add(at)

    @precondition(usable)
    @rule(history=BOOLEANS, records=st.lists(RECORDS, max_size=3), gone=BOOLEANS)
    def push_and_pull(self, history: bool, records: list[Record], gone: bool) -> None:
        """A copy is what was pushed; what is changed there comes here, one event for each change."""
        self.whole = False
        dataset, options = self.sets[0], SyncOptions(history=history)
        remotes, far = self.place / "remotes.yaml", self.place / "far"
        far.mkdir(exist_ok=True)
        remotes.write_text(f"remotes: {{far: {{type: folder, base_dir: {far}}}}}\n")
        remotes.chmod(0o600)
        dataset.push("far", options=options, remotes_file=remotes)
        shutil.copy(self.root / "registry.yaml", far)
        copied = Dataset.open(far, NAMES[0], actor=ACTOR, host=HOST)
        check_rows(copied, self.models[0], {}, deleted=True)
        oldest = min(self.past[0])
        with contextlib.suppress(*([] if history and oldest not in self.given_up[0] else [VersionNotShown])):
            check_rows(copied.at(oldest), self.past[0][oldest], {}, deleted=True)
        before = len(self.models[0].events)
        for one in records:
            after = copy.deepcopy(self.models[0])
            action = after.add([one], skip=True)
            if gone and action is None:
                action = after.delete([one.id], None, allow_missing=False)
                copied.delete([one.id])
            else:
                copied.add_sequences([one.row()], on_duplicate="skip")
            if action is not None:
                self.models[0] = self.past[0][len(after.events)] = after
        dataset.pull("far", options=options, remotes_file=remotes)
        if not history:
            self.given_up[0].update(range(before + 1, len(self.models[0].events)))
        self.touched.add(0)

    # ------------------------------------------------------------- calls that are refused

    @precondition(usable)
    @rule(at=WHICH, data=st.data())
    def refused_call(self, at: int, data: st.DataObject) -> None:
        unknown = "f" * 40
        one = table("a", [unknown], [{"a__x": 1}])
        text = pa.table({"id": [POSSIBLE[0]], "a__x": ["one"]})
        held = "a" in self.models[at].parts or any(map(self.models[at].base.__contains__, COLUMNS["a"]))
        there = "ColumnNotRegistered" if held else "NoSuchOverlay"
        calls: dict[str, tuple[str, Callable[[Dataset], object]]] = {
            "unknown id to delete": ("RecordsMissing", lambda dataset: dataset.delete([unknown])),
            "unknown id to restore": ("RecordsMissing", lambda dataset: dataset.restore([unknown])),
            "unknown id of a state": ("RecordsMissing", lambda dataset: dataset.set_state([unknown], masked=True)),
            "unknown id to clear": ("RecordsMissing", lambda dataset: dataset.clear_state([unknown])),
            "unknown key": ("UnmatchedKeys", lambda dataset: dataset.write_overlay("a", one)),
            "not an id": ("RecordIdInvalid", lambda dataset: dataset.delete(["ACGT"])),
            "state not allowed": ("StateValueNotAllowed", lambda dataset: dataset.set_state([unknown], split="dev")),
            "text for a number": ("AttachCell", lambda dataset: dataset.write_overlay("a", text, allow_missing=True)),
            "reserved": ("NamespaceReservedHere", lambda dataset: dataset.write_overlay("usr_state", one)),
            "not registered": ("NamespaceNotRegistered", lambda dataset: dataset.write_overlay("none", one)),
            "no such column": (there, lambda dataset: dataset.clear_overlay("a", ["a__none"])),
            "no such policy": ("UnknownChoice", lambda dataset: dataset.dedupe(key="sequence", keep="best")),
            "itself": ("MergeSameDataset", lambda dataset: dataset.merge(dataset)),
            "two ends": ("ValueError", lambda dataset: dataset.materialize(drop_overlays=True, archive_overlays=True)),
            "no action": ("ToolActionInvalid", lambda dataset: dataset.record_event("import")),
            "not archived": ("DatasetNotArchived", lambda dataset: dataset.unarchive()),
        }
        for bad in BAD_RECORDS:
            rows = [Record("GATTACA").row(), bad.row()]
            calls[f"bad sequence {bad.sequence}"] = (
                "ImportCellError",
                lambda dataset, rows=rows: dataset.add_sequences(rows, on_duplicate="skip"),
            )
        error, call = calls[data.draw(st.sampled_from(sorted(calls)))]
        self.refused(at, call, error)

    @precondition(usable)
    @rule(at=WHICH)
    def rewrite_outside_maintenance(self, at: int) -> None:
        plain = self.opened(NAMES[at])
        calls: tuple[Callable[[], object], ...] = (
            plain.materialize,
            plain.freeze_registry,
            lambda: plain.dedupe(key="id"),
            lambda: plain.compact_overlay("a"),
            lambda: plain.merge(self.sets[1 - at]),
        )
        for call in calls:
            self.refused(at, lambda _, call=call: call(), "MaintenanceRequired")

    @precondition(usable)
    @rule(at=WHICH, key=st.sampled_from(("sequence_ci", "id")), carry=st.sampled_from(([], ["a"])))
    def dry_runs(self, at: int, key: str, carry: list[str]) -> None:
        """A dry run changes nothing, and says how many rows there would be."""
        model, dataset = self.models[at], self.sets[at]
        carry = [one for one in carry if one in self.models[1 - at].parts]
        after = copy.deepcopy(model)
        after.merge(self.models[1 - at], policy="prefer-src", same_columns=False, avoid_case=True, carry=carry)
        with assert_unchanged(self.root):
            merged = dataset.merge(self.sets[1 - at], if_duplicate="prefer-src", carry_namespaces=carry, dry_run=True)
            if not model.key_refusals(key):
                deduped = dataset.dedupe(key=key, dry_run=True)
                model = copy.deepcopy(model)
                model.dedupe(key, keep_last=False)
                assert len(model.rows) == deduped.rows_after
        assert len(after.rows) == merged.rows_after


def table(namespace: str, keys: Sequence[str], rows: Sequence[Mapping[str, Any]], *, key: str = "id") -> pa.Table:
    """Return a table of these keys with the columns that any of the rows has."""
    columns = [column for column in COLUMNS[namespace] if any(column in row for row in rows)]
    return pa.table(
        {key: pa.array(keys, pa.string())}
        | {column: pa.array([row.get(column) for row in rows], KINDS[column]) for column in columns}
    )


@pytest.mark.parametrize("batch", range(-(-EXAMPLES // BATCH)))
def test_datasets_hold_what_the_model_says(batch: int, tmp_path: Path) -> None:
    """Rows, order, values, counts, snapshots and log are the model's after every step, and the files are valid."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as place:
        TEMPLATES[:] = _templates(Path(place))
        run_state_machine_as_test(
            Datasets,
            settings=settings(
                max_examples=min(BATCH, EXAMPLES - batch * BATCH),
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=not TORTURE,
                print_blob=True,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate, Phase.shrink],
            ),
        )

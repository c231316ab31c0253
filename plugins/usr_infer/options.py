"""What ``--writer-option`` tells the overlay writer `infer`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from usr_infer.columns import check_name
from usr_infer.errors import InferOptionInvalid

__all__ = ["OPTIONS", "WriterOptions", "read_options"]

OPTIONS = ("column", "ids", "rows", "model", "job", "run-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterOptions:
    """The options, checked.

    Attributes:
        column: The output that a ``.npy`` file, or the one array of a ``.npz`` file, holds; by default its name.
        ids: A file with an id for each row.
        dataset_order: Rows are in the dataset's order.
        dataset_order_else: They are so where the file has no ids, and none lie beside it.
        model, job: Whose columns are filled, if both are given; `model` alone is a value of ``infer__model``.
        run_id: A value for each row of ``run_id``.
    """

    column: str | None = None
    ids: Path | None = None
    dataset_order: bool = False
    dataset_order_else: bool = False
    model: str | None = None
    job: str | None = None
    run_id: str | None = None

    @property
    def prefix(self) -> str:
        """What stands before an output's name, ``<model>__<job>__``, or nothing."""
        return f"{self.model}__{self.job}__" if self.job is not None else ""

    @property
    def constants(self) -> dict[str, str]:
        """The outputs that are the same in every row."""
        found = {"model": self.model if self.job is None else None, "run_id": self.run_id}
        return {name: value for name, value in found.items() if value is not None}


def read_options(options: Mapping[str, str]) -> WriterOptions:
    """Return the options for a writer.

    Raises:
        InferOptionInvalid: An option is empty, two contradict each other, or `rows` is not ``dataset`` or ``auto``.
        InferNameUnsafe: Model and job can't be part of a column's name.
    """
    empty = next((name for name, value in options.items() if not value), None)
    if empty is not None:
        raise InferOptionInvalid(
            f"The writer's option {empty!r} is empty.",
            hint="Give it a value, or leave it out.",
            facts={"option": empty},
        )
    rows = options.get("rows")
    if rows not in (None, "dataset", "auto"):
        raise InferOptionInvalid(
            "The writer's option 'rows' is 'dataset', 'auto' or left out.",
            hint="rows=dataset says that rows are in the order in which `usr export` gives the records; rows=auto says "
            "so where there are no ids.",
            facts={"option": "rows", "value": rows},
        )
    if rows is not None and "ids" in options:
        raise InferOptionInvalid(
            "The writer's options 'ids' and 'rows' exclude each other.",
            hint="Give the ids where there are some.",
            facts={"option": "rows"},
        )
    model, job = options.get("model"), options.get("job")
    if job is not None:
        if model is None:
            raise InferOptionInvalid(
                "The writer's option 'job' needs 'model'.",
                hint="Give both: model=M and job=J.",
                facts={"option": "job"},
            )
        check_name(model, "model")
        check_name(job, "job")
    return WriterOptions(
        column=options.get("column"),
        ids=Path(options["ids"]) if "ids" in options else None,
        dataset_order=rows == "dataset",
        dataset_order_else=rows == "auto",
        model=model,
        job=job,
        run_id=options.get("run-id"),
    )

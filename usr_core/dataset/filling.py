"""Making a dataset and adding records to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from usr_core.dataset.site import DatasetSite, Progress
from usr_core.records.alphabets import default_alphabet
from usr_core.roots.dataset_id import new_dataset
from usr_core.roots.locate import refuse_archived_path

if TYPE_CHECKING:
    from usr_core.store.changes.import_.records import ImportOutcome

__all__ = ["Filling"]


class Filling(DatasetSite):
    """`init`, `import_file`, `add_sequences`."""

    def init(self, *, source: str | None = None, notes: str | None = None) -> Self:
        """Create the dataset: an empty base, `meta.md`, the frozen registry and the first event.

        Raises:
            DatasetExists: The dataset exists already.
            PullUnfinished: A first pull to that place has not come to its end.
            RegistryMissing, RegistryInvalid: The root has no valid registry.
        """
        from usr_core.store.changes.create import create_dataset

        self.ref = new_dataset(self.ref.root, self.ref.name)
        create_dataset(self._site(new=True), source=source, notes=notes)
        return self

    def import_file(
        self,
        path: str | Path,
        *,
        importer: str | None = None,
        bio_type: str = "dna",
        alphabet: str | None = None,
        source: str | None = None,
        on_duplicate: Literal["error", "skip"] = "error",
        progress: Progress | None = None,
    ) -> ImportOutcome:
        """Append the records of a file, all or none.

        Args:
            path: The file.
            importer: Name of an importer; by default the one for the file's suffix.
            bio_type, alphabet: What holds for files that have no such column; the alphabet is by default the
                narrowest one of the bio_type (``dna_4``, ``rna_4``, ``protein_20``).
            source: Where the records come from; by default the file's name.
            on_duplicate: ``skip`` leaves exact duplicates out and counts them.
            progress: Called with the number of rows just read.
        """
        import pyarrow as pa

        from usr_core.plugin.specs import ImportRequest
        from usr_core.store.changes.import_.records import ImportOptions, ImportSource, import_records

        file = Path(path)
        refuse_archived_path(file)
        name, reader = self._importer(importer, file)
        return import_records(
            self._site(),
            ImportSource(
                label=file.name,
                columns=lambda: reader.columns(ImportRequest(path=file)),
                batches=lambda wanted: reader.read(
                    ImportRequest(path=file, columns=tuple(wanted), types={"length": pa.int64()})
                ),
            ),
            ImportOptions(
                bio_type=bio_type,
                alphabet=alphabet or default_alphabet(bio_type),
                source=source or "",
                on_duplicate=on_duplicate,
                args={"from": name, "path": str(path), "source": source},
            ),
            progress=progress,
        )

    def add_sequences(
        self,
        rows: Iterable[Mapping[str, object]],
        *,
        bio_type: str = "dna",
        alphabet: str | None = None,
        source: str = "python",
        on_duplicate: Literal["error", "skip"] = "error",
    ) -> ImportOutcome:
        """Append records given as mappings with ``sequence`` and, optionally, the other columns of a record.

        Raises:
            RecordsExpected: `rows` are not mappings, such as texts or a table.
            RowWithoutSequence: A value is not text.
        """
        from usr_core.store.changes.import_.records import ImportOptions, ImportSource, import_records
        from usr_core.store.rules.mappings import batches_of_rows, checked_rows, columns_of_rows

        held = checked_rows(rows)
        return import_records(
            self._site(),
            ImportSource(
                label=source,
                columns=lambda: columns_of_rows(held),
                batches=lambda wanted: batches_of_rows(held, wanted, label=source),
            ),
            ImportOptions(
                bio_type=bio_type,
                alphabet=alphabet or default_alphabet(bio_type),
                source=source,
                on_duplicate=on_duplicate,
                args={"source": source, "rows": len(held)},
            ),
        )

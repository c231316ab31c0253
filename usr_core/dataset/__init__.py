"""`Dataset`: one dataset of a root, with a method for everything that can be done to it.

The command line is a thin layer over these methods. Importing this package loads nothing heavy; each
method imports what it uses. Verbs are grouped in modules by what they do, and joined here.
"""

from __future__ import annotations

from usr_core.dataset.archiving import Archiving
from usr_core.dataset.attaching import Attaching
from usr_core.dataset.filling import Filling
from usr_core.dataset.maintenance_verbs import MaintenanceVerbs
from usr_core.dataset.reading import Reading
from usr_core.dataset.record_life import RecordLife
from usr_core.dataset.syncing import Syncing
from usr_core.dataset.upkeep import Upkeep
from usr_core.dataset.writing import Writing

__all__ = ["Dataset"]


class Dataset(Filling, Attaching, Upkeep, MaintenanceVerbs, Writing, RecordLife, Archiving, Syncing, Reading):
    """One dataset, existing or to be made; see `Dataset.open`."""

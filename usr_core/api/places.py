"""Where things are: roots, datasets, the files inside a dataset, and the user's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.plugin.switches import config_path as config_path
    from usr_core.roots.dataset_id import DatasetRef as DatasetRef
    from usr_core.roots.errors import NoDatasetHere as NoDatasetHere
    from usr_core.roots.errors import RootMissing as RootMissing
    from usr_core.roots.errors import RootUnknown as RootUnknown
    from usr_core.roots.find_root import find_root as find_root
    from usr_core.roots.layout import DatasetLayout as DatasetLayout
    from usr_core.roots.locate import locate_dataset as locate_dataset
    from usr_core.roots.locate import refuse_archived_path as refuse_archived_path
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.plugin.switches": "config_path",
            "usr_core.roots.dataset_id": "DatasetRef",
            "usr_core.roots.errors": "NoDatasetHere RootMissing RootUnknown",
            "usr_core.roots.find_root": "find_root",
            "usr_core.roots.layout": "DatasetLayout",
            "usr_core.roots.locate": "locate_dataset refuse_archived_path",
        },
    )

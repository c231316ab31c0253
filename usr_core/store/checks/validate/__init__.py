"""Checking a dataset against everything that the format promises; nothing here writes.

`validate_dataset` opens one consistent state of the dataset and streams it once: the base and its rows, each
overlay, the registries and the log. It lists whatever it finds instead of stopping at the first fault.
"""

from usr_core.store.checks.validate.report import RegistryMode, ValidationReport
from usr_core.store.checks.validate.run import validate_dataset

__all__ = ["RegistryMode", "ValidationReport", "validate_dataset"]

"""Reading pages: what counts as damage of a file, and what does not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from usr_core.errors import OutOfMemory
from usr_core.store.checks.validate.pages import DAMAGE, memory_told


class TestMemory:
    @pytest.mark.parametrize("error", [MemoryError, pa.ArrowMemoryError])
    def test_that_ran_out_is_no_damage(self, error: type[Exception]) -> None:
        """Both kinds of memory error become the one that names the file, which no handler of damage takes."""
        with pytest.raises(OutOfMemory) as caught, memory_told("records.parquet"):
            raise error("malloc of size 1 failed")

        assert "records.parquet" == caught.value.facts["file"]
        assert not isinstance(caught.value, DAMAGE)

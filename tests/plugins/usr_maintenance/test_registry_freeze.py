"""``usr maintenance registry-freeze`` as it is typed."""

from __future__ import annotations

import pyarrow.parquet as pq

from support.cli import Usr
from support.overlays import ids_of
from support.tree import assert_unchanged

DS = "ns/base"


def stamped(usr: Usr) -> str:
    """Return the registry hash that the base carries."""
    metadata = pq.ParquetFile(usr.path(DS) / "records.parquet").schema_arrow.metadata
    return str(metadata[b"usr:registry_hash"].decode())


class TestRegistryFreeze:
    def test_a_changed_registry_is_frozen_and_stamped(self, seeded: Usr):
        """A file more under _registry/, its hash in the base, rows as before, one event that says why."""
        before, rows = stamped(seeded), ids_of(seeded.path(DS))
        seeded.ok("namespace", "register", "extra", "--columns", "extra__a:float64")
        out = seeded.ok("maintenance", "registry-freeze", DS).out

        digest = stamped(seeded)
        assert f"froze registry {digest} in ns/base\n" == out
        assert {f"registry.{one}.yaml" for one in (before, digest)} == {
            file.name for file in (seeded.path(DS) / "_registry").iterdir()
        }
        assert rows == ids_of(seeded.path(DS))
        event = seeded.events(DS)[-1]
        assert ("registry_freeze", digest, {"reason": "usr maintenance registry-freeze"}) == (
            event["action"],
            event["registry_hash"],
            event["maintenance"],
        )

    def test_a_frozen_registry_is_no_change(self, seeded: Usr):
        """Said so, with exit 0 and no event."""
        with assert_unchanged(seeded.root):
            assert "nothing was changed" in seeded.ok("maintenance", "registry-freeze", DS).out

    def test_needs_a_registry(self, seeded: Usr):
        """The dataset is as it was."""
        (seeded.root / "registry.yaml").unlink()
        with assert_unchanged(seeded.root):
            assert "registry.yaml" in seeded.refuses(3, "maintenance", "registry-freeze", DS).err

    def test_an_unknown_dataset(self, seeded: Usr):
        """Exit 3."""
        seeded.refuses(3, "maintenance", "registry-freeze", "ns/none")

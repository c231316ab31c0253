"""Which file system a path lies on."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core.fs.lock import file_system_of, is_network_place

TABLE = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:26 / /home rw - nfs4 server:/home rw
31 30 0:27 / /home/local rw - xfs /dev/sdb rw
32 22 0:28 / /with\040space rw - lustre mgs@tcp:/fs rw
33 22 0:29 / /over rw - ext4 /dev/sdc rw
34 22 0:30 / /over rw master:2 propagate_from:1 - beegfs beegfs_nodev rw
broken line
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(TABLE)
    return path


class TestFileSystemOf:
    @pytest.mark.parametrize(
        ("place", "kind"),
        [
            ("/data/x", "ext4"),
            ("/home/me", "nfs4"),
            ("/home", "nfs4"),
            ("/homework", "ext4"),
            ("/home/local/x", "xfs"),
            ("/with space/x", "lustre"),
            ("/over/x", "beegfs"),
        ],
    )
    def test_is_that_of_the_innermost_mount(self, table: Path, place: str, kind: str) -> None:
        """The longest mount point counts, and the later of two on one point."""
        assert kind == file_system_of(Path(place), table)

    def test_goes_where_a_link_leads(self, table: Path, tmp_path: Path) -> None:
        """A dataset reached through a link lies where the link points to."""
        (tmp_path / "link").symlink_to("/home/me")

        assert is_network_place(tmp_path / "link", table)

    def test_is_unknown_without_a_table(self, tmp_path: Path) -> None:
        """No mount table (another system): nothing is known, and nothing assumed."""
        assert file_system_of(tmp_path, tmp_path / "absent") is None
        assert not is_network_place(tmp_path, tmp_path / "absent")

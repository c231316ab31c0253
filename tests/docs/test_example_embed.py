"""examples/embed maps a PyTorch module: once a worker, in bounded batches, each worker with a GPU of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from support.docs import run_page
from usr_core import Dataset
from usr_core.testing.fixtures import DatasetFactory

EXAMPLE = Path(__file__).parents[2] / "examples" / "embed"
# Made in a worker, it notes the process and what that sees, and waits until another worker has done so too.
WATCHED = """
import os
import time
from pathlib import Path


class Watched:
    def __init__(self, folder):
        made = f"{os.getpid()} {os.environ['CUDA_VISIBLE_DEVICES']} {os.environ['OMP_NUM_THREADS']}"
        Path(folder, f"{os.getpid()}-{os.urandom(4).hex()}").write_text(made)
        end = time.monotonic() + 60
        while len(list(Path(folder).iterdir())) < 2 and time.monotonic() < end:
            time.sleep(0.02)

    def __call__(self, batch):
        return [len(sequence) for sequence in batch["sequence"].to_pylist()]
"""


@pytest.fixture
def torch_is_here() -> None:
    """Fail where CI lacks PyTorch; elsewhere it is not everybody's."""
    if importlib.util.find_spec("torch") is None:
        assert not os.environ.get("CI"), "PyTorch is missing: `make torch` installs it"
        pytest.skip("`make torch` installs PyTorch")


@pytest.fixture
def module(torch_is_here: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.delitem(sys.modules, "embed", raising=False)
    return importlib.import_module("embed")


@pytest.mark.torch
def test_does_what_its_page_says(module: ModuleType, tmp_path: Path) -> None:
    """The values are those of the module, one sequence at a time and without any padding."""
    import torch

    example = shutil.copytree(EXAMPLE, tmp_path / "embed")
    run_page(example / "README.md", example)
    found = Dataset.open(example, "lab/promoters").to_arrow(columns=["sequence", "lab__embedding"]).to_pydict()
    embed = module.Embed(str(example / "weights.pt"))
    with torch.inference_mode():
        expected = [embed.module(embed.tokens([sequence]))[0].tolist() for sequence in found["sequence"]]

    assert 4 == len(expected)
    assert {64} == {len(values) for values in expected}
    for one, other in zip(expected, found["lab__embedding"], strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_workers_make_a_model_once_and_see_a_gpu_each(
    dataset_factory: DatasetFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers and six shards, on a machine that has the GPUs 3 and 5."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    (tmp_path / "watched.py").write_text(WATCHED, encoding="utf-8")
    (made := tmp_path / "made").mkdir()
    sequences = [f"ACGT{'A' * number}" for number in range(12)]
    dataset = dataset_factory(sequences, namespaces={"mock": {"mock__length": "int64"}})
    dataset.map(
        f"{tmp_path / 'watched.py'}:Watched", into="mock__length", params={"folder": str(made)}, shards=6, workers=2,
        sample=False,
    ).wait(60).commit()  # fmt: skip
    told = [path.read_text().split() for path in made.iterdir()]

    assert 2 == len({process for process, _, _ in told}) == len(told)
    assert ["3", "5"] == sorted(gpu for _, gpu, _ in told)
    assert {str(max(1, len(os.sched_getaffinity(0)) // 2))} == {threads for _, _, threads in told}


@pytest.mark.torch
class TestPieces:
    def test_are_bounded_by_rows_and_by_letters(self, module: ModuleType) -> None:
        """Padding included; a sequence above the bound is alone."""
        embed = object.__new__(module.Embed)
        embed.rows, embed.most = 3, 100
        lengths = [10, 10, 10, 10, 30, 30, 40, 60, 500]
        pieces = list(embed.pieces(range(len(lengths)), lengths))

        assert list(range(len(lengths))) == [at for piece in pieces for at in piece]
        assert [[0, 1, 2], [3, 4, 5], [6], [7], [8]] == pieces

    def test_of_no_record_are_none(self, module: ModuleType) -> None:
        """An empty batch has an empty answer."""
        assert [] == list(object.__new__(module.Embed).pieces([], []))

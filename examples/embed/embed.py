"""A small PyTorch module over sequences: 64 numbers for each, made for `usr map`.

`Embed` is made once in each worker, so that the weights are read once, and is then called with batches. Put your own
module in the place of `Encoder`, and its letters in the place of `LETTERS`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import pyarrow as pa
import torch
from torch import nn

LETTERS = "ACGTN"
SIZE = 64


class Encoder(nn.Module):
    """Embeds the letters, looks at five neighbours at a time, and takes the mean over each sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(len(LETTERS) + 1, 16, padding_idx=0)
        self.neighbours = nn.Conv1d(16, SIZE, kernel_size=5, padding=2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        there = (tokens != 0).unsqueeze(1)
        found = torch.relu(self.neighbours(self.letters(tokens).transpose(1, 2))) * there
        return found.sum(dim=2) / there.sum(dim=2).clamp(min=1)


class Embed:
    """What `usr map --fn embed.py:Embed` calls.

    Args:
        weights: A file of weights, as `torch.save(module.state_dict(), file)` writes it.
        rows: The most sequences that the module gets at a time.
        letters: The most letters at a time, padding included: it bounds the memory, whatever the lengths are.
    """

    def __init__(self, weights: str, rows: int = 256, letters: int = 1 << 20) -> None:
        # `usr map` gives each worker one GPU to see, so the first one is its own.
        self.device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
        self.rows, self.most = rows, letters
        self.module = Encoder()
        self.module.load_state_dict(torch.load(weights, map_location=self.device, weights_only=True))
        self.module.to(self.device).eval()
        self.codes = torch.full((256,), LETTERS.index("N") + 1, dtype=torch.long)
        for code, letter in enumerate(LETTERS, start=1):
            self.codes[ord(letter)] = self.codes[ord(letter.lower())] = code

    def __call__(self, batch: pa.RecordBatch) -> object:
        """Return a matrix with a row for each record."""
        sequences = batch["sequence"].to_pylist()
        # Neighbours of one length need little padding.
        order = sorted(range(len(sequences)), key=lambda at: len(sequences[at]))
        found = torch.empty(len(sequences), SIZE)
        with torch.inference_mode():
            for places in self.pieces(order, [len(sequence) for sequence in sequences]):
                tokens = self.tokens([sequences[at] for at in places]).to(self.device)
                found[places] = self.module(tokens).cpu()
        return found.numpy()

    def pieces(self, order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
        """Cut records that are in the order of their lengths so that a piece has few enough rows and padded letters."""
        piece: list[int] = []
        for at in order:
            if piece and (len(piece) == self.rows or (len(piece) + 1) * lengths[at] > self.most):
                yield piece
                piece = []
            piece.append(at)
        if piece:
            yield piece

    def tokens(self, sequences: Sequence[str]) -> torch.Tensor:
        """Return a number for each letter, 0 behind the end of a sequence."""
        found = torch.zeros(len(sequences), max(1, *(len(sequence) for sequence in sequences)), dtype=torch.long)
        for row, sequence in enumerate(sequences):
            letters = torch.frombuffer(bytearray(sequence, "ascii"), dtype=torch.uint8) if sequence else found[row, :0]
            found[row, : len(sequence)] = self.codes[letters.long()]
        return found


if __name__ == "__main__":  # python embed.py weights.pt: weights to try it with, in place of trained ones
    torch.manual_seed(1)
    torch.save(Encoder().state_dict(), sys.argv[1])

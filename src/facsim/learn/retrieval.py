"""Retrieval between pictures and texts: how often the right one is among the nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics import RESAMPLES, Estimate, estimate_from

__all__ = ["Retrieval", "retrieval"]

_AMONG = (1, 5, 10)


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """Recall at k both ways among `gallery` pairs: for k, the share of queries with a right answer among the k nearest.

    Intervals are bootstraps over queries; the gallery is what it is, so recall of another size cannot be compared.
    """

    picture_to_text: dict[int, Estimate]
    text_to_picture: dict[int, Estimate]
    gallery: int
    distinct_texts: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, chance beside."""
        ways = {"picture_to_text": self.picture_to_text, "text_to_picture": self.text_to_picture}
        named = {
            way: {f"recall_at_{k}": figure.to_json() for k, figure in figures.items()} for way, figures in ways.items()
        }
        return {**named, "gallery": self.gallery, "distinct_texts": self.distinct_texts}


def retrieval(
    pictures: NDArray[np.float32], texts: NDArray[np.float32], captions: Sequence[str], *, among: Sequence[int] = _AMONG
) -> Retrieval:
    """The retrieval of N pairs of unit vectors (N, D) and (N, D), text i being `captions[i]` and that of picture i.

    Pictures with the same caption are each other's right answers. A wrong answer as near as the right one comes first.
    Raises FacsimError where there are no pairs or not one caption each.
    """
    if not len(pictures) == len(texts) == len(captions) > 0:
        raise FacsimError(f"found {len(pictures)} pictures, {len(texts)} texts and {len(captions)} captions")
    index = {text: place for place, text in enumerate(dict.fromkeys(captions))}
    group = np.array([index[text] for text in captions])
    right = group[:, None] == group[None, :]
    near = pictures.astype(np.float64) @ texts.astype(np.float64).T
    return Retrieval(
        picture_to_text=_recalls(_ranks(near, right), among),
        text_to_picture=_recalls(_ranks(near.T, right), among),
        gallery=len(captions),
        distinct_texts=len(index),
    )


def _ranks(near: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many wrong answers are at least as near as the nearest right one, (N,)."""
    best = np.where(right, near, -np.inf).max(axis=1)
    return ((near >= best[:, None]) & ~right).sum(axis=1)


def _recalls(ranks: NDArray[np.int64], among: Sequence[int]) -> dict[int, Estimate]:
    count, rng = len(ranks), np.random.default_rng(0)  # one fixed seed: a figure is a function of its input
    found: dict[int, Estimate] = {}
    for k in among:
        share = float((ranks < k).mean())
        found[k] = estimate_from(share, rng.binomial(count, share, size=RESAMPLES) / count, n=count)
    return found

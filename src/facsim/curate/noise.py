"""Labels that are probably wrong, by the scores of models that never saw the picture.

Confident learning: Northcutt, Jiang and Chuang 2021, Confident learning: estimating uncertainty in dataset labels (JAIR
70), by the library cleanlab. Scores have to be out-of-fold: a model that was trained on a wrong label repeats it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from facsim.errors import FormatError, MissingExtra, RecipeError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.stage import Scan

__all__ = ["LEAST_PICTURES", "Issues", "Noise", "find_issues"]

LEAST_PICTURES = 10
"""Fewer pictures say nothing of how a class is mislabelled."""

_WRITES = ("label_issue", "label_quality", "label_suggested")
_SCORE = "score_"  # columns of a predictions file: score_<class>


@dataclass(frozen=True, kw_only=True)
class Issues:
    """Of N pictures: whether the label is probably wrong, bool (N,); its out-of-fold probability (N,); the likeliest
    class, int64 (N,).
    """

    wrong: NDArray[np.bool_]
    quality: NDArray[np.float64]
    suggested: NDArray[np.int64]


def find_issues(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> Issues:
    """Issues among `labels` int64 (N,), columns of out-of-fold `scores` (N, C), which are rounded to 1e-4 first.

    A label is an issue by cleanlab's `prune_by_noise_rate`: as many of each off-diagonal cell of the confident joint as
    it estimates to be wrong, those by the largest margin. Raises MissingExtra where cleanlab is not installed.
    """
    if len(labels) < LEAST_PICTURES:
        raise FormatError(f"found {len(labels)} labelled pictures with scores, expected at least {LEAST_PICTURES}")
    try:
        from cleanlab.filter import find_label_issues  # type: ignore[import-not-found]  # the extra `noise`
    except ImportError as error:
        raise MissingExtra(
            f"finding wrong labels needs cleanlab, which cannot be imported ({error}); pip install 'facsim[noise]'"
        ) from error
    rounded = np.round(scores, 4) + 1e-6  # no class at exactly nothing, which cleanlab takes the logarithm of
    shares = rounded / rounded.sum(axis=1, keepdims=True)
    wrong = find_label_issues(labels, shares, filter_by="prune_by_noise_rate", n_jobs=1)
    return Issues(
        wrong=np.asarray(wrong, dtype=bool),
        quality=np.round(scores, 4)[np.arange(len(labels)), labels],
        suggested=np.round(scores, 4).argmax(axis=1),
    )


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Mark labels that are probably wrong, by out-of-fold scores. Needs the extra `noise` (cleanlab).

    labels: the column judged. predictions: a Parquet file of `facsim noise --out`, whose names are sample ids; "" reads
    the column `expression_scores` instead, which then has to be of models that never saw the pictures.
    """

    labels: str = "expression_given"
    predictions: str = ""

    name: ClassVar[str] = "noise"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if self.predictions and not self.predictions.endswith(".parquet"):
            raise RecipeError(f'noise.predictions is "{self.predictions}"; expected a .parquet file of `facsim noise`')

    @property
    def reads(self) -> tuple[str, ...]:
        """The labels, and the scores where they are a column."""
        return (self.labels, *(() if self.predictions else ("expression_scores",)))

    @property
    def writes(self) -> tuple[str, ...]:
        """Whether the label is probably wrong, how likely it is, and what the models say instead."""
        return _WRITES

    @property
    def weights(self) -> tuple[str, ...]:
        """The SHA-256 of the predictions, so that others make the verdicts stale."""
        return (hashlib.sha256(_bytes(self.predictions)).hexdigest(),) if self.predictions else ()

    def judge(self, scan: Scan) -> Iterator[pa.RecordBatch]:
        """One verdict a row, in order; null for a row without a label, without scores or with a problem."""
        given = _predicted(self.predictions) if self.predictions else None
        labels: list[int] = []
        scores: list[list[float] | None] = []
        for batch in scan.batches(self.reads):
            ids, problems = batch.column("sample_id").to_pylist(), batch.column("problem").to_pylist()
            names = batch.column(self.labels).to_pylist()
            labels += [EIGHT_EXPRESSIONS.index(name) if name in EIGHT_EXPRESSIONS else -1 for name in names]
            rows = [given.get(i) for i in ids] if given is not None else batch.column("expression_scores").to_pylist()
            scores += [None if sick else row for sick, row in zip(problems, rows, strict=True)]
        yield _judged(np.array(labels, dtype=np.int64), scores)


def _judged(labels: NDArray[np.int64], scores: list[list[float] | None]) -> pa.RecordBatch:
    """The rows of all pictures, those that have both a label and whole scores judged together, by `sample_id`'s run."""
    whole = np.array([_is_whole(row) for row in scores], dtype=bool) & (labels >= 0)
    wrong: list[bool | None] = [None] * len(labels)
    quality: list[float | None] = [None] * len(labels)
    suggested: list[str | None] = [None] * len(labels)
    rows = np.flatnonzero(whole)
    if rows.size:
        table = np.array([scores[row] for row in rows], dtype=np.float64)
        present = [k for k in range(len(EIGHT_EXPRESSIONS)) if table[:, k].any() or (labels[rows] == k).any()]
        places = {k: at for at, k in enumerate(present)}
        found = find_issues(np.array([places[k] for k in labels[rows].tolist()]), table[:, present])
        for at, row in enumerate(rows.tolist()):
            wrong[row], quality[row] = bool(found.wrong[at]), float(found.quality[at])
            suggested[row] = EIGHT_EXPRESSIONS[present[int(found.suggested[at])]]
    return pa.RecordBatch.from_pydict(
        {
            "label_issue": pa.array(wrong, pa.bool_()),
            "label_quality": pa.array(quality, pa.float32()),
            "label_suggested": pa.array(suggested, pa.string()),
        }
    )


def _is_whole(row: list[float] | None) -> bool:
    if row is None or len(row) != len(EIGHT_EXPRESSIONS) or None in row:
        return False
    return bool(np.isfinite(row).all() and min(row) >= -1e-6 and abs(sum(row) - 1) < 2e-3)


def _predicted(path: str) -> Mapping[str, list[float]]:
    """sample_id → eight scores, of a predictions file. Raises FormatError."""
    try:
        table = pq.read_table(pa.BufferReader(_bytes(path)))
        ids = [str(name).rsplit("/", 1)[-1].split(".")[0] for name in table["id"].to_pylist()]
        columns = {name.removeprefix(_SCORE) for name in table.column_names if name.startswith(_SCORE)}
        if strange := sorted(columns - set(EIGHT_EXPRESSIONS)):
            raise FormatError(f'{path} has scores of "{strange[0]}"; expected the eight expressions')
        nothing = np.zeros(table.num_rows)
        scores = [np.asarray(table[_SCORE + k], dtype=float) if k in columns else nothing for k in EIGHT_EXPRESSIONS]
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        raise FormatError(f"{path} holds no predictions ({error!r}); make it with `facsim noise --out`") from error
    return dict(zip(ids, np.stack(scores, axis=1).tolist(), strict=True))


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error}); make it with `facsim noise --out {path}`") from error

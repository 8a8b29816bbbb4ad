"""Labels that are probably wrong, by the scores of models that never saw the picture.

Confident learning: Northcutt, Jiang and Chuang 2021, Confident learning: estimating uncertainty in dataset labels (JAIR
70), by the library cleanlab. Scores have to be out-of-fold: a model that was trained on a wrong label repeats it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from facsim.curate.hashing import key_digests
from facsim.errors import FormatError, MissingExtra, RecipeError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.stage import Scan
from facsim.tables import read_columns

__all__ = ["LEAST_PICTURES", "Issues", "Noise", "find_issues"]

LEAST_PICTURES = 10
"""Fewer pictures say nothing of how a class is mislabelled."""

_WRITES = ("label_issue", "label_quality", "label_suggested")
_SCORE = "score_"  # columns of a predictions file: score_<class>
_PLACES = {name: place for place, name in enumerate(EIGHT_EXPRESSIONS)}
_BATCH_ROWS = 1000  # verdicts together


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
    rounded = np.round(scores, 4)
    quality, suggested = rounded[np.arange(len(labels)), labels], rounded.argmax(axis=1)
    rounded += 1e-6  # no class at exactly nothing, which cleanlab takes the logarithm of
    rounded /= rounded.sum(axis=1, keepdims=True)
    wrong = find_label_issues(labels, rounded, filter_by="prune_by_noise_rate", n_jobs=1)
    return Issues(wrong=np.asarray(wrong, dtype=bool), quality=quality, suggested=suggested)


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
        whole, labels = np.zeros(scan.num_rows, dtype=bool), np.empty(scan.num_rows, dtype=np.int8)
        scores, start = np.empty((scan.num_rows, len(_PLACES))), 0
        for batch in scan.batches(self.reads):
            rows, start = slice(start, start + batch.num_rows), start + batch.num_rows
            labels[rows] = [_PLACES.get(name, -1) for name in batch.column(self.labels).to_pylist()]
            scores[rows] = given.of(batch.column("sample_id")) if given else _listed(batch.column("expression_scores"))
            healthy = [not why for why in batch.column("problem").to_pylist()]
            whole[rows] = healthy & (labels[rows] >= 0) & _are_whole(scores[rows])
        every = bool(whole.all())
        yield from _judged(whole, labels if every else labels[whole], scores if every else scores[whole])


def _judged(
    whole: NDArray[np.bool_], labels: NDArray[np.int8], scores: NDArray[np.float64]
) -> Iterator[pa.RecordBatch]:
    """Verdicts on all rows (N,): on those that are `whole`, by their labels (M,) and scores (M, 8); null on others."""
    found, names = _found(labels, scores) if len(labels) else (None, pa.array([], pa.string()))
    done = 0
    for start in range(0, len(whole), _BATCH_ROWS):
        judged = whole[start : start + _BATCH_ROWS]
        places = done + np.cumsum(judged) - 1
        places, done = places[judged], done + int(judged.sum())
        yield pa.RecordBatch.from_pydict(
            {
                "label_issue": _spread(judged, found.wrong[places] if found else [], pa.bool_()),
                "label_quality": _spread(judged, found.quality[places] if found else [], pa.float32()),
                "label_suggested": names.take(_spread(judged, found.suggested[places] if found else [], pa.int64())),
            }
        )


def _found(labels: NDArray[np.int8], scores: NDArray[np.float64]) -> tuple[Issues, pa.Array]:
    """The issues, and the names of the classes that anything is called or may be, which their places are places in."""
    present = [k for k in range(len(_PLACES)) if scores[:, k].any() or (labels == k).any()]
    places = np.full(len(_PLACES), -1, dtype=np.int64)
    places[present] = np.arange(len(present))
    held = scores if len(present) == len(_PLACES) else scores[:, present]
    return find_issues(places[labels], held), pa.array([EIGHT_EXPRESSIONS[k] for k in present])


def _spread(judged: NDArray[np.bool_], values: Any, kind: pa.DataType) -> pa.Array:
    """The values at the rows that are judged, null at the others."""
    spread = np.zeros(len(judged), dtype=kind.to_pandas_dtype())
    spread[judged] = values
    return pa.array(spread, kind, mask=~judged)


def _listed(column: pa.Array) -> NDArray[np.float64]:
    """Lists of eight scores as float64 (n, 8); NaN where there is none, or another number of them."""
    scores = np.full((len(column), len(_PLACES)), np.nan)
    if pa.types.is_null(column.type):
        return scores
    lengths = pc.fill_null(pc.list_value_length(column), -1)  # type: ignore[attr-defined]
    eight = np.flatnonzero(lengths.to_numpy(zero_copy_only=False) == len(_PLACES))
    flat = pc.list_flatten(column.take(pa.array(eight))).cast(pa.float64())  # type: ignore[attr-defined]
    scores[eight] = flat.to_numpy(zero_copy_only=False).reshape(-1, len(_PLACES))
    return scores


def _are_whole(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows (n, 8) are distributions, to what rounding leaves."""
    with np.errstate(invalid="ignore", over="ignore"):
        total = reduce(np.add, scores.T)
        return np.isfinite(scores).all(axis=1) & (scores >= -1e-6).all(axis=1) & (np.abs(total - 1) < 2e-3)


@dataclass(frozen=True, kw_only=True)
class _Predicted:
    """Scores float64 (M, 8) of the pictures whose ids' digests are `keys` (M,), in order."""

    keys: NDArray[np.bytes_]
    scores: NDArray[np.float64]

    def of(self, ids: pa.Array) -> NDArray[np.float64]:
        """The scores of the pictures, NaN where there are none; of an id that is there twice, the later's."""
        wanted = key_digests(ids.to_pylist())
        at = np.searchsorted(self.keys, wanted, side="right") - 1
        found = np.full((len(wanted), self.scores.shape[1]), np.nan)
        known = np.flatnonzero((at >= 0) & (self.keys[at] == wanted)) if len(self.keys) else at[:0]
        found[known] = self.scores[at[known]]
        return found


def _predicted(path: str) -> _Predicted:
    """The scores of a predictions file. Raises FormatError."""
    try:
        table = read_columns(pa.BufferReader(_bytes(path)))
        names = (name for part in table.select(["id"]).to_batches(_BATCH_ROWS) for name in part["id"].to_pylist())
        keys = key_digests(str(name).rsplit("/", 1)[-1].split(".")[0] for name in names)
        columns = {name.removeprefix(_SCORE) for name in table.column_names if name.startswith(_SCORE)}
        if strange := sorted(columns - set(EIGHT_EXPRESSIONS)):
            raise FormatError(f'{path} has scores of "{strange[0]}"; expected the eight expressions')
        nothing = np.zeros(table.num_rows)
        scores = [np.asarray(table[_SCORE + k], dtype=float) if k in columns else nothing for k in EIGHT_EXPRESSIONS]
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        raise FormatError(f"{path} holds no predictions ({error!r}); make it with `facsim noise --out`") from error
    order = np.argsort(keys, kind="stable")
    return _Predicted(keys=keys[order], scores=np.stack(scores, axis=1)[order])


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error}); make it with `facsim noise --out {path}`") from error

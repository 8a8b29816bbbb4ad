"""A classifier's answer to every picture, in a file: what two evaluations are compared by."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from facsim.errors import FacsimError, FormatError
from facsim.learn.data import Pictures
from facsim.learn.evaluate import ordered_scores
from facsim.learn.leak_file import Leaks, listed_rows
from facsim.learn.leaks import SeenPictures
from facsim.learn.signatures import Signatures
from facsim.metrics import Comparison, compare
from facsim.models.weights import write_whole
from facsim.tables import read_columns

__all__ = ["Predictions", "compare_predictions", "predictions_of", "read_predictions", "write_predictions"]

_VERSION = 1
_ENTRY = b"facsim_predictions"


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Scores float32 (N, C) over `classes` of the pictures `ids` (N), whose classes are `truth` (N).

    `seen` (N) says of each picture whether the model was trained on it: "exact", "near", "listed" where a file of
    `facsim leaks` alone says so, "" for no, or None where that is not known. `facts` is plain JSON: which model,
    which pictures.
    """

    ids: tuple[str, ...]
    truth: tuple[str, ...]
    classes: tuple[str, ...]
    scores: NDArray[np.float32]
    seen: tuple[str | None, ...]
    facts: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def called(self) -> tuple[str, ...]:
        """The most likely class of each picture."""
        return tuple(self.classes[place] for place in self.scores.argmax(axis=1))


def predictions_of(
    scores: NDArray[np.float32],
    pictures: Pictures,
    *,
    classes: Sequence[str],
    training: tuple[NDArray[np.uint64] | None, Signatures | None] = (None, None),
    leaks: Leaks | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Predictions:
    """The predictions that scores (N, C) over `classes` are, for `pictures` (N), in the order of the pictures' classes.

    `training` are the hashes and the signatures that lie beside the model, each None where it does not; `leaks` names
    further pictures as copies.
    """
    return Predictions(
        ids=pictures.ids,
        truth=pictures.labels,
        classes=pictures.classes,
        scores=ordered_scores(scores, pictures, classes),
        seen=_listed(pictures, _seen(pictures, *training), leaks),
        facts={**(facts or {}), "data_fingerprint": pictures.fingerprint, "data_origin": pictures.origin},
    )


def write_predictions(predictions: Predictions, path: str | os.PathLike[str]) -> Path:
    """The file `path`, written whole: Parquet where it ends in .parquet, JSON where it ends in .json.

    A row a picture: `id`, `truth`, `predicted`, `score_<class>` for every class, `seen`. Raises FacsimError for other
    endings.
    """
    place = Path(path)
    if place.suffix not in (".parquet", ".json"):
        raise FacsimError(f'found the file name "{place.name}" for predictions, expected one in .parquet or .json')
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, _parquet(predictions) if place.suffix == ".parquet" else _json(predictions))
    return place


def read_predictions(path: str | os.PathLike[str]) -> Predictions:
    """The predictions that `write_predictions` wrote. Raises FormatError where the file is not of them."""
    place = Path(path)
    try:
        columns, held = _from_parquet(place) if place.suffix == ".parquet" else _from_json(place)
        classes = tuple(held["classes"])
        scores = np.stack([np.asarray(columns[f"score_{name}"], dtype=np.float32) for name in classes], axis=1)
        ids, truth, seen = (tuple(columns[name]) for name in ("id", "truth", "seen"))
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise FormatError(
            f"{place} holds no predictions ({error!r}); expected a file that `facsim evaluate --predictions` wrote"
        ) from error
    return Predictions(ids=ids, truth=truth, classes=classes, scores=scores, seen=seen, facts=held["facts"])


def compare_predictions(one: Predictions, other: Predictions, *, unseen: bool = False) -> tuple[Comparison, int]:
    """How `other` differs from `one`, on the same pictures, and how many pictures that is; from a fixed seed.

    With `unseen`, pictures that either was trained on, exactly or nearly, are left out. Raises FacsimError where the
    two are of other pictures, label one otherwise, or where nothing is left.
    """
    places = {name: place for place, name in enumerate(other.ids)}
    if set(one.ids) != places.keys():
        apart = len(set(one.ids) ^ places.keys())
        raise FacsimError(
            f"found predictions for {len(one)} and {len(other)} pictures, {apart} of them in one file only; expected "
            "the same pictures: evaluate both models on one test set"
        )
    differing = sum(truth != other.truth[places[name]] for name, truth in zip(one.ids, one.truth, strict=True))
    if differing:
        raise FacsimError(f"found {differing} pictures that the two files label otherwise, expected equal labels")
    rows = [i for i, name in enumerate(one.ids) if not unseen or not (one.seen[i] or other.seen[places[name]])]
    if not rows:
        raise FacsimError("found no picture that neither model was trained on; compare on other pictures")
    called = other.called
    found = compare(
        [one.truth[i] for i in rows],
        [one.called[i] for i in rows] if len(rows) < len(one) else one.called,
        [called[places[one.ids[i]]] for i in rows],
        classes=tuple(dict.fromkeys((*one.classes, *other.classes))),
        rng=np.random.default_rng(0),
    )
    return found, len(rows)


def _listed(pictures: Pictures, seen: tuple[str | None, ...], leaks: Leaks | None) -> tuple[str | None, ...]:
    if leaks is None:
        return seen
    return tuple(
        "listed" if named and not known else known
        for known, named in zip(seen, listed_rows(pictures, leaks), strict=True)
    )


def _seen(
    pictures: Pictures, hashes: NDArray[np.uint64] | None, signatures: Signatures | None
) -> tuple[str | None, ...]:
    known = SeenPictures(hashes=hashes, signatures=signatures)
    exact, near = known.exact(pictures), known.near(pictures)
    if exact is None:
        return (None,) * len(pictures)
    if near is None:
        near = np.zeros(len(pictures), dtype=bool)
    return tuple("exact" if same else "near" if like else "" for same, like in zip(exact, near, strict=True))


def _columns(predictions: Predictions) -> dict[str, Any]:
    scores = {f"score_{name}": predictions.scores[:, i] for i, name in enumerate(predictions.classes)}
    return {
        "id": list(predictions.ids),
        "truth": list(predictions.truth),
        "predicted": list(predictions.called),
        **scores,
        "seen": list(predictions.seen),
    }


def _held(predictions: Predictions) -> dict[str, Any]:
    return {"version": _VERSION, "classes": list(predictions.classes), "facts": dict(predictions.facts)}


def _parquet(predictions: Predictions) -> bytes:
    columns = _columns(predictions)
    table = pa.table({**columns, "seen": pa.array(columns["seen"], pa.string())})
    table = table.replace_schema_metadata({_ENTRY: json.dumps(_held(predictions)).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _json(predictions: Predictions) -> bytes:
    columns = {
        name: values if isinstance(values, list) else values.tolist() for name, values in _columns(predictions).items()
    }
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return (json.dumps({**_held(predictions), "predictions": rows}, indent=1) + "\n").encode()


def _from_parquet(place: Path) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    table = read_columns(io.BytesIO(place.read_bytes()))
    return table.to_pydict(), json.loads((table.schema.metadata or {})[_ENTRY])


def _from_json(place: Path) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    held = json.loads(place.read_text(encoding="utf-8"))
    rows = held["predictions"]
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}, held

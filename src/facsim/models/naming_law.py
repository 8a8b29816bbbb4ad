"""A law of names: what a collection of photographs would call a render, by what is known to be drawn in it.

    {"format": "facsim naming law 1", "fitted_on": "…", "how": "…", "stands_on": [{"name": …, "agreement": …,
     "commercial": …}], "names": ["anger", …],
     "numbers": [{"column": "AU12", "mean": 0.93, "sd": 1.61}, {"column": "yaw_deg", "absolute": true, …},
                 {"column": "apparent_ancestry", "at": 0, …}],
     "choices": {"occluder": ["hand_cheek", …]},
     "layers": [{"weights": [[…], …], "bias": […]}, …]}

A multinomial regression with hidden layers of hyperbolic tangents (Bishop 1995, Neural Networks for Pattern
Recognition, chapter 4): a few thousand numbers that see action units, pose, light and the like, and no pixel. `facsim
teach naming` fits one to what a teacher calls the renders of a run (`facsim.learn.labellers.naming`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from facsim.columns import COLUMNS
from facsim.errors import FormatError, hint_nearest
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.formats.terms import STANDS_ON, Terms, listed_terms, terms_list

__all__ = [
    "FORMAT",
    "Choice",
    "NamingLaw",
    "Number",
    "encode_rows",
    "is_law",
    "law_text",
    "load_law",
    "numbers_of",
    "word_of",
]

Floats = NDArray[np.float64]

FORMAT = "facsim naming law 1"
_MADE_BY = "a law of `facsim teach naming`"
_FARTHEST = 6.0
"""Standard deviations beyond which a number counts as that far off: a law says nothing of what it has not seen."""
_DIGITS = 5


@dataclass(frozen=True, kw_only=True)
class Number:
    """A column of numbers, or place `at` of one of lists, or its size without its sign; with the mean and the standard
    deviation that it is standardised by. Null counts as the mean."""

    column: str
    at: int | None = None
    absolute: bool = False
    mean: float = 0.0
    sd: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A column of words or truths, and the values that the law knows; any other counts as none of them."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class NamingLaw:
    """`layers` are weights float64 (inputs, outputs) and biases (outputs,): hidden ones, then the names'. `stands_on`
    are the terms of what the names come from; `sha256` is the file's."""

    names: tuple[str, ...]
    numbers: tuple[Number, ...]
    choices: tuple[Choice, ...]
    layers: tuple[tuple[Floats, Floats], ...]
    fitted_on: str
    how: str
    stands_on: tuple[Terms, ...] = ()
    sha256: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads, by short name, each once."""
        return tuple(dict.fromkeys(entry.column for entry in (*self.numbers, *self.choices)))

    def answer(self, rows: Sequence[Mapping[str, Any]]) -> Floats:
        """(N, 8) shares over `EIGHT_EXPRESSIONS` of rows by column; a name that the law lacks has 0.

        A row's answer is the same to the bit in any batch.
        """
        values = encode_rows(rows, numbers=self.numbers, choices=self.choices)
        for weights, bias in self.layers[:-1]:
            values = np.tanh(_product(values, weights) + bias)
        weights, bias = self.layers[-1]
        logits = _product(values, weights) + bias
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        found = np.zeros((len(rows), len(EIGHT_EXPRESSIONS)))
        places = [EIGHT_EXPRESSIONS.index(name) for name in self.names]
        found[:, places] = shares / shares.sum(axis=1, keepdims=True)
        return found


def _product(values: Floats, weights: Floats) -> Floats:
    """values @ weights, added up in one order whatever the batch (BLAS chooses its own by the number of rows)."""
    return (values[:, :, None] * weights).sum(axis=1)


def encode_rows(rows: Sequence[Mapping[str, Any]], *, numbers: Sequence[Number], choices: Sequence[Choice]) -> Floats:
    """(N, inputs): the standardised numbers, then of each choice a one at the value that the row has."""
    parts = [_standardised(rows, number)[:, None] for number in numbers]
    for choice in choices:
        said = np.array([word_of(row[choice.column]) for row in rows], dtype=object)
        parts.append(said[:, None] == np.array(choice.values, dtype=object)[None])
    return np.concatenate(parts, axis=1).astype(np.float64)


def numbers_of(rows: Sequence[Mapping[str, Any]], number: Number) -> Floats:
    """(N,) what the rows have of this number, as it is, NaN where it is not known."""
    found = np.array([_number(row[number.column], number.at) for row in rows], dtype=np.float64)
    return np.abs(found) if number.absolute else found


def _standardised(rows: Sequence[Mapping[str, Any]], number: Number) -> Floats:
    found = (numbers_of(rows, number) - number.mean) / number.sd
    return np.nan_to_num(np.clip(found, -_FARTHEST, _FARTHEST))


def _number(value: Any, at: int | None) -> float:
    if value is None or (at is not None and not 0 <= at < len(value)):
        return math.nan
    found = value if at is None else value[at]
    return math.nan if found is None else float(found)


def word_of(value: Any) -> str:
    """How a value of a column of words or truths stands in a law."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def law_text(law: NamingLaw) -> str:
    """The law as its file, JSON with numbers of five digits."""
    said = {
        "format": FORMAT,
        "fitted_on": law.fitted_on,
        "how": law.how,
        STANDS_ON: terms_list(law.stands_on),
        "names": list(law.names),
        "numbers": [_number_said(number) for number in law.numbers],
        "choices": {choice.column: list(choice.values) for choice in law.choices},
        "layers": [
            {"weights": [[_short(x) for x in row] for row in weights.tolist()], "bias": [_short(x) for x in bias]}
            for weights, bias in law.layers
        ],
    }
    return json.dumps(said, ensure_ascii=False) + "\n"


def _number_said(number: Number) -> dict[str, Any]:
    said: dict[str, Any] = {"column": number.column, "mean": _short(number.mean), "sd": _short(number.sd)}
    said |= {} if number.at is None else {"at": number.at}
    return said | ({"absolute": True} if number.absolute else {})


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def is_law(path: str) -> bool:
    """Whether the file says that it is one, right or not; a file that cannot be read is none."""
    try:
        with open(path, "rb") as file:
            return FORMAT.encode() in file.read(1000)
    except OSError:
        return False


@lru_cache(maxsize=8)
def load_law(path: str) -> NamingLaw:
    """The law in the file at `path`. Raises FormatError where there is no such file, or it is no such law."""
    try:
        held = Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror}); expected {_MADE_BY}") from error
    try:
        said: Any = json.loads(held)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is no JSON ({error}); expected {_MADE_BY}") from error
    if not isinstance(said, dict) or cast("dict[str, Any]", said).get("format") != FORMAT:
        raise FormatError(f'{path} is not of format "{FORMAT}"; expected {_MADE_BY}')
    return _read(cast("dict[str, Any]", said), path, hashlib.sha256(held).hexdigest())


def _read(said: Mapping[str, Any], path: str, sha256: str) -> NamingLaw:
    names = said.get("names")
    if not isinstance(names, list) or not names or len({*map(str, cast("list[Any]", names))}) < len(names):
        raise FormatError(f"{path} has `names` {names!r}, expected expressions, each once")
    for name in cast("list[Any]", names):
        if name not in EIGHT_EXPRESSIONS:
            raise FormatError(f'{path} has an expression "{name}".{hint_nearest(str(name), EIGHT_EXPRESSIONS)}')
    fitted_on, how = said.get("fitted_on"), said.get("how", "")
    if not isinstance(fitted_on, str) or not fitted_on or not isinstance(how, str):
        raise FormatError(f"{path} has no `fitted_on`, expected in words what the names come from")
    stands_on = listed_terms(said.get(STANDS_ON))
    if stands_on is None:
        raise FormatError(f"{path} has no `{STANDS_ON}`, expected the terms of what the names come from")
    numbers, choices = _read_numbers(said.get("numbers"), path), _read_choices(said.get("choices"), path)
    inputs = len(numbers) + sum(len(choice.values) for choice in choices)
    return NamingLaw(
        names=tuple(cast("list[str]", names)),
        numbers=numbers,
        choices=choices,
        layers=_read_layers(said.get("layers"), path, inputs=inputs, outputs=len(names)),
        fitted_on=fitted_on,
        how=how,
        stands_on=stands_on,
        sha256=sha256,
    )


def _read_numbers(said: Any, path: str) -> tuple[Number, ...]:
    if not isinstance(said, list) or not said:
        raise FormatError(f"{path} has no `numbers`, expected columns, each with its mean and standard deviation")
    return tuple(_read_number(entry, path) for entry in cast("list[Any]", said))


def _read_number(entry: Any, path: str) -> Number:
    held = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
    mean, sd, at, absolute = held.get("mean"), held.get("sd"), held.get("at"), held.get("absolute", False)
    place = at is None or (isinstance(at, int) and not isinstance(at, bool) and at >= 0)
    if not _finite(mean) or not _finite(sd) or sd <= 0 or not place or not isinstance(absolute, bool):
        raise FormatError(f"{path} has a number {entry!r}, expected a column, its mean and a deviation above 0")
    column = _known_column(held.get("column"), path, at=at)
    return Number(column=column, at=at, absolute=absolute, mean=float(mean), sd=float(sd))


def _read_choices(said: Any, path: str) -> tuple[Choice, ...]:
    held = cast("dict[str, Any]", said) if isinstance(said, dict) else None
    if held is None or not all(
        isinstance(values, list) and all(isinstance(value, str) for value in cast("list[Any]", values))
        for values in held.values()
    ):
        raise FormatError(f"{path} has `choices` {said!r}, expected columns, each with a list of values")
    return tuple(
        Choice(column=_known_column(name, path, words=True), values=tuple(values)) for name, values in held.items()
    )


def _known_column(name: Any, path: str, *, at: int | None = None, words: bool = False) -> str:
    """A column of numbers, of lists of them (`at`), or of words or truths. Raises FormatError for any other."""
    if not isinstance(name, str) or name not in COLUMNS:
        raise FormatError(f'{path} reads a column "{name}".{hint_nearest(str(name), COLUMNS)}')
    kind = COLUMNS[name].type
    if words:
        fits = pa.types.is_string(kind) or pa.types.is_boolean(kind)
    elif at is None:
        fits = pa.types.is_floating(kind) or pa.types.is_integer(kind)
    else:
        lists = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
        fits = lists and pa.types.is_floating(kind.value_type)
    if not fits:
        wanted = "words" if words else "numbers" if at is None else "lists of numbers"
        raise FormatError(f'{path} reads {wanted} from the column "{name}", which holds {kind}')
    return name


def _read_layers(said: Any, path: str, *, inputs: int, outputs: int) -> tuple[tuple[Floats, Floats], ...]:
    layers: list[tuple[Floats, Floats]] = []
    for number, entry in enumerate(cast("list[Any]", said) if isinstance(said, list) else []):
        held = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        weights, bias = _array(held.get("weights")), _array(held.get("bias"))
        before = len(layers[-1][1]) if layers else inputs
        if weights is None or bias is None or bias.ndim != 1 or weights.shape != (before, len(bias)):
            raise FormatError(f"{path} has layer {number} without {before} rows of weights as long as its bias")
        layers.append((weights, bias))
    if not layers or len(layers[-1][1]) != outputs:
        raise FormatError(f"{path} has no last layer of {outputs} outputs, expected `layers` that end with the names")
    return tuple(layers)


def _array(said: Any) -> Floats | None:
    try:
        found = np.array(said, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    return found if found.size and bool(np.isfinite(found).all()) else None


def _finite(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12

"""The expressions, by name: canonical names, every spelling of them in the wild, and the orders of datasets.

Class *names* cross module boundaries, never indices: AffectNet, RAF-DB, FER2013 and GANmut number the same
expressions differently. An index means something only together with the name of an order:

    >>> expression_at(3, order="fer2013"), expression_at(3, order="affectnet_7"), expression_at(3, order="raf_db")
    ('happiness', 'surprise', 'disgust')

These are names of *apparent* expressions, not of what anybody feels.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from facsim.errors import FacsimError, hint_nearest

__all__ = [
    "EIGHT_EXPRESSIONS",
    "LABEL_ORDERS",
    "SEVEN_EXPRESSIONS",
    "SPELLINGS",
    "LabelOrder",
    "expression_at",
    "expression_named",
    "index_of",
    "label_order",
    "positions_in",
]

SEVEN_EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
"""The seven, in facsim's own order: alphabetical."""

EIGHT_EXPRESSIONS = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
"""The seven and contempt, alphabetical."""

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "anger": ("angry", "angrily", "mad", "an", "ang"),
    "contempt": ("contemptuous", "scorn", "scornful", "con"),
    "disgust": ("disgusted", "disguested", "di", "dis"),
    "fear": ("fearful", "feared", "afraid", "scared", "frightened", "fe", "fea", "af"),
    "happiness": ("happy", "happily", "happyness", "happines", "joy", "joyful", "enjoyment", "ha", "hap"),
    "neutral": ("neutrality", "normal", "expressionless", "no expression", "ne", "neu"),
    "sadness": ("sad", "sadnes", "sorrow", "sorrowful", "sa"),
    "surprise": ("surprised", "suprise", "suprised", "surprize", "surprized", "su", "sur"),
}
"""Spellings beside the canonical names, lower case. The two-letter codes are JAFFE's and BU-3DFE's (AN DI FE HA NE SA
SU) and KDEF's (AF: afraid), the three-letter ones CREMA-D's and their like."""

_NOT_EXPRESSIONS: Mapping[str, str] = {
    "calm": "RAVDESS holds calm beside neutral, so it is not neutral's other name; leave it out or relabel it",
    "none": "AffectNet's 8: no expression could be named; leave such pictures out",
    "uncertain": "AffectNet's 9: the rater was not sure; leave such pictures out",
    "no face": "There is no face to label; leave such pictures out",
    "nf": "FER+'s votes for no face; leave such pictures out",
    "unknown": "FER+'s votes for an expression of none of its classes; leave such pictures out",
    "other": "An expression outside the classes; leave such pictures out",
}
_COMPOUND_FIRST = {"happily", "sadly", "fearfully", "angrily", "disgustedly", "surprisedly"}

_NAME_OF: Mapping[str, str] = {
    spelling: name for name, others in SPELLINGS.items() for spelling in (name, *others) if spelling
}


@dataclass(frozen=True, kw_only=True)
class LabelOrder:
    """How one dataset or model numbers its classes: canonical names from index `first` upwards.

    `excluded` are further indices in its files that are no expression, with what they mean.
    """

    name: str
    expressions: tuple[str, ...]
    first: int = 0
    excluded: Mapping[int, str] = field(default_factory=dict[int, str])
    source: str


_AFFECTNET = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")
_AFFECTNET_REST = {8: "none", 9: "uncertain", 10: "no face"}
_RAF_DB = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
_FER2013 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
_CK_PLUS = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")


def _order(name: str, expressions: tuple[str, ...], source: str) -> LabelOrder:
    return LabelOrder(name=name, expressions=expressions, source=source)


LABEL_ORDERS: Mapping[str, LabelOrder] = {
    order.name: order
    for order in (
        _order("alphabetical_7", SEVEN_EXPRESSIONS, "facsim; torchvision's ImageFolder over the seven class folders"),
        _order("alphabetical_8", EIGHT_EXPRESSIONS, "facsim; class folders of eight"),
        _order("fer2013", _FER2013, "column `emotion` of Kaggle's fer2013.csv"),
        LabelOrder(
            name="ferplus",
            expressions=_FERPLUS,
            excluded={8: "unknown", 9: "no face"},
            source="vote columns of fer2013new.csv, microsoft/FERPlus: eight expressions, `unknown`, `NF`",
        ),
        LabelOrder(
            name="affectnet_7",
            expressions=_AFFECTNET,
            excluded={7: "contempt"} | _AFFECTNET_REST,
            source="AffectNet's annotations without contempt, the protocol of 3,500 validation pictures",
        ),
        LabelOrder(
            name="affectnet_8",
            expressions=(*_AFFECTNET, "contempt"),
            excluded=_AFFECTNET_REST,
            source="AffectNet's annotations, the protocol of 4,000 validation pictures",
        ),
        LabelOrder(
            name="raf_db", expressions=_RAF_DB, first=1, source="list_patition_label.txt of RAF-DB (basic), from 1"
        ),
        _order("raf_db_from_0", _RAF_DB, "the same less 1, as POSTER and other training code number it"),
        _order("ck_plus", _CK_PLUS, "CK+'s *_emotion.txt, 1–7; 0 is neutral"),
        _order("ganmut", _AFFECTNET, "GANmut's checkpoints: AffectNet's first seven (its author, issue 5)"),
        _order("ganmut_axes", _AFFECTNET[1:], "GANmut's linear axes: the same without neutral"),
        _order("expw", _FER2013, "ExpW's label.lst; from general knowledge, so check it against your copy's readme"),
    )
}
"""Every order known, by name."""


def expression_named(text: str) -> str:
    """The canonical name of an expression spelt in any of the known ways: `Angry`, `0_surprise`, ` FEARFUL `.

    Case, surrounding blanks, `_`, `-` and a number with a separator in front do not matter. Raises FacsimError for
    anything else, with the nearest known spelling, and for a bare number, which means nothing without an order.
    """
    spelling = _spelling(text)
    if spelling in _NAME_OF:
        return _NAME_OF[spelling]
    raise FacsimError(f'"{text.strip()}" is not an expression. {_refusal(spelling)}')


def _spelling(text: str) -> str:
    """Lower case, one blank between words, without a leading folder number."""
    words = re.sub(r"[\s_\-]+", " ", text).strip().casefold()
    return re.sub(r"^[0-9]+[ .:)]+(?=[^0-9])", "", words)


def _refusal(spelling: str) -> str:
    """What to do about a spelling that is not one of an expression's."""
    if spelling in _NOT_EXPRESSIONS:
        return f"{_NOT_EXPRESSIONS[spelling]}."
    if re.fullmatch(r"[0-9]+", spelling):
        return f"A number means nothing without its order: use expression_at with one of {', '.join(LABEL_ORDERS)}."
    if spelling.split(" ")[0] in _COMPOUND_FIRST and " " in spelling:
        return "Compound expressions are not one of the seven; leave such pictures out."
    near = difflib.get_close_matches(spelling, [known for known in _NAME_OF if len(known) > 3], n=1)
    hint = f' Did you mean "{_NAME_OF[near[0]]}"?' if near else ""
    return f"Expected one of {', '.join(EIGHT_EXPRESSIONS)}, or another spelling of it.{hint}"


def label_order(name: str) -> LabelOrder:
    """The order of this name. Raises FacsimError with the nearest known name."""
    if name not in LABEL_ORDERS:
        raise FacsimError(f'no label order "{name}".{hint_nearest(name, LABEL_ORDERS)}')
    return LABEL_ORDERS[name]


def expression_at(index: int, *, order: str) -> str:
    """The canonical name of the class that `order` gives this index.

    Raises FacsimError for indices that the order does not have, saying what is known of them.
    """
    known = label_order(order)
    position = index - known.first
    if 0 <= position < len(known.expressions):
        return known.expressions[position]
    meaning = known.excluded.get(index)
    found = f'{index} is "{meaning}" in {order}' if meaning else f"{index} is not an index of {order}"
    last = known.first + len(known.expressions) - 1
    raise FacsimError(
        f"{found}; expected {known.first} to {last}. Leave such rows out, or name the order that they use."
    )


def index_of(expression: str, *, order: str) -> int:
    """The index that `order` gives a canonical name. Raises FacsimError where the order does not have that class."""
    known = label_order(order)
    if expression not in known.expressions:
        hint = hint_nearest(expression, known.expressions)
        raise FacsimError(f'order {order} has no class "{expression}"; it has {", ".join(known.expressions)}.{hint}')
    return known.first + known.expressions.index(expression)


def positions_in(source: Iterable[str], target: Iterable[str]) -> tuple[int, ...]:
    """For each name of `target`, its position in `source`: columns of scores to take, in the order to take them.

    Names are canonical. Raises FacsimError where `source` repeats a name or lacks one of `target`'s. Classes that only
    `source` has are dropped by taking these columns; scores then need normalising again.
    """
    names = tuple(source)
    wanted = tuple(target)
    if len(set(names)) != len(names):
        raise FacsimError(f"found a class twice among {', '.join(names)}; expected each once")
    missing = [name for name in wanted if name not in names]
    if missing:
        raise FacsimError(f"no class {', '.join(missing)} among {', '.join(names)}; choose classes that both have")
    return tuple(names.index(name) for name in wanted)

"""How many pictures the known datasets have, by split and, where known, by class; what their publishers say.

FER2013's counts by class are those of Kaggle's CSV for Training and PublicTest. A dataset that has several official
sizes (DigiFace-1M's two halves, AffectNet's two protocols) fits where it has one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["SIZES", "OfficialSize", "size_fault"]

_ABOUT = 0.02
"""How far a count may be from a size that is only known in round numbers."""


@dataclass(frozen=True, kw_only=True)
class OfficialSize:
    """One split's size, or the whole set's where `splits` is empty.

    `splits` are its names, lower case; `counts` the official sizes, any of which fits; `labelled` whether only pictures
    with an expression count; `rule` is `exact`, `about` (a round number, within 2 %) or `least`; `classes` expression →
    pictures.
    """

    counts: tuple[int, ...]
    splits: tuple[str, ...] = ()
    labelled: bool = False
    rule: str = "exact"
    classes: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def name(self) -> str:
        """What it is the size of."""
        return f"split {self.splits[0]}" if self.splits else "the whole set"

    @property
    def words(self) -> str:
        """The size in words: `28709`, `about 500000 or 1200000`, `4000 or 3500 labelled`."""
        before = {"exact": "", "about": "about ", "least": "at least "}[self.rule]
        numbers = " or ".join(str(count) for count in self.counts)
        return f"{before}{numbers}{' labelled' if self.labelled else ''}"

    def fits(self, count: int) -> bool:
        """Whether a set of `count` pictures has an official size."""
        if self.rule == "least":
            return count >= min(self.counts)
        slack = _ABOUT if self.rule == "about" else 0.0
        return any(abs(count - official) <= slack * official for official in self.counts)


_SEVEN: tuple[str, ...] = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
_FER_TRAINING: Mapping[str, int] = dict(zip(_SEVEN, (3995, 436, 4097, 7215, 4965, 4830, 3171), strict=True))
_FER_PUBLIC: Mapping[str, int] = dict(zip(_SEVEN, (467, 56, 496, 895, 607, 653, 415), strict=True))
_AFFECTNET = (OfficialSize(counts=(4000, 3500), splits=("validation", "val_set", "val"), labelled=True),)

SIZES: Mapping[str, tuple[OfficialSize, ...]] = {
    "fer2013": (
        OfficialSize(counts=(28_709,), splits=("training",), classes=_FER_TRAINING),
        OfficialSize(counts=(3589,), splits=("publictest",), classes=_FER_PUBLIC),
        OfficialSize(counts=(3589,), splits=("privatetest",)),
    ),
    "fer2013_folder": (
        OfficialSize(counts=(35_887,)),
        OfficialSize(counts=(28_709,), splits=("train", "training"), classes=_FER_TRAINING),
        # 0 and 7,178: both test sets in one folder, which the size of the whole set then says
        OfficialSize(counts=(3589, 0), splits=("publictest", "val", "validation", "valid"), classes=_FER_PUBLIC),
        OfficialSize(counts=(3589, 7178), splits=("privatetest", "test")),
    ),
    "ferplus": (
        OfficialSize(counts=(35_887,)),
        OfficialSize(counts=(28_709,), splits=("training",)),
        OfficialSize(counts=(3589,), splits=("publictest",)),
        OfficialSize(counts=(3589,), splits=("privatetest",)),
    ),
    "raf_db": (OfficialSize(counts=(12_271,), splits=("train",)), OfficialSize(counts=(3068,), splits=("test",))),
    "affectnet_csv": _AFFECTNET,
    "affectnet_npy": _AFFECTNET,
    "ck_plus": (OfficialSize(counts=(593,)), OfficialSize(counts=(327,), labelled=True)),
    "ck_plus_neutral": (OfficialSize(counts=(2 * 593,)), OfficialSize(counts=(593 + 327,), labelled=True)),
    "expw": (OfficialSize(counts=(91_793,)),),
    "sfew": (OfficialSize(counts=(958,), splits=("train",)), OfficialSize(counts=(436,), splits=("val",))),
    "digiface": (OfficialSize(counts=(720_000, 500_000, 1_220_000)),),
    "dcface": (OfficialSize(counts=(500_000, 1_200_000), rule="about"),),
    "emonet_face": (OfficialSize(counts=(400_000,), rule="least"),),
    "ffhq": (
        OfficialSize(counts=(60_000,), splits=("training",)),
        OfficialSize(counts=(10_000,), splits=("validation",)),
    ),
    "celeba_hq": (OfficialSize(counts=(30_000,)),),
}
"""Sizes by format; formats of no one dataset have none."""


def size_fault(size: OfficialSize, counts: Mapping[str, Mapping[str, int]]) -> str:
    """How `counts` (split → expression or "" → pictures) differ from an official size, in words; "" where they fit."""
    found: dict[str, int] = {}
    for split, classes in counts.items():
        if not size.splits or split.lower() in size.splits:
            for name, count in classes.items():
                if name or not size.labelled:
                    found[name] = found.get(name, 0) + count
    total = sum(found.values())
    what = f"{size.name}: {total} {'labelled ' if size.labelled else ''}pictures"
    if not size.fits(total):
        return f"{what}; officially {size.words}"
    wrong = [f"{name} {found.get(name, 0)} of {n}" for name, n in size.classes.items() if found.get(name) != n]
    return f"{what}, but by class {', '.join(wrong)}" if wrong and total else ""

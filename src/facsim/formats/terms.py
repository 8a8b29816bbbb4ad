"""The terms on which datasets may be used, one entry a format; every ingested row carries its own.

An entry says what the publishers say, as far as known, and points at the agreement. It is no legal advice: `ask` means
that nobody has said, or that it depends on where the pictures came from. [S] the terms were read in the dataset's own
repository, [G] they are general knowledge, to be checked against the agreement that you signed.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from facsim.errors import FormatError, hint_nearest

__all__ = [
    "COMMERCIAL",
    "ROW_TERMS",
    "STANDS_ON",
    "TERMS",
    "Terms",
    "carried_terms",
    "check_commercial",
    "listed_terms",
    "terms_as_one",
    "terms_for",
    "terms_from",
    "terms_list",
    "terms_of_rows",
    "terms_together",
]

COMMERCIAL = ("yes", "no", "ask")
"""Whether commercial use is allowed: yes, no, or nobody has said."""

ROW_TERMS = ("source_dataset", "source_terms", "source_commercial")
"""The columns of an ingested row that say its terms: name, agreement, verdict."""

STANDS_ON = "stands_on"
"""What a row of an exported dataset stands on, as JSON (`terms_list`); `[]`: facsim's own renders and models alone."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """A dataset's name, its licence or agreement and where to read it, and what follows.

    `commercial` is one of `COMMERCIAL`; `redistribution` says whether copies may be passed on, in the same words;
    `real_people` whether photographs of real people are in it (None: it depends); `grade` is S or G.
    """

    name: str
    agreement: str
    url: str = ""
    commercial: str = "ask"
    redistribution: str = "ask"
    real_people: bool | None = None
    grade: str = "G"

    @property
    def text(self) -> str:
        """One line for a row: the agreement and where to read it."""
        return self.agreement + (f"; {self.url}" if self.url else "")


_FER2013 = Terms(
    name="FER2013",
    agreement="Kaggle ICML 2013 challenge, research use",
    url="https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge",
    commercial="no",
    redistribution="no",
    real_people=True,
)
_AFFECTNET = Terms(
    name="AffectNet",
    agreement="AffectNet's end-user licence agreement, research use, no redistribution",
    url="http://mohammadmahoor.com/affectnet/",
    commercial="no",
    redistribution="no",
    real_people=True,
)
_CK_PLUS = Terms(
    name="CK+",
    agreement="CK+'s user agreement, research use, no redistribution",
    url="http://www.jeffcohn.net/Resources/",
    commercial="no",
    redistribution="no",
    real_people=True,
)
_OWN = Terms(
    name="facsim's renders",
    agreement="drawn and labelled by facsim alone: no third-party terms",
    commercial="yes",
    redistribution="yes",
    real_people=False,
    grade="S",
)
_UNSAID = Terms(name="not stated", agreement='not stated; say them with terms = "…" in [[input]]')

TERMS: Mapping[str, Terms] = {
    "fer2013": _FER2013,
    "fer2013_folder": _FER2013,
    "ferplus": Terms(
        name="FER+",
        agreement="votes: MIT (microsoft/FERPlus); pictures: FER2013's, Kaggle ICML 2013 challenge, research use",
        url="https://github.com/microsoft/FERPlus",
        commercial="no",
        redistribution="no",
        real_people=True,
        grade="S",
    ),
    "raf_db": Terms(
        name="RAF-DB",
        agreement="RAF-DB's licence agreement, research use, no redistribution",
        url="http://www.whdeng.cn/raf/model1.html",
        commercial="no",
        redistribution="no",
        real_people=True,
    ),
    "affectnet_csv": _AFFECTNET,
    "affectnet_npy": _AFFECTNET,
    "ck_plus": _CK_PLUS,
    "ck_plus_neutral": _CK_PLUS,
    "expw": Terms(
        name="ExpW",
        agreement="ExpW's terms, research use",
        url="http://mmlab.ie.cuhk.edu.hk/projects/socialrelation/index.html",
        commercial="no",
        redistribution="no",
        real_people=True,
    ),
    "sfew": Terms(
        name="SFEW",
        agreement="SFEW's agreement, research use, no redistribution; frames of films",
        url="https://cs.anu.edu.au/few/",
        commercial="no",
        redistribution="no",
        real_people=True,
    ),
    "digiface": Terms(
        name="DigiFace-1M",
        agreement="Research Use of Data Agreement (R-UDA), non-commercial, results included",
        url="https://github.com/microsoft/DigiFace1M",
        commercial="no",
        real_people=False,
        grade="S",
    ),
    "dcface": Terms(
        name="DCFace",
        agreement="no licence file; the generator was trained on photographs",
        url="https://github.com/mk-minchul/dcface",
        real_people=False,
        grade="S",
    ),
    "emonet_face": Terms(
        name="EmoNet-Face BIG",
        agreement="CC BY 4.0",
        url="https://huggingface.co/datasets/laion/emonet-face-big",
        commercial="yes",
        redistribution="yes",
        real_people=False,
        grade="S",
    ),
    "ffhq": Terms(
        name="FFHQ",
        agreement="CC BY-NC-SA 4.0; each photograph has its own licence in ffhq-dataset-v2.json",
        url="https://github.com/NVlabs/ffhq-dataset",
        commercial="no",
        redistribution="yes",
        real_people=True,
        grade="S",
    ),
    "celeba_hq": Terms(
        name="CelebA-HQ",
        agreement="CelebA's agreement, non-commercial research, no redistribution",
        url="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        commercial="no",
        redistribution="no",
        real_people=True,
    ),
    "class_folder": _UNSAID,
    "parquet": _UNSAID,
    "webdataset": _UNSAID,
    "pictures": _UNSAID,
    "face_crops": Terms(name="not stated", agreement="as each photograph's own, which every face carries"),
}
"""Terms by format."""


def terms_for(form: str) -> Terms:
    """The terms of what is laid out as `form`; of unknown layouts, that they are not stated."""
    return TERMS.get(form, _UNSAID)


def terms_from(text: str, *, form: str) -> Terms:
    """The terms that an input names in place of its format's own; those where `text` is empty.

    Either a name of `TERMS` (`"ffhq"`: a class folder made of FFHQ), or whether commercial use is allowed and the
    terms in words: `"yes: my own photographs, written consent"`. Raises FormatError for anything else.
    """
    if not text:
        return terms_for(form)
    if text in TERMS:
        return TERMS[text]
    verdict, colon, words = (part.strip() for part in text.partition(":"))
    if colon and verdict in COMMERCIAL and words:
        return Terms(name=terms_for(form).name, agreement=words, commercial=verdict)
    raise FormatError(
        f'the terms "{text[:80]}" say neither a dataset ({", ".join(TERMS)}) nor, as in "yes: my own photographs", '
        f"whether commercial use is allowed (yes, no or ask) and on what terms.{hint_nearest(text[:40], TERMS)}"
    )


def terms_together(parts: Iterable[Iterable[Terms] | None]) -> tuple[Terms, ...] | None:
    """The terms of all parts, each once, in order; None where those of a part are not known."""
    held = [None if part is None else tuple(part) for part in parts]
    known = [part for part in held if part is not None]
    return tuple(dict.fromkeys(itertools.chain.from_iterable(known))) if len(known) == len(held) else None


def terms_as_one(parts: Sequence[Terms]) -> Terms:
    """All in the words of one, with the narrowest verdict; of none, that all is facsim's own."""
    if not parts:
        return _OWN
    if len(parts) == 1:
        return parts[0]
    verdicts = [one.commercial for one in parts]
    return Terms(
        name=" + ".join(one.name for one in parts),
        agreement="; ".join(f"{one.name}: {one.text}" for one in parts),
        commercial=next((worst for worst in ("no", "ask") if worst in verdicts), "yes"),
    )


def terms_list(parts: Iterable[Terms]) -> list[dict[str, str]]:
    """Plain JSON: `[{name, agreement, commercial}]`, the agreement with where to read it."""
    return [{"name": one.name, "agreement": one.text, "commercial": one.commercial} for one in parts]


def listed_terms(found: object) -> tuple[Terms, ...] | None:
    """The terms of a `terms_list`; None where it is anything else."""
    if not isinstance(found, list):
        return None
    entries = cast(list[object], found)
    read = [_listed(cast(dict[str, object], one)) for one in entries if isinstance(one, dict)]
    terms = tuple(one for one in read if one is not None)
    return terms if len(terms) == len(entries) else None


def _listed(found: Mapping[str, object]) -> Terms | None:
    name, agreement, commercial = (found.get(key) for key in ("name", "agreement", "commercial"))
    if not (isinstance(name, str) and isinstance(agreement, str) and commercial in COMMERCIAL):
        return None
    return Terms(name=name, agreement=agreement, commercial=str(commercial))


def carried_terms(metadata: Mapping[str, Any]) -> tuple[Terms, ...] | None:
    """The terms that facsim wrote with a row: `STANDS_ON`, else the three columns of an ingested row; None where it has
    neither, or where they cannot be read."""
    if isinstance(said := metadata.get(STANDS_ON), str):
        return _standing(said)
    name, agreement, commercial = map(metadata.get, ROW_TERMS)
    one = _listed({"name": name, "agreement": agreement, "commercial": commercial})
    return None if one is None else (one,)


@functools.lru_cache(maxsize=256)  # rows of a set say much the same
def _standing(text: str) -> tuple[Terms, ...] | None:
    try:
        return listed_terms(json.loads(text))
    except (ValueError, RecursionError):
        return None


def terms_of_rows(rows: Iterable[Mapping[str, Any]], *, form: str) -> tuple[Terms, ...]:
    """The terms of a dataset laid out as `form`, each once: the format's where it says whether commercial use is
    allowed (the rows are then not asked), else those that the rows carry, and the format's for rows that carry none."""
    if terms_for(form).commercial != "ask":
        return (terms_for(form),)
    found: dict[Terms, None] = {}
    for row in rows:
        carried = carried_terms(row)
        found |= dict.fromkeys((terms_for(form),) if carried is None else carried or (_OWN,))
    return tuple(found) or (terms_for(form),)


def check_commercial(sources: Iterable[tuple[str, Terms]]) -> None:
    """Nothing where commercial use of every (source, terms) is allowed. Raises FormatError, naming those that fail."""
    faults = [
        f"{source} ({found.name}; commercial: {found.commercial}; {found.text})"
        for source, found in sources
        if found.commercial != "yes"
    ]
    if faults:
        raise FormatError(
            "commercial use is required, and not allowed, or not known to be, for:\n  "
            + "\n  ".join(faults)
            + '\nleave them out, or say the terms that you have: `facsim ingest PATH --terms "yes: …"`, or in a recipe '
            'terms = "yes: …" in [[input]] or [[step]]'
        )

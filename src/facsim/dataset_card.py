"""The card of an exported dataset: what it holds, whose faces, on what terms, how it was made and how it is read.

Markdown behind the front matter that the Hugging Face Hub reads (`README.md` of a dataset's repository). Everything in
it is counted from the rows that were written or stands in the run; nothing is claimed that a run does not know.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from facsim.columns import COLUMNS
from facsim.errors import FormatError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.formats.record import Record
from facsim.formats.terms import terms_as_one
from facsim.manifest import Manifest
from facsim.records import run_terms, step_origins

__all__ = ["CARD_FILE", "Census", "card_place", "card_text", "check_licence"]

CARD_FILE = "README.md"

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGEST = "1M<n<10M"
_AGES = ((5, "0–4"), (13, "5–12"), (20, "13–19"), (40, "20–39"), (60, "40–59"))
"""Groups of ages, each with the age at which it ends."""
_OLDEST = "60+"
_AXES = {
    "apparent_gender": "Apparent gender",
    "apparent_age_years": "Apparent age, years",
    "skin_tone_monk": "Skin tone, Monk scale",
}
_UNIT = re.compile(r"AU\d+[LR]?")
_READING = {
    "class_folder": 'datasets.load_dataset("imagefolder", data_dir="…")\ntorchvision.datasets.ImageFolder("…")',
    "parquet": 'datasets.load_dataset("parquet", data_files="….parquet")',
    "webdataset": 'datasets.load_dataset("webdataset", data_files="….tar")',
    "fer2013": 'pandas.read_csv("….csv")   # emotion, pixels, Usage: as in the challenge of 2013',
}


_BARE = ("fer2013",)
"""Formats that hold pictures and labels and nothing besides."""


@dataclass(kw_only=True)
class Census:
    """What was written, counted record by record: pictures by split and expression, people, and by each axis."""

    expressions: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    axes: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    people: set[str] = field(default_factory=set[str])
    columns: dict[str, None] = field(default_factory=dict[str, None])

    def add(self, record: Record) -> None:
        """Count one record."""
        self.expressions[record.split or "", str(record.expression)] += 1
        said = record.metadata
        self.columns |= dict.fromkeys(said)
        if isinstance(person := said.get("identity_id"), str):
            self.people.add(person)
        for axis in _AXES:
            if (value := said.get(axis)) is not None:
                self.axes.setdefault(axis, Counter())[_grouped(value)] += 1

    @property
    def count(self) -> int:
        """Pictures in all."""
        return self.expressions.total()

    @property
    def by_expression(self) -> dict[str, int]:
        """Pictures of each expression, by name, over all splits."""
        found = Counter[str]()
        for (_, expression), number in self.expressions.items():
            found[expression] += number
        return dict(sorted(found.items()))


def _grouped(value: Any) -> str:
    """A value of an axis, an age as its group."""
    if isinstance(value, float):
        return next((group for end, group in _AGES if value < end), _OLDEST)
    return str(value)


def check_licence(licence: str) -> None:
    """Raises FormatError for what is neither empty nor a word such as the Hub's `cc-by-4.0`."""
    if licence and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}", licence):
        raise FormatError(f'the licence is "{licence[:80]}"; expected an identifier, such as cc-by-4.0 or apache-2.0')


def card_place(to: str) -> str:
    """Where the card of what is written to `to` goes: into a folder, else beside the file, under its name and `.md`."""
    return os.path.join(to, CARD_FILE) if os.path.isdir(to) else f"{to}.md"


def card_text(run: Manifest, census: Census, *, name: str, form: str, licence: str = "") -> str:
    """The card, Markdown, of the `census` of what was written of `run` as `form`; `licence` is its maker's word."""
    parts = (
        _front_matter(census, name=name, licence=licence),
        _opening(run, census, name=name),
        _contents(census),
        _standing(run, licence, told="stands_on" in census.columns and form not in _BARE),
        _making(run),
        _reading(form),
        () if form in _BARE else _columns(census),
    )
    return "\n\n".join(text for part in parts if (text := "\n".join(part))) + "\n"


def _front_matter(census: Census, *, name: str, licence: str) -> Iterator[str]:
    yield "---"
    yield f"pretty_name: {json.dumps(name)}"
    if licence:
        yield f"license: {licence.lower()}"
    yield "task_categories: [image-classification]"
    yield "tags: [facial-expression-recognition, facsim]"
    yield f"size_categories: [{json.dumps(next((word for most, word in _SIZES if census.count < most), _LARGEST))}]"
    yield "---"


def _opening(run: Manifest, census: Census, *, name: str) -> Iterator[str]:
    drawn = "source_input" not in run.step("plan").writes
    people = f" of {len(census.people):,} people" if census.people else ""
    yield f"# {_plain(name)}"
    yield ""
    yield f"{census.count:,} pictures of faces{people}, each with its apparent expression. " + (
        "The faces are drawn and belong to nobody." if drawn else "The pictures were there before; see their terms."
    )
    yield ""
    yield (
        "An apparent expression is not an emotion: a label says what a face looks like, not what anybody feels. "
        "Apparent age, gender, ancestry and skin tone say how a face was drawn or looks, not what group somebody is "
        "of. The labels are not for judging people."
    )


def _contents(census: Census) -> Iterator[str]:
    splits = sorted({split for split, _ in census.expressions})
    found = {expression for _, expression in census.expressions}
    named = [*(name for name in EIGHT_EXPRESSIONS if name in found), *sorted(found - {*EIGHT_EXPRESSIONS})]
    yield "## What it holds"
    yield ""
    yield from _table(
        ["expression", *(split or "pictures" for split in splits)],
        [[name, *(f"{census.expressions[split, name]:,}" for split in splits)] for name in named],
    )
    for axis, title in _AXES.items():
        if counts := census.axes.get(axis):
            yield ""
            yield from _table(
                [title, "pictures"], [[value, f"{counts[value]:,}"] for value in sorted(counts, key=_order)]
            )


def _order(value: str) -> tuple[float, str]:
    """Numbers and groups of ages by size, words by the alphabet."""
    found = re.match(r"\d+", value)
    return (float(found[0]) if found else -1.0, value)


def _standing(run: Manifest, licence: str, *, told: bool) -> Iterator[str]:
    terms = run_terms(run)
    yield "## On what terms"
    yield ""
    if licence:
        yield f"Its maker gives it the licence {licence}."
        yield ""
    if not terms:
        yield f"{terms_as_one(()).agreement[0].upper()}{terms_as_one(()).agreement[1:]}."
        return
    yield "It stands on others' pictures or models" + ("; every row says on which (`stands_on`)." if told else ".")
    yield ""
    rows = [[of, found.name, found.text, found.commercial] for of, found in terms]
    yield from _table(["of", "what", "terms", "commercial use"], rows)


def _making(run: Manifest) -> Iterator[str]:
    recipe = run.recipe_text().strip()
    fence = "`" * max(3, 1 + max((len(found) for found in re.findall("`+", recipe)), default=0))
    yield "## How it was made"
    yield ""
    facsim = str(run.header.get("facsim", "not recorded"))
    yield f"By facsim {_plain(facsim)}, from the recipe below. What its steps stand on:"
    yield ""
    yield from (f"- {_plain(f'{step}: {words}')}" for step, words in step_origins(run) or [("all", "facsim alone")])
    yield ""
    yield f"{fence}toml"
    yield recipe
    yield fence


def _reading(form: str) -> Iterator[str]:
    yield "## How to read it"
    yield ""
    yield "```python"
    yield _READING.get(form, "")
    yield "```"


def _columns(census: Census) -> Iterator[str]:
    units = [name for name in census.columns if _UNIT.fullmatch(name)]
    others = [name for name in census.columns if name not in units]
    rows = [[f"`{name}`", *_meaning(name)] for name in others]
    if units:
        codes = ", ".join(str(code) for code in sorted({int(name[2:].rstrip("LR")) for name in units}))
        meaning = f"intensity of action units {codes}; `L` and `R`: of the subject's left and right side"
        rows.append(["`AU…`", meaning, COLUMNS["AU12"].unit])
    yield "## What each picture says of itself"
    yield ""
    yield from _table(["column", "meaning", "unit"], rows)


def _meaning(name: str) -> tuple[str, str]:
    if name == "stands_on":
        return "terms of what the row stands on, JSON; empty: facsim's own renders and models alone", ""
    if name == "sample_id":
        return "the sample", ""
    entry = COLUMNS.get(name)
    return ("", "") if entry is None else (entry.meaning, entry.unit)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for line in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(_plain(cell) for cell in line) + " |"


_ESCAPED: Mapping[str, str] = {"|": "\\|", "<": "&lt;"}


def _plain(text: str) -> str:
    """Text of a run's own in one line that neither ends a cell nor opens a tag."""
    one_line = " ".join(text.split())
    return "".join(_ESCAPED.get(letter, letter) for letter in one_line)

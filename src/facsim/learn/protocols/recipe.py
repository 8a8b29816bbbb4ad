"""A protocol's recipe: TOML that says which sets are trained on and tested on, how, and over which seeds.

    protocol = "matrix"             which protocol (facsim.learn.protocols.catalogue)
    seeds = [0, 1, 2]
    [variables]                     names for `${…}` in any text below; `--set name=path` gives or replaces one
    [pictures]                      size_px, colour, classes: what every network sees and names
    [train]                         use = "yardstick" or a training recipe, and any setting of TrainingConfig besides
    [[set]]                         what may be trained on
    [[test]]                        what is tested on
    [matrix]                        the protocol's own settings, under its name

Paths are relative to the recipe's file. Everything is checked before anything runs.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facsim.errors import FacsimError, RecipeError, hint_nearest
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.learn.data import PictureShape
from facsim.learn.mixtures import Quota
from facsim.recipe import build_settings, read_table, read_tables

__all__ = [
    "LABELS",
    "OF_VOTES",
    "PARTS",
    "Portion",
    "ProtocolRecipe",
    "SetRecipe",
    "load_protocol",
    "parse_protocol",
]

LABELS = ("given", "hard", "majority", "soft")
"""Labels of a set: its own; the likeliest class of its own, where those are soft; what most of FER+'s raters say; or
the distribution of their votes."""
OF_VOTES = ("majority", "soft")
"""The labels that FER+'s votes give."""

PARTS = ("all", "rest", "chooser")
"""Parts of a source: all of it, without the fixed tenth on which choices are made, or that tenth alone."""

_TABLES = ("protocol", "title", "seeds", "variables", "pictures", "train", "set", "test")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True, kw_only=True)
class Portion:
    """An ingredient of a mixture: another set by name, and how much of it (as in `SetRecipe`)."""

    set: str
    share: float | None = None
    count: int | None = None
    per_class: int | None = None

    @property
    def quota(self) -> Quota:
        """How much of the set."""
        return Quota(share=self.share, count=self.count, per_class=self.per_class)


@dataclass(frozen=True, kw_only=True)
class SetRecipe:
    """`[[set]]` and `[[test]]`: pictures by name.

    source: a run folder, a dataset in any format, or a run recipe (.toml), which is run first, once a seed with that
    seed for its plan. of: instead of a source, the sets that are joined. top_up_to: the second of two such sets fills
    every class of the first up to so many pictures. split, part (`PARTS`): what of the source. label (`LABELS`), votes:
    FER+'s file. outside: "refuse" or "leave_out" pictures whose label is none of the classes. without: sets or tests
    whose pictures (equal pixels) may not be in it. share, count, per_class: how much is drawn, of a source or of the
    whole mixture; every seed draws its own. validation_per_class: pictures a class of each source that are held out to
    validate on, disjoint from the training's (Mixed-SYN). after: a set that is learnt first, by the same settings; the
    training on this one begins from its weights. Only `matrix` has such rows; a mixture draws the pictures alone.
    """

    name: str
    source: str = ""
    of: tuple[Portion, ...] = ()
    top_up_to: int | None = None
    split: str = ""
    part: str = "all"
    label: str = "given"
    votes: str = ""
    outside: str = "refuse"
    without: tuple[str, ...] = ()
    share: float | None = None
    count: int | None = None
    per_class: int | None = None
    validation_per_class: int | None = None
    after: str = ""

    def __post_init__(self) -> None:
        place = f'set "{self.name}"'
        if not self.name or "/" in self.name:
            raise RecipeError(f"{place}: expected a name without /, since it begins the names of its pictures")
        if bool(self.source) == bool(self.of):
            raise RecipeError(
                f"{place} has {'both' if self.of else 'neither'}; expected a source, or sets to join (of)"
            )
        _one_of(self.part, PARTS, f"{place}.part")
        _one_of(self.label, LABELS, f"{place}.label")
        _one_of(self.outside, ("refuse", "leave_out"), f"{place}.outside")
        if (self.label in OF_VOTES) != bool(self.votes):
            raise RecipeError(
                f'{place} has label "{self.label}" and votes "{self.votes}"; {" and ".join(OF_VOTES)} need FER+\'s '
                "votes, the others none"
            )
        if self.top_up_to is not None and (len(self.of) != 2 or self.top_up_to < 1):
            raise RecipeError(f"{place}.top_up_to fills the first of two sets with the second; it has {len(self.of)}")
        if self.validation_per_class is not None and not (self.of and all(one.per_class for one in self.of)):
            raise RecipeError(f"{place}.validation_per_class needs sets to join, each with its per_class")
        try:
            _ = [self.quota, *(portion.quota for portion in self.of)]
        except FacsimError as error:
            raise RecipeError(f"{place}: {error}") from None

    @property
    def quota(self) -> Quota:
        """How much is drawn."""
        return Quota(share=self.share, count=self.count, per_class=self.per_class)


@dataclass(frozen=True, kw_only=True)
class ProtocolRecipe:
    """A protocol's recipe, variables filled in. `settings` are the protocol's own, `asked` the recipe as written."""

    protocol: str
    seeds: tuple[int, ...]
    sets: tuple[SetRecipe, ...]
    tests: tuple[SetRecipe, ...]
    title: str = ""
    shape: PictureShape = field(default_factory=PictureShape)
    classes: tuple[str, ...] = SEVEN_EXPRESSIONS
    train: Mapping[str, Any] = field(default_factory=dict[str, Any])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    asked: Mapping[str, Any] = field(default_factory=dict[str, Any])
    folder: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        names = [one.name for one in (*self.sets, *self.tests)]
        if repeated := [name for name, times in Counter(names).items() if times > 1]:
            raise RecipeError(f'two sets or tests are called "{repeated[0]}"; give one of them another name')
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise RecipeError(f"seeds are {list(self.seeds)}; expected at least one, each once")
        for place, entries in (("set", self.sets), ("test", self.tests)):
            if not entries:
                raise RecipeError(f"the recipe has no [[{place}]]; add one")
        for one in (*self.sets, *self.tests):
            for name in (*(portion.set for portion in one.of), *one.without):
                self.set_named(name)
        for one in self.tests:
            if one.after:
                raise RecipeError(f'test "{one.name}".after is "{one.after}"; a test is not learnt from')
        for one in self.sets:
            if one.after and self.protocol != "matrix":
                raise RecipeError(
                    f'set "{one.name}".after is "{one.after}"; only the protocol "matrix" trains one set after another'
                )
            self._check_order(one)

    def _check_order(self, first: SetRecipe) -> None:
        """Raise RecipeError where what a set is learnt after is no [[set]], or comes round to itself."""
        known, gone = {one.name: one for one in self.sets}, [first.name]
        while after := known[gone[-1]].after:
            if after not in known:
                raise RecipeError(
                    f'set "{gone[-1]}".after is "{after}", which is no [[set]].{hint_nearest(after, known)}'
                )
            if after in gone:
                raise RecipeError(f"sets come after one another in a ring: {' after '.join([*gone, after])}")
            gone.append(after)

    def set_named(self, name: str) -> SetRecipe:
        """The set or test of this name. Raises RecipeError with the nearest."""
        known = {one.name: one for one in (*self.sets, *self.tests)}
        if name not in known:
            raise RecipeError(f'there is no set "{name}".{hint_nearest(name, known)}')
        return known[name]

    def place(self, path: str) -> str:
        """`path` as it is, where absolute or a URL, else from the recipe's folder."""
        return path if "://" in path or Path(path).is_absolute() else str((self.folder / path).resolve())


def load_protocol(
    path: str | Path, *, variables: Mapping[str, str] | None = None, seeds: Sequence[int] = ()
) -> ProtocolRecipe:
    """The recipe in a file, with `variables` over its own, and of its seeds only `seeds` where there are any.

    Raises RecipeError.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"protocol recipe {path} cannot be read: {error}") from None
    try:
        return parse_protocol(text, folder=Path(path).parent, variables=variables, seeds=seeds)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None


def parse_protocol(
    text: str, *, folder: Path, variables: Mapping[str, str] | None = None, seeds: Sequence[int] = ()
) -> ProtocolRecipe:
    """The recipe that TOML text holds; its paths are relative to `folder`. `seeds` as for `load_protocol`.

    Raises RecipeError.
    """
    try:
        asked = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"the protocol recipe is not TOML: {error}") from None
    data = _filled(asked, variables or {})
    protocol = data.get("protocol")
    known = (*_TABLES, *([protocol.replace("-", "_")] if isinstance(protocol, str) else []))
    for key in data:
        if key not in known:
            raise RecipeError(f'a protocol recipe has no "{key}".{hint_nearest(key, known)}')
    if not isinstance(protocol, str):
        raise RecipeError('the recipe names no protocol; add `protocol = "matrix"` or another')
    pictures = dict(read_table(data, "pictures", "pictures")) if "pictures" in data else {}
    classes = _classes(pictures.pop("classes", None))
    own = protocol.replace("-", "_")
    return ProtocolRecipe(
        protocol=protocol,
        title=str(data.get("title", "")),
        seeds=_chosen(seeds, _seeds(data.get("seeds", [0]))),
        sets=tuple(_set(entry, f"set {i + 1}") for i, entry in enumerate(read_tables(data, "set"))),
        tests=tuple(_set(entry, f"test {i + 1}") for i, entry in enumerate(read_tables(data, "test"))),
        shape=build_settings(PictureShape, pictures, "pictures"),
        classes=classes,
        train=read_table(data, "train", "train") if "train" in data else {},
        settings=read_table(data, own, own) if own in data else {},
        asked={**asked, "seeds": asked.get("seeds", [0])},
        folder=folder,
    )


def _set(data: Mapping[str, Any], place: str) -> SetRecipe:
    settings = dict(data)
    entries = settings.get("of", [])
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise RecipeError(f'{place}.of is {entries!r}; expected a list of {{ set = "name", share = 0.05 }}')
    portions = [build_settings(Portion, entry, f"{place}.of {i + 1}") for i, entry in enumerate(entries)]
    made: SetRecipe = build_settings(SetRecipe, {**settings, "of": [_portion_table(one) for one in portions]}, place)
    return made


def _portion_table(portion: Portion) -> dict[str, Any]:
    return {name: value for name, value in vars(portion).items() if value is not None}


def _classes(found: Any) -> tuple[str, ...]:
    if found is None:
        return SEVEN_EXPRESSIONS
    if not isinstance(found, list) or len(found) < 2 or not all(isinstance(name, str) for name in found):
        raise RecipeError(f"pictures.classes is {found!r}; expected at least two class names")
    return tuple(found)


def _seeds(found: Any) -> tuple[int, ...]:
    if not isinstance(found, list) or not all(isinstance(one, int) and not isinstance(one, bool) for one in found):
        raise RecipeError(f"seeds is {found!r}; expected whole numbers, such as [0, 1, 2]")
    return tuple(found)


def _chosen(seeds: Sequence[int], own: tuple[int, ...]) -> tuple[int, ...]:
    """Those of the recipe's own seeds that are among `seeds`; all of them where there are none."""
    if foreign := [seed for seed in seeds if seed not in own]:
        raise RecipeError(
            f"the recipe has no seed {foreign[0]}, its seeds are {', '.join(map(str, own))}; choose among them, or "
            "write others into the recipe"
        )
    return tuple(seed for seed in own if seed in seeds) if seeds else own


def _filled(data: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The data with every `${name}` replaced; a variable that is needed and has no value is an error."""
    own = read_table(data, "variables", "variables") if "variables" in data else {}
    for name in given:
        if name not in own:
            raise RecipeError(f'the recipe has no variable "{name}".{hint_nearest(name, own)}')
    values = {**own, **given}

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return _VARIABLE.sub(lambda match: _value(match.group(1), values), value)
        if isinstance(value, Mapping):
            return {key: fill(entry) for key, entry in value.items()}
        return [fill(entry) for entry in value] if isinstance(value, list) else value

    return {key: value if key == "variables" else fill(value) for key, value in data.items()}


def _value(name: str, values: Mapping[str, Any]) -> str:
    if name not in values:
        raise RecipeError(f'"${{{name}}}" names no variable of [variables].{hint_nearest(name, values)}')
    if not isinstance(values[name], str) or not values[name]:
        raise RecipeError(f"the variable {name} has no value; give it one: --set {name}=PATH")
    return values[name]


def _one_of(value: str, known: Sequence[str], place: str) -> None:
    if value not in known:
        raise RecipeError(f'{place} is "{value}".{hint_nearest(value, known)}')

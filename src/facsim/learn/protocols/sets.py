"""The sets of a protocol's recipe as pictures: found or rendered, labelled as asked, drawn by quota and joined.

Sources are read once and held; every seed draws its own pictures of them. What a set trains on and what a test holds is
a function of the recipe, the data and the seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from facsim.errors import FacsimError, RecipeError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.formats.ferplus import read_ferplus_votes, relabelled
from facsim.formats.record import Record
from facsim.learn.data import Pictures, chooser_split, pictures_from, take
from facsim.learn.mixtures import Ingredient, Mixture, Quota, draw, held_out, mix, topped_up
from facsim.learn.protocols.holding import held_folder
from facsim.learn.protocols.recipe import ProtocolRecipe, SetRecipe
from facsim.learn.sources import load_pictures, records_of, stated
from facsim.products import OnProgress
from facsim.provenance import fingerprint_of

__all__ = ["Shelf", "single"]


def _quiet(_: Any) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The pictures of a recipe's sets and tests. `out` is the protocol's folder, in which run recipes are run.

    `units`: with the action units of runs. `loaded` holds the sources that were read.
    """

    recipe: ProtocolRecipe
    out: Path
    workers: int = 1
    on_progress: OnProgress = _quiet
    units: bool = False
    loaded: dict[str, Pictures] = field(default_factory=dict[str, Pictures])

    def training(self, wanted: str | SetRecipe, *, seed: int) -> Mixture:
        """What a set holds for a seed. Raises RecipeError where a class is asked for that it has not at all."""
        entry = self.recipe.set_named(wanted) if isinstance(wanted, str) else wanted
        mixture = self._joined(entry, seed) if entry.of else self._drawn(entry, seed)
        if not len(mixture.pictures):
            raise RecipeError(f'set "{entry.name}" holds no picture for seed {seed}; ask for more, or check its source')
        return mixture

    def validation(self, wanted: str | SetRecipe, *, seed: int) -> Pictures | None:
        """The pictures that a mixture holds out to validate on, disjoint from its training; None where it has none."""
        entry = self.recipe.set_named(wanted) if isinstance(wanted, str) else wanted
        if entry.validation_per_class is None:
            return None
        parts = list[Ingredient]()
        for portion in entry.of:
            whole = self.training(portion.set, seed=seed).pictures
            taken, _ = draw(whole, portion.quota, seed=seed)
            kept, _ = held_out(whole, taken, Quota(per_class=entry.validation_per_class), seed=seed)
            parts.append(Ingredient(name=portion.set, pictures=kept))
        return mix(parts, seed=seed).pictures

    def test(self, name: str) -> Pictures:
        """What a test holds: the same for every seed."""
        entry = self.recipe.set_named(name)
        if entry.of:
            raise RecipeError(f'test "{name}" joins sets; test on each of them, and name each')
        pictures, _ = draw(self._whole(entry, None), entry.quota, seed=0)
        if not len(pictures):
            raise RecipeError(f'test "{name}" holds no picture; check its source, split and labels')
        return pictures

    def run_folder(self, name: str, *, seed: int) -> str:
        """Where the run lies that a set is the whole of. Raises RecipeError where it is a mixture or has a quota."""
        entry = self.recipe.set_named(name)
        if entry.of or entry.quota != Quota():
            raise RecipeError(f'set "{name}" is no whole run; name one that is, without a share, count or per_class')
        return self._found(self.recipe.place(entry.source), seed)

    def _drawn(self, entry: SetRecipe, seed: int) -> Mixture:
        taken, short = draw(self._whole(entry, seed), entry.quota, seed=seed)
        return single(entry.name, taken, short)

    def _joined(self, entry: SetRecipe, seed: int) -> Mixture:
        parts = [
            Ingredient(name=one.set, pictures=self.training(one.set, seed=seed).pictures, quota=one.quota)
            for one in entry.of
        ]
        try:
            if entry.top_up_to is not None:
                joined = topped_up(parts[0], parts[1], per_class=entry.top_up_to, seed=seed)
            else:
                joined = mix(parts, seed=seed)
        except FacsimError as error:
            raise RecipeError(f'set "{entry.name}": {error}') from None
        if entry.quota == Quota():
            return joined
        taken, short = draw(joined.pictures, entry.quota, seed=seed)
        return replace(
            single(entry.name, taken, short), short={**joined.short, **({entry.name: short} if short else {})}
        )

    def _whole(self, entry: SetRecipe, seed: int | None) -> Pictures:
        """A source's pictures before any quota: the part asked for, without what may not be in it."""
        whole = self._source(entry, seed)
        if not entry.without and entry.part == "all":
            return whole
        barred = np.unique(np.concatenate([np.zeros(0, np.uint64), *self._hashes(entry, seed)]))
        if entry.part != "all":
            rest, chooser = chooser_split(whole, barred=frozenset(int(one) for one in barred))
            return rest if entry.part == "rest" else chooser
        free = ~np.isin(whole.hashes, barred)
        gone = int((~free).sum())
        left_out = {**whole.left_out, **({"barred": gone} if gone else {})}
        return replace(take(whole, free), left_out=left_out)

    def _hashes(self, entry: SetRecipe, seed: int | None) -> Iterator[np.ndarray[Any, Any]]:
        for name in entry.without:
            other = self.recipe.set_named(name)
            if other.of:
                raise RecipeError(f'set "{entry.name}".without names "{name}", which joins sets; name those')
            yield self._source(other, seed).hashes

    def _source(self, entry: SetRecipe, seed: int | None) -> Pictures:
        if entry.label == "hard":
            soft = self._source(replace(entry, label="given"), seed)  # read once for both
            likeliest = np.eye(len(soft.classes), dtype=np.float32)[soft.targets.argmax(axis=1)]
            return replace(soft, targets=likeliest, origin=f"{soft.origin}, hard labels")
        place = self._found(self.recipe.place(entry.source), seed)
        key = repr((place, entry.split, entry.label, entry.votes, entry.outside))
        if key not in self.loaded:
            self.loaded[key] = self._read(entry, place)
        return self.loaded[key]

    def _read(self, entry: SetRecipe, place: str) -> Pictures:
        shape, classes = self.recipe.shape, self.recipe.classes
        if entry.label == "given" and entry.outside == "refuse":
            split = entry.split or None
            kwargs = {"size_px": shape.size_px, "colour": shape.colour, "split": split, "classes": classes}
            return load_pictures(place, **kwargs, units=self.units)
        records = [one for one in records_of(place) if not entry.split or one.split == entry.split]
        if entry.label != "given":
            records = list(relabelled(records, read_ferplus_votes(self.recipe.place(entry.votes))))
        held = [made for one in records if (made := _labelled(one, entry, classes)) is not None]
        if not held:
            raise RecipeError(f'"{entry.name}": none of the {len(records)} pictures at {place} has a label as asked')
        outside = len(records) - len(held)
        found = pictures_from(held, shape=shape, classes=classes)
        labels = "" if entry.label == "given" else f", FER+ {entry.label}"
        split = f", split {entry.split}" if entry.split else ""
        left_out = {**found.left_out, **({"outside_classes": outside} if outside else {})}
        return stated(replace(found, left_out=left_out), place, records, of=split + labels)

    def _found(self, source: str, seed: int | None) -> str:
        """The source itself, or the finished run of a run recipe: with the seed, or with the recipe's own for tests."""
        if not source.endswith(".toml"):
            return source
        from facsim.recipe import load_recipe, recipe_text
        from facsim.runner import run

        recipe = load_recipe(source)
        if recipe.plan is None:
            raise RecipeError(f"{source} has no [plan] to give a seed to; run it, and give the run's folder")
        plan = recipe.plan if seed is None else replace(recipe.plan, seed=seed)
        asked = replace(recipe, plan=plan, products={})
        place = self.out / "runs" / f"{Path(source).stem}-{plan.seed}-{fingerprint_of(recipe_text(asked))[:8]}"
        with held_folder(self.out / "waiting" / place.name, self.on_progress):
            run(asked, str(place), workers=self.workers, on_progress=self.on_progress)
        return str(place)


def single(name: str, pictures: Pictures, short: Mapping[str, int] | None = None) -> Mixture:
    """One set as a mixture of itself, its pictures' names as they are."""
    labels = pictures.labels
    return Mixture(
        pictures=pictures,
        contents={name: {one: labels.count(one) for one in pictures.classes}},
        short={name: dict(short)} if short else {},
        repeated=len(pictures) - len(np.unique(pictures.hashes)),
    )


def _labelled(record: Record, entry: SetRecipe, classes: tuple[str, ...]) -> Record | None:
    """The record with the label asked for, unlabelled where it has none; None where its label is none of `classes`."""
    if entry.label == "soft":
        return _soft(record, entry, classes)
    if record.expression is None or record.expression in classes:
        kept = {} if entry.label == "majority" else record.metadata
        return replace(record, metadata=kept)
    if entry.outside == "leave_out":
        return None
    raise RecipeError(
        f'"{entry.name}": {record.name} is labelled "{record.expression}", none of {", ".join(classes)}; add that '
        'class to [pictures] classes, or say outside = "leave_out"'
    )


def _soft(record: Record, entry: SetRecipe, classes: tuple[str, ...]) -> Record | None:
    """The record with its votes as a distribution over `classes`; None where most votes are for another class."""
    found: Mapping[str, float] | Sequence[float] = record.metadata.get("expression_soft") or {}
    votes: Mapping[str, float] = (
        found if isinstance(found, Mapping) else {k: v for k, v in zip(EIGHT_EXPRESSIONS, found, strict=True) if v}
    )
    if not votes:
        return replace(record, expression=None, metadata={})
    best = max(votes, key=lambda name: votes[name])
    kept = {name: share for name, share in votes.items() if name in classes}
    if best in kept:
        return replace(record, expression=best, metadata={"expression_soft": kept})
    if entry.outside == "leave_out":
        return None
    raise RecipeError(f'"{entry.name}": {record.name} is voted "{best}"; say outside = "leave_out", or add that class')

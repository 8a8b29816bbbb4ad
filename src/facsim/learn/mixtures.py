"""Sets of pictures drawn by quota and joined: "renders + 5 % real", Mixed-SYN, a real set topped up with synthetic.

Drawing ranks people (or pictures, where nobody knows who is shown) by a hash of (seed, who) and takes the first of
each class. So a draw is a function of its seed, 5 % lies within 10 % of the same seed, a person is drawn in all classes
or in none but for the last that a quota cuts, and a class that has too few is reported and never made up for in
silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError, hint_nearest
from facsim.expressions import positions_in
from facsim.formats.terms import terms_together
from facsim.learn.data import Pictures, take
from facsim.sample import seed_for

__all__ = [
    "MIXED_SYN_TRAINING",
    "MIXED_SYN_VALIDATION",
    "Ingredient",
    "Mixture",
    "Quota",
    "draw",
    "held_out",
    "mix",
    "mixed_syn",
    "topped_up",
]

MIXED_SYN_TRAINING = 1250
"""Pictures a class and source that Mixed-SYN trains on (SyntFER's create_mixed_dataset.py)."""

MIXED_SYN_VALIDATION = 125
"""Pictures a class and source that it validates on (there too)."""


@dataclass(frozen=True, kw_only=True)
class Quota:
    """How much of a set is drawn: the whole of it, or what exactly one of the fields asks for.

    share: of every class, in (0, 1], rounded, at least one picture of each class that the set has. count: pictures in
    all, each class in proportion. per_class: pictures of every class, or of those named and none of the others.
    """

    share: float | None = None
    count: int | None = None
    per_class: int | Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("share", "count", "per_class") if getattr(self, name) is not None]
        if len(given) > 1:
            raise FacsimError(f"found {' and '.join(given)}, expected at most one of share, count and per_class")
        if self.share is not None and not 0 < self.share <= 1:
            raise FacsimError(f"found share = {self.share:g}, expected more than 0 and at most 1 (5 % is 0.05)")
        asked = self.per_class.values() if isinstance(self.per_class, Mapping) else (self.per_class,)
        if min(value for value in (self.count, *asked, 1) if value is not None) < 1:
            raise FacsimError(f"found {self}, expected at least one picture")

    def asked_of(self, pictures: Pictures) -> dict[str, int]:
        """Class -> how many are asked for of `pictures`. Raises FacsimError for a class that they do not know."""
        counts = _counts(pictures)
        if self.share is not None:
            return {name: max(1, round(self.share * n)) if n else 0 for name, n in counts.items()}
        if self.count is not None:
            return _in_proportion(counts, self.count)
        if isinstance(self.per_class, Mapping):
            unknown = next((name for name in self.per_class if name not in counts), None)
            if unknown is not None:
                raise FacsimError(f'found a quota for "{unknown}", no class of the set.{hint_nearest(unknown, counts)}')
            return {name: self.per_class.get(name, 0) for name in counts}
        return counts if self.per_class is None else dict.fromkeys(counts, self.per_class)


@dataclass(frozen=True, kw_only=True)
class Ingredient:
    """A set of a mixture: its name, its pictures, and how much of them."""

    name: str
    pictures: Pictures
    quota: Quota = field(default_factory=Quota)


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Pictures with what went into them.

    `contents` and `short` map a set's name to a class to a count: what was taken, and what a quota asked for and the
    set had not (nothing where it had all). `repeated` counts pictures whose pixels are those of one before them.
    """

    pictures: Pictures
    contents: Mapping[str, Mapping[str, int]]
    short: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    repeated: int = 0

    def to_json(self) -> dict[str, Any]:
        """`{n, contents, short, repeated, fingerprint, origin}`, plain JSON."""
        return {
            "n": len(self.pictures),
            "contents": {name: dict(counts) for name, counts in self.contents.items()},
            "short": {name: dict(counts) for name, counts in self.short.items()},
            "repeated": self.repeated,
            "fingerprint": self.pictures.fingerprint,
            "origin": self.pictures.origin,
        }


def draw(pictures: Pictures, quota: Quota, *, seed: int) -> tuple[Pictures, dict[str, int]]:
    """The pictures that `quota` takes, in their own order, and class -> how many it asked for that are not there."""
    return _first(pictures, quota.asked_of(pictures), _ranked(pictures, seed))


def held_out(pictures: Pictures, training: Pictures, quota: Quota, *, seed: int) -> tuple[Pictures, dict[str, int]]:
    """What `quota` takes of the pictures that share no person, name or pixels with `training`, drawn of the same set.

    Classes that have too few left are reported as in `draw`: training is served first.
    """
    people = {who for who in training.identities or () if who is not None}
    identities = pictures.identities or (None,) * len(pictures)
    names = set(training.ids)
    free = [name not in names and who not in people for name, who in zip(pictures.ids, identities, strict=True)]
    rest = np.array(free, dtype=bool) & ~np.isin(pictures.hashes, training.hashes)
    asked = quota.asked_of(pictures)
    left = take(pictures, rest)
    return _first(left, asked, _ranked(left, seed))


def mix(ingredients: Sequence[Ingredient], *, seed: int) -> Mixture:
    """The ingredients drawn and joined, in their order.

    Pictures and people are named `<set>/<name>`, so that names stay unique and two sets' person 7 stay two people;
    `origin` says how many of what. Raises FacsimError where there is none, or where names, classes or shapes clash.
    """
    _check(ingredients)
    drawn = {one.name: draw(one.pictures, one.quota, seed=seed) for one in ingredients}
    classes = ingredients[0].pictures.classes
    joined = _joined({name: _reordered(pictures, classes) for name, (pictures, _) in drawn.items()})
    return Mixture(
        pictures=joined,
        contents={name: _counts(pictures) for name, (pictures, _) in drawn.items()},
        short={name: short for name, (_, short) in drawn.items() if short},
        repeated=len(joined) - len(np.unique(joined.hashes)),
    )


def mixed_syn(
    sources: Mapping[str, Pictures],
    *,
    seed: int,
    training: int = MIXED_SYN_TRAINING,
    validation: int = MIXED_SYN_VALIDATION,
) -> tuple[Mixture, Mixture]:
    """Mixed-SYN: so many pictures a class of every source to train on, and so many to validate on.

    The two share no person, name or pixels within a source. The original draws without a seed; this one's is `seed`.
    """
    taken = {name: draw(held, Quota(per_class=training), seed=seed) for name, held in sources.items()}
    kept = {
        name: held_out(held, taken[name][0], Quota(per_class=validation), seed=seed) for name, held in sources.items()
    }
    return _mixture(taken), _mixture(kept)


def topped_up(real: Ingredient, synthetic: Ingredient, *, per_class: int, seed: int) -> Mixture:
    """The real ingredient, every class that has fewer than `per_class` filled up to it with synthetic pictures.

    Real pictures above `per_class` stay. The synthetic ingredient's own quota bounds what may be filled in.
    """
    base, missing_real = draw(real.pictures, real.quota, seed=seed)
    pool, _ = draw(synthetic.pictures, synthetic.quota, seed=seed)
    counts = _counts(base)
    asked = {name: max(0, per_class - counts.get(name, 0)) for name in _counts(pool)}
    added = _first(pool, asked, _ranked(pool, seed))
    return _mixture({real.name: (base, missing_real), synthetic.name: added})


def _mixture(drawn: Mapping[str, tuple[Pictures, dict[str, int]]]) -> Mixture:
    """Draws joined as they are, with what they are short of."""
    mixture = mix([Ingredient(name=name, pictures=pictures) for name, (pictures, _) in drawn.items()], seed=0)
    return replace(mixture, short={name: short for name, (_, short) in drawn.items() if short})


def _counts(pictures: Pictures) -> dict[str, int]:
    found = Counter(pictures.labels)
    return {name: found.get(name, 0) for name in pictures.classes}


def _in_proportion(counts: Mapping[str, int], total: int) -> dict[str, int]:
    """`total` split as `counts` are, by largest remainders; ties go to the earlier class."""
    whole = sum(counts.values()) or 1
    exact = {name: total * n / whole for name, n in counts.items()}
    given = {name: int(value) for name, value in exact.items()}
    rest = sorted(exact, key=lambda name: given[name] - exact[name])[: total - sum(given.values())]
    return {name: n + (name in rest) for name, n in given.items()}


def _ranked(pictures: Pictures, seed: int) -> NDArray[np.int64]:
    """Positions in the order in which they are drawn: people by the hash of their name, then pictures by theirs."""
    identities = pictures.identities or (None,) * len(pictures)
    keys = [
        (seed_for(f"mixture/{seed}", who or name), seed_for(f"mixture/{seed}", name))
        for who, name in zip(identities, pictures.ids, strict=True)
    ]
    return np.array(sorted(range(len(keys)), key=lambda i: keys[i]), dtype=np.int64)


def _first(pictures: Pictures, asked: Mapping[str, int], order: NDArray[np.int64]) -> tuple[Pictures, dict[str, int]]:
    """The first `asked` pictures of each class in `order`, and what is missing."""
    labels = np.array(pictures.labels, dtype=np.str_)[order] if len(order) else np.zeros(0, dtype=np.str_)
    parts = [order[labels == name][:count] for name, count in asked.items()]
    positions = np.sort(np.concatenate(parts)) if parts else order
    short = {name: asked[name] - len(part) for name, part in zip(asked, parts, strict=True) if len(part) < asked[name]}
    return take(pictures, positions), short


def _check(ingredients: Sequence[Ingredient]) -> None:
    if not ingredients:
        raise FacsimError("found no ingredient, expected at least one set to mix")
    name, times = Counter(one.name for one in ingredients).most_common(1)[0]
    if times > 1:
        raise FacsimError(f'found {times} ingredients named "{name}", expected each once; one quota covers both')
    first = ingredients[0]
    for other in ingredients[1:]:
        if set(other.pictures.classes) != set(first.pictures.classes):
            difference = sorted(set(other.pictures.classes) ^ set(first.pictures.classes))
            raise FacsimError(
                f'only one of "{first.name}" and "{other.name}" knows {", ".join(difference)}; expected the same '
                "classes: load both with the classes that are meant"
            )
        if other.pictures.shape != first.pictures.shape:
            raise FacsimError(
                f'"{first.name}" holds pictures {first.pictures.shape} and "{other.name}" {other.pictures.shape}, '
                "expected one shape; load both in it"
            )


def _reordered(pictures: Pictures, classes: tuple[str, ...]) -> Pictures:
    if pictures.classes == classes:
        return pictures
    return replace(
        pictures, targets=pictures.targets[:, list(positions_in(pictures.classes, classes))], classes=classes
    )


def _joined(parts: Mapping[str, Pictures]) -> Pictures:
    """All pictures as one, named by set."""
    held = list(parts.values())
    known = any(one.identities for one in held)
    margins = {one.crop_margin for one in held}
    left_out = sum((Counter(one.left_out) for one in held), Counter[str]())
    return Pictures(
        images=np.concatenate([one.images for one in held]),
        targets=np.concatenate([one.targets for one in held]),
        classes=held[0].classes,
        ids=tuple(f"{name}/{key}" for name, one in parts.items() for key in one.ids),
        hashes=np.concatenate([one.hashes for one in held]),
        identities=tuple(who for name, one in parts.items() for who in _people(name, one)) if known else None,
        left_out=dict(left_out),
        origin=" + ".join(f"{name}: {len(one):,} of {one.origin}" for name, one in parts.items()),
        crop_margin=margins.pop() if len(margins) == 1 else None,
        attributes=_attributes(held),
        terms=terms_together(one.terms for one in held),
    )


def _people(name: str, pictures: Pictures) -> tuple[str | None, ...]:
    identities = pictures.identities or (None,) * len(pictures)
    return tuple(None if who is None else f"{name}/{who}" for who in identities)


def _attributes(held: Sequence[Pictures]) -> dict[str, tuple[str | float | None, ...]]:
    """Every attribute that any set has; None for the pictures of a set that has it not."""
    names = dict.fromkeys(name for one in held for name in one.attributes)
    return {
        name: tuple(value for one in held for value in one.attributes.get(name, (None,) * len(one))) for name in names
    }

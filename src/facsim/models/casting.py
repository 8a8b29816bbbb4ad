"""People at random: skin, eyes, hair, beard and make-up that are plausible for an apparent age, gender, ancestry and
skin tone.

The shares below are round numbers chosen so that a few hundred draws show every combination that a crowd does; none
was fitted to photographs.
"""

from dataclasses import dataclass, field

import numpy as np

from facsim.models.appearance import (
    MONK_TONES,
    Beard,
    Brows,
    Colour,
    Eyes,
    Garment,
    Hair,
    MakeUp,
    Mouth,
    Skin,
    linear_from_hex,
)
from facsim.models.casting_hair import Traits, sample_beard, sample_brows, sample_hair
from facsim.models.identity import Identity
from facsim.models.vectors import clamp
from facsim.models.wardrobe import sample_worn
from facsim.models.worn import Worn

__all__ = ["Person", "sample_person", "skin_albedo"]

_HAIR: dict[str, tuple[float, float, float]] = {
    "black": (0.010, 0.008, 0.007),
    "dark brown": (0.030, 0.018, 0.011),
    "brown": (0.085, 0.045, 0.024),
    "blond": (0.30, 0.205, 0.115),
    "red": (0.20, 0.065, 0.022),
}
_IRIS: dict[str, tuple[float, float, float]] = {
    "dark brown": (0.032, 0.014, 0.007),
    "brown": (0.095, 0.045, 0.018),
    "hazel": (0.15, 0.10, 0.035),
    "green": (0.095, 0.115, 0.062),
    "blue": (0.085, 0.125, 0.17),
    "grey": (0.13, 0.155, 0.165),
}
# Shares for European, Asian and African ancestry, in the order of the tables above.
_HAIR_SHARES = {
    "european": (0.10, 0.34, 0.32, 0.18, 0.06),
    "asian": (0.72, 0.24, 0.04, 0.0, 0.0),
    "african": (0.85, 0.14, 0.01, 0.0, 0.0),
}
_IRIS_SHARES = {
    "european": (0.12, 0.24, 0.16, 0.12, 0.24, 0.12),
    "asian": (0.75, 0.23, 0.02, 0.0, 0.0, 0.0),
    "african": (0.80, 0.18, 0.02, 0.0, 0.0, 0.0),
}


@dataclass(frozen=True, kw_only=True)
class Person:
    """Everything of a scene that belongs to the person and not to the moment."""

    skin: Skin
    beard: Beard
    eyes: Eyes
    brows: Brows
    mouth: Mouth
    make_up: MakeUp
    hair: Hair
    garment: Garment
    worn: Worn = field(default_factory=Worn)
    """Glasses and headwear."""
    person_seed: int = 0
    """See `Scene`."""


def skin_albedo(tone: float) -> Colour:
    """Linear-light albedo of living skin at a place on the Monk scale, 1 to 10, fractions between tones allowed.

    The scale's swatches are paler and greyer than skin at its light end and darker than any measured skin at the
    other, as swatches on a screen are; blood is added and the range drawn in. Use the ITA of the result, not the
    tone's, as the measure.
    """
    place = clamp(tone, 1.0, 10.0) - 1.0
    low = min(int(place), 8)
    logs = np.log(np.array([linear_from_hex(MONK_TONES[low]), linear_from_hex(MONK_TONES[low + 1])]))
    swatch = np.exp(logs[0] + (logs[1] - logs[0]) * (place - low))
    gain = np.interp(tone, [1.0, 4.0, 5.0, 6.0, 8.0, 9.0, 10.0], [0.64, 0.66, 0.72, 0.95, 1.05, 1.6, 2.2])
    blood = np.stack([np.interp(tone, _BLOOD_TONES, row) for row in _BLOOD])
    red, green, blue = np.clip(swatch * gain * blood, 0.01, 0.9)
    return (float(red), float(green), float(blue))


_BLOOD_TONES = (1.0, 3.0, 5.0, 6.0, 8.0, 9.0, 10.0)
_BLOOD = (
    (1.0, 1.0, 1.0, 1.0, 1.0, 1.25, 1.45),
    (0.76, 0.76, 0.82, 0.92, 1.05, 0.94, 0.92),
    (0.63, 0.68, 0.84, 1.15, 1.12, 0.75, 0.62),
)
"""Factors on red, green and blue at those Monk tones: blood reddens pale skin, and no measured skin is as neutral as
tones 9 and 10."""


def sample_person(generator: np.random.Generator, identity: Identity, *, skin_tone_monk: int) -> Person:
    """A person with this head and Monk tone: what is plausible for its apparent age, gender and ancestry."""
    tone = skin_tone_monk + clamp(generator.normal(0.0, 0.22), -0.45, 0.45)
    traits = Traits(age=identity.age_years, masculine=identity.gender, ancestry=identity.ancestry, tone=tone)
    skin = _sample_skin(generator, traits)
    colour = _jitter(generator, _choose(generator, _HAIR, _HAIR_SHARES, traits), 0.25)
    grey = clamp(generator.normal((traits.age - 48.0) / 26.0, 0.22), 0.0, 1.0) if traits.age > 30 else 0.0
    if traits.masculine < 0.5 and generator.random() < 0.55:
        grey = 0.0 if grey < 0.7 else grey * 0.5
    hair = sample_hair(generator, traits, colour=_dye_hair(generator, traits, colour), grey=grey)
    return Person(
        skin=skin,
        beard=sample_beard(generator, traits, colour=colour, grey=grey),
        eyes=_sample_eyes(generator, traits),
        brows=sample_brows(generator, traits, colour=colour, grey=grey),
        mouth=_sample_mouth(generator, traits, skin),
        make_up=_sample_make_up(generator, traits, skin),
        hair=hair,
        garment=_sample_garment(generator),
        worn=sample_worn(generator, age_years=traits.age, masculine=traits.masculine),
        person_seed=int(generator.integers(2**31)),
    )


def _jitter(generator: np.random.Generator, colour: Colour, spread: float) -> Colour:
    """The colour made lighter or darker as a whole and a little by channel."""
    factor = np.exp(generator.normal(0.0, spread) + generator.normal(0.0, 0.3 * spread, 3))
    red, green, blue = np.clip(np.asarray(colour) * factor, 0.002, 0.95)
    return (float(red), float(green), float(blue))


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (1.0 - share) * np.asarray(one) + share * np.asarray(other)
    return (float(red), float(green), float(blue))


def _uniform(generator: np.random.Generator, low: float, high: float) -> float:
    return float(generator.uniform(low, high))


def _sample_skin(generator: np.random.Generator, traits: Traits) -> Skin:
    pale = clamp((6.0 - traits.tone) / 4.0, 0.0, 1.0)
    age = clamp((traits.age - 24.0) / 52.0, 0.0, 1.1)
    freckled = generator.random() < 0.16 * pale
    return Skin(
        albedo=_jitter(generator, skin_albedo(traits.tone), 0.05),
        redness=clamp(generator.normal(0.22 + 0.22 * pale, 0.12), 0.03, 0.9),
        mottling=clamp(generator.normal(0.35 + 0.35 * age, 0.12), 0.1, 1.0),
        freckles=_uniform(generator, 0.2, 0.9) if freckled else 0.0,
        moles=float(generator.beta(1.2, 3.0)),
        sheen=clamp(generator.normal(0.4, 0.18), 0.05, 0.85),
        pores=clamp(generator.normal(0.35 + 0.3 * traits.adult, 0.15), 0.1, 1.0),
        age_lines=clamp(age**1.15 + generator.normal(0.0, 0.06), 0.0, 1.1),
        folds=clamp(_uniform(generator, 0.02 + 0.05 * traits.adult, 0.15 + 0.4 * traits.adult) + 0.35 * age, 0.0, 1.2),
        under_eye=clamp(generator.normal(0.22 + 0.3 * age + 0.15 * (1.0 - pale), 0.15), 0.0, 0.9),
    )


def _choose(generator: np.random.Generator, table: dict[str, Colour], shares: dict, traits: Traits) -> Colour:
    african, asian, european = traits.ancestry
    # light hair and eyes go with light skin
    fair = european * clamp((7.0 - traits.tone) / 3.0, 0.0, 1.0)
    weights = fair * np.array(shares["european"]) + asian * np.array(shares["asian"])
    weights = weights + (african + european - fair) * np.array(shares["african"])
    return list(table.values())[int(generator.choice(len(table), p=weights / weights.sum()))]


def _dye_hair(generator: np.random.Generator, traits: Traits, natural: Colour) -> Colour:
    """The natural colour, or now and then an adult's dyed one; brows and beard keep the natural."""
    if generator.random() >= 0.08 * traits.adult * (1.0 - 0.7 * traits.masculine):
        return natural
    return _jitter(generator, list(_HAIR.values())[int(generator.integers(1, 5))], 0.25)


def _sample_eyes(generator: np.random.Generator, traits: Traits) -> Eyes:
    iris = _jitter(generator, _choose(generator, _IRIS, _IRIS_SHARES, traits), 0.15)
    return Eyes(
        iris=iris,
        iris_ring=_mix(iris, (0.0, 0.0, 0.0), 0.75),
        iris_deg=clamp(generator.normal(24.5, 0.7), 23.0, 26.5),
        pupil_deg=clamp(generator.normal(10.5, 2.0), 6.5, 16.0),
        veins=float(generator.beta(1.5, 5.0)),
        lashes=clamp(generator.normal(0.68 - 0.25 * traits.masculine, 0.12), 0.15, 1.0),
    )


def _sample_mouth(generator: np.random.Generator, traits: Traits, skin: Skin) -> Mouth:
    pink = np.asarray(skin.albedo) * np.array([0.82, 0.52, 0.58])
    pink = pink * np.exp(generator.normal(-0.1, 0.28))
    lip = _mix((float(pink[0]), float(pink[1]), float(pink[2])), skin.albedo, _uniform(generator, 0.0, 0.6))
    yellow = clamp(generator.normal(0.2 + 0.4 * max(traits.age - 30.0, 0.0) / 50.0, 0.12), 0.0, 0.9)
    return Mouth(
        lip=lip,
        wetness=clamp(generator.normal(0.4, 0.18), 0.05, 1.0),
        teeth=_mix((0.68, 0.63, 0.53), (0.52, 0.43, 0.28), yellow),
    )


def _sample_make_up(generator: np.random.Generator, traits: Traits, skin: Skin) -> MakeUp:
    worn = traits.adult * (1.0 - traits.masculine) > 0.5 and generator.random() < 0.6
    if not worn:
        return MakeUp()
    reds: list[Colour] = [
        (0.38, 0.02, 0.03),
        (0.42, 0.10, 0.10),
        (0.28, 0.05, 0.09),
        (0.45, 0.18, 0.15),
        (0.14, 0.02, 0.04),
    ]
    shadows: list[Colour] = [
        (0.06, 0.04, 0.035),
        (0.16, 0.09, 0.06),
        (0.07, 0.06, 0.09),
        (0.10, 0.11, 0.14),
        (0.02, 0.02, 0.02),
    ]
    red = reds[int(generator.integers(len(reds)))]
    # people choose deeper lipsticks on deeper skin
    depth = clamp(skin.albedo[0] / 0.5, 0.3, 1.0)
    return MakeUp(
        lipstick=_uniform(generator, 0.25, 0.95) if generator.random() < 0.7 else 0.0,
        lipstick_colour=_mix((0.0, 0.0, 0.0), _jitter(generator, red, 0.2), depth),
        shadow=_uniform(generator, 0.1, 0.75) if generator.random() < 0.5 else 0.0,
        shadow_colour=_jitter(generator, shadows[int(generator.integers(len(shadows)))], 0.2),
        liner=_uniform(generator, 0.2, 1.0) if generator.random() < 0.6 else 0.0,
        blush=_uniform(generator, 0.05, 0.35) if generator.random() < 0.5 else 0.0,
    )


def _sample_garment(generator: np.random.Generator) -> Garment:
    hues = np.exp(generator.normal(0.0, 0.28, (2, 3)))
    levels = np.exp(generator.uniform(np.log(0.012), np.log(0.65), 2))
    first, second = np.clip(hues * levels[:, None], 0.005, 0.85)
    return Garment(
        colour=(float(first[0]), float(first[1]), float(first[2])),
        pattern_colour=(float(second[0]), float(second[1]), float(second[2])),
        pattern=_uniform(generator, 0.3, 1.0) if generator.random() < 0.25 else 0.0,
        collar_dm=_uniform(generator, -0.25, 0.42),
    )

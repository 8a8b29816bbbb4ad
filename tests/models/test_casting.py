"""People drawn at random fit their age, gender and tone."""

import numpy as np
import pytest

from facsim.models.appearance import individual_typology_angle
from facsim.models.casting import Person, sample_person, skin_albedo
from facsim.models.identity import Identity

EUROPEAN = (0.0, 0.0, 1.0)


def cast(seed: int, *, age_years: float = 35.0, gender: float = 0.9, tone: int = 4) -> Person:
    generator = np.random.default_rng(seed)
    identity = Identity(age_years=age_years, gender=gender, ancestry=EUROPEAN)
    return sample_person(generator, identity, skin_tone_monk=tone)


def test_the_same_seed_gives_the_same_person() -> None:
    assert cast(3) == cast(3)


def test_children_have_neither_beard_nor_make_up() -> None:
    people = [cast(seed, age_years=8.0, gender=gender) for seed in range(40) for gender in (0.0, 1.0)]
    assert all(p.beard.stubble == 0.0 and p.beard.chin == 0.0 and p.make_up.lipstick == 0.0 for p in people)


def test_lines_deepen_with_age() -> None:
    young, old = (np.mean([cast(s, age_years=age).skin.age_lines for s in range(30)]) for age in (22.0, 75.0))
    assert young < 0.1 < 0.7 < old


def test_skin_darkens_with_every_monk_tone() -> None:
    angles = [individual_typology_angle(skin_albedo(tone)) for tone in range(1, 11)]
    luminance = [np.dot(skin_albedo(tone), (0.2126, 0.7152, 0.0722)) for tone in range(1, 11)]
    assert luminance[2:] == sorted(luminance[2:], reverse=True)
    assert angles[0] > 45.0 > angles[5] > -30.0 > angles[9]


@pytest.mark.parametrize("tone", [1, 5, 10])
def test_every_colour_is_an_albedo(tone: int) -> None:
    person = cast(1, tone=tone)
    colours = [person.skin.albedo, person.hair.colour, person.eyes.iris, person.mouth.lip, person.garment.colour]
    assert all(0.0 < value < 1.0 for colour in colours for value in colour)

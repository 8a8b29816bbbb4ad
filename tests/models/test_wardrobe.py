"""Who wears what: rare where it hides the face, never for want of a seed."""

import numpy as np

from facsim.models.wardrobe import sample_occluder, sample_worn
from facsim.models.worn import Worn
from facsim.wearables import GLASSES_SHAPES, HEADWEAR_KINDS, OCCLUDER_KINDS


def crowd(age_years: float, masculine: float, count: int = 1500) -> list[Worn]:
    generator = np.random.default_rng(7)
    return [sample_worn(generator, age_years=age_years, masculine=masculine) for _ in range(count)]


def test_glasses_grow_commoner_with_age() -> None:
    shares = [np.mean([one.glasses.shape != "none" for one in crowd(age, 0.5)]) for age in (5.0, 25.0, 65.0)]
    assert shares[0] < shares[1] < shares[2]


def test_dark_lenses_are_rare() -> None:
    assert np.mean([one.glasses.tint > 0.6 for one in crowd(70.0, 0.5)]) < 0.02


def test_only_the_feminine_wear_hijabs() -> None:
    assert any(one.headwear.kind == "hijab" for one in crowd(30.0, 0.0))
    assert not any(one.headwear.kind == "hijab" for one in crowd(30.0, 1.0))


def test_nobody_is_cast_with_something_before_the_face() -> None:
    assert all(one.occluder.kind == "none" for one in crowd(30.0, 0.3))


def test_every_shape_and_kind_is_drawn_by_someone() -> None:
    people = crowd(40.0, 0.2, 6000) + crowd(40.0, 0.9, 3000)
    assert {one.glasses.shape for one in people} == set(GLASSES_SHAPES)
    assert {one.headwear.kind for one in people} == set(HEADWEAR_KINDS)


def test_every_occluder_comes_up() -> None:
    generator = np.random.default_rng(3)
    assert {sample_occluder(generator).kind for _ in range(300)} == set(OCCLUDER_KINDS[1:])


def test_the_same_seed_wears_the_same() -> None:
    assert crowd(40.0, 0.4, 50) == crowd(40.0, 0.4, 50)

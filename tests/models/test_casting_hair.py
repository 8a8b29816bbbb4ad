"""Hair, beards and brows fit the people who wear them."""

from collections import Counter

import numpy as np

from facsim.models.casting_hair import BEARD_KINDS, Traits, sample_beard, sample_brows, sample_hair
from facsim.models.hair_styles import HAIR_STYLES

BLACK = (0.01, 0.008, 0.007)


def people(count: int, *, seed: int = 0, low: float = 5.0, high: float = 80.0) -> list[Traits]:
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        african, asian, european = (float(share) for share in generator.dirichlet([0.5, 0.5, 0.5]))
        age, man = float(generator.uniform(low, high)), float(generator.random())
        found.append(Traits(age=age, masculine=man, ancestry=(african, asian, european), tone=5.0))
    return found


def styles(traits: list[Traits]) -> Counter[str]:
    generator = np.random.default_rng(1)
    return Counter(sample_hair(generator, one, colour=BLACK, grey=0.0).style for one in traits)


def test_four_hundred_people_wear_every_style() -> None:
    assert set(styles(people(400))) == set(HAIR_STYLES)


def test_no_child_is_bald_or_balding() -> None:
    generator = np.random.default_rng(2)
    hairs = [sample_hair(generator, one, colour=BLACK, grey=0.0) for one in people(300, low=5.0, high=13.0)]
    assert not {"shaved", "receding"} & {hair.style for hair in hairs}
    assert max(hair.receding for hair in hairs) == 0.0


def test_only_coiled_hair_is_worn_as_an_afro_or_braids() -> None:
    straight = [Traits(age=30.0, masculine=0.2, ancestry=(0.0, 0.5, 0.5), tone=3.0)] * 200
    assert not {"afro", "braids", "locs"} & set(styles(straight))


def test_men_wear_every_kind_of_beard() -> None:
    generator = np.random.default_rng(3)
    traits = [Traits(age=40.0, masculine=1.0, ancestry=(0.0, 0.0, 1.0), tone=3.0)] * 300
    assert {sample_beard(generator, one, colour=BLACK, grey=0.0).kind for one in traits} == set(BEARD_KINDS)


def test_women_and_boys_have_no_beard() -> None:
    generator = np.random.default_rng(3)
    others = [Traits(age=age, masculine=man, ancestry=(0.0, 0.0, 1.0), tone=3.0) for age, man in ((12, 1), (40, 0))]
    assert all(sample_beard(generator, one, colour=BLACK, grey=0.0).stubble == 0.0 for one in others * 20)


def test_brows_differ_in_shape() -> None:
    generator = np.random.default_rng(4)
    brows = [sample_brows(generator, one, colour=BLACK, grey=0.0) for one in people(100)]
    assert np.std([one.arch for one in brows]) > 0.1
    assert np.std([one.slant for one in brows]) > 0.2

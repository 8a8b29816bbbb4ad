import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.models.apparent import UNCALIBRATED, WIDTH, read_apparent, sliced


def outputs(count=50, scale=1.0):
    return np.random.default_rng(0).normal(0, scale, (count, WIDTH)).astype(np.float32)


def test_the_parts_tile_the_outputs():
    places = [sliced(name) for name in ("age", "gender", "ancestry", "tone", "ita")]
    assert [part.start for part in places] == [0, *(part.stop for part in places[:-1])] and places[-1].stop == WIDTH


def test_shares_sum_to_1_and_numbers_stay_in_range():
    said = read_apparent(outputs(scale=20.0))
    assert said.ancestry.sum(axis=1) == pytest.approx(np.ones(50)) and said.tones.sum(axis=1) == pytest.approx(1)
    assert said.age_years.min() >= 0 and said.age_years.max() <= 100 and (said.age_sd > 0).all()
    assert said.tone.min() >= 1 and said.tone.max() <= 10


def test_the_tone_is_the_median_of_its_distribution():
    numbers = np.full((2, WIDTH), -30.0, dtype=np.float32)
    numbers[0, sliced("tone")][[0, 9]] = 0.0, 0.1  # nearly half each: the darker is likelier, by a little
    numbers[1, sliced("tone")][6] = 0.0
    assert read_apparent(numbers).tone.tolist() == [10, 7]


def test_a_temperature_flattens_and_moves_no_median_gender():
    warm = read_apparent(outputs(), {**UNCALIBRATED, "gender": 3.0, "tone": 3.0})
    plain = read_apparent(outputs())
    assert (np.abs(warm.masculine - 0.5) <= np.abs(plain.masculine - 0.5) + 1e-9).all()
    assert ((warm.masculine > 0.5) == (plain.masculine > 0.5)).all()
    assert (warm.tones.max(axis=1) <= plain.tones.max(axis=1) + 1e-9).all()


def test_another_width_is_refused():
    with pytest.raises(FacsimError, match=f"expected \\(N, {WIDTH}\\)"):
        read_apparent(np.zeros((2, 3), dtype=np.float32))


def test_an_unknown_attribute_is_refused():
    with pytest.raises(FacsimError, match="expected one of age"):
        sliced("height")

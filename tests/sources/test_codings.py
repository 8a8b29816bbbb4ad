import numpy as np
import pytest

from facsim.coding import conflicts
from facsim.errors import RecipeError
from facsim.facs import lateral_keys
from facsim.models.action_units import SUPPORTED_AUS
from facsim.prototypes import sample_prototype
from facsim.sources.codings import CODINGS, draw_coding
from facsim.sources.render import Render


def scattered(n):
    return [draw_coding("scattered", "neutral", np.random.default_rng(seed)).coding for seed in range(n)]


def test_scattered_units_hold_no_conflict_and_stay_within_the_scale():
    for coding in scattered(400):
        assert not conflicts(coding)
        assert all(0 < value <= 5 for value in coding.values())


def test_every_unit_is_scattered_often_and_none_nearly_always():
    codings = scattered(2000)
    for key in SUPPORTED_AUS:
        assert 0.02 < np.mean([key in coding for coding in codings]) < 0.6, key


def test_scattered_units_are_not_tied_to_each_other():
    codings = scattered(3000)
    shown = {code: np.array([lateral_keys(code)[0] in coding for coding in codings]) for code in (1, 4, 6, 12, 15, 17)}
    table = np.corrcoef(np.stack(list(shown.values())))
    assert np.abs(table - np.eye(len(table))).max() < 0.25  # how lively a face is ties all of them a little


def test_shown_is_what_prototypes_draw():
    for seed in range(20):
        expected = sample_prototype("fear", np.random.default_rng(seed).random)
        assert draw_coding("shown", "fear", np.random.default_rng(seed)) == expected


@pytest.mark.parametrize("kind", CODINGS)
def test_equal_generators_give_equal_codings(kind):
    drawn = [draw_coding(kind, "sadness", np.random.default_rng(7)) for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_an_unknown_coding_is_refused_with_the_nearest():
    with pytest.raises(RecipeError, match='Did you mean "scattered"'):
        Render(coding="scatered")

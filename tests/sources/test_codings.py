import json
from collections import Counter

import numpy as np
import pytest

from facsim.coding import conflicts
from facsim.errors import FormatError, RecipeError
from facsim.facs import lateral_keys
from facsim.measured import FORMAT, measured_codings
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


def write_table(tmp_path, shares):
    path = tmp_path / "table.json"
    natural = {name: 0.1 for name in shares}
    path.write_text(json.dumps({"format": FORMAT, "fitted_on": "drawings", "natural": natural, "shares": shares}))
    return str(path)


def test_measured_codings_come_of_the_variants_in_their_shares():
    drawn = [draw_coding("measured", "fear", np.random.default_rng(seed)).variant for seed in range(3000)]
    seen = Counter(drawn)
    for variant in measured_codings().variants["fear"]:
        assert seen[variant.name] / 3000 == pytest.approx(variant.weight, abs=0.03)


def test_a_table_of_ones_own_is_drawn_from_and_told_of(tmp_path):
    path = write_table(tmp_path, {"anger": {"surprise: astonished": 1}})
    drawn = draw_coding(path, "anger", np.random.default_rng(0))
    assert drawn.variant == "surprise: astonished" and {"1L", "27"} <= set(drawn.coding)
    assert "fitted to statistics of drawings" in Render(coding=path).weights[1]
    assert "fitted to statistics of FER2013's training split" in Render(coding="measured").weights[1]
    assert len(Render().weights) == 1


def test_a_table_that_cannot_be_read_is_refused_with_the_recipe(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        Render(coding=str(tmp_path / "none.json"))

import random

import pytest

from facsim.coding import conflicts
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.literature import LITERATURE
from facsim.prototypes import sample_prototype


def drawn(expression, n=200):
    return [sample_prototype(expression, random.Random(seed).random, table=LITERATURE) for seed in range(n)]


@pytest.mark.parametrize("expression", EIGHT_EXPRESSIONS)
def test_the_literatures_draws_hold_no_conflict_and_no_hand(expression):
    for sample in drawn(expression):
        assert not conflicts(sample.coding), sample
        assert sample.hand == "none"


def test_neutral_faces_show_at_most_a_trace_of_one_unit():
    for sample in drawn("neutral"):
        assert len({key.rstrip("LR") for key in sample.coding}) <= 1
        assert max(sample.coding.values(), default=0.0) <= 1.6


def test_contempt_lies_on_one_side():
    for sample in drawn("contempt", 50):
        assert len({key[-1] for key in sample.coding}) == 1


def test_every_source_is_drawn_as_often():
    names = [sample.variant for sample in drawn("fear", 900)]
    assert all(240 < names.count(variant.name) < 360 for variant in LITERATURE["fear"])

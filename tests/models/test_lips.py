"""Lips part and seal by rule."""

import pytest

from facsim.models.lips import plan_parting


def test_lips_without_an_au_that_parts_them_are_sealed():
    assert plan_parting({"24": 5.0, "12L": 5.0}, scale=1.0).seal == 1.0


@pytest.mark.parametrize("parting", ["25", "26", "27"])
@pytest.mark.parametrize("closing", ["17", "23", "24", "28"])
def test_an_au_that_parts_the_lips_wins_over_one_that_closes_them(parting, closing):
    assert plan_parting({parting: 2.0, closing: 5.0}, scale=1.0).seal == 0.0


def test_a_trace_of_parting_leaves_the_lips_half_sealed():
    assert plan_parting({"25": 0.5}, scale=1.0).seal == pytest.approx(0.5)


def test_larger_faces_part_their_lips_further():
    assert plan_parting({"25": 3.0}, scale=1.2).least == pytest.approx(1.2 * plan_parting({"25": 3.0}, scale=1.0).least)


def test_the_jaw_rounds_the_opening_and_the_funnel_widens_it():
    assert plan_parting({"27": 5.0}, scale=1.0).roundness > plan_parting({"26": 3.0}, scale=1.0).roundness > 0.0
    assert plan_parting({"22": 4.0, "25": 2.0}, scale=1.0).funnel > 0.0

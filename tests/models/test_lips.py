"""Lips part and seal by rule."""

import numpy as np
import pytest

from facsim.coding import parse_coding
from facsim.models.head import load_head
from facsim.models.identity import Identity
from facsim.models.lips import CONTACT_ROW, plan_parting


def show_lower_teeth(coding: str, age_years: float) -> float:
    """How far the lower teeth's edges stand above the middle of the lower lip, dm."""
    head = load_head()
    rig = head.mouth
    vertices = head.pose_vertices(
        Identity(age_years=age_years, gender=0.3, ancestry=(0.2, 0.3, 0.5)), parse_coding(coding)
    )
    lip = vertices[rig.rings[CONTACT_ROW][~rig.upper]]
    edge = vertices[rig.edges[1]]
    middle = [part[np.abs(part[:, 0]) < 0.12, 1].mean() for part in (edge, lip)]
    return float(middle[0] - middle[1])


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


@pytest.mark.parametrize("age_years", [6, 30, 70])
@pytest.mark.parametrize("coding", ["25D+26D", "25E+27E", "1D+2D+5D+25C+26E"])
def test_a_dropped_jaw_bares_hardly_any_lower_teeth(coding, age_years):
    assert show_lower_teeth(coding, age_years) < 0.03


def test_the_lower_lip_bares_the_lower_teeth():
    assert show_lower_teeth("16E+25D+26C", 30) > show_lower_teeth("25D+26C", 30) + 0.05

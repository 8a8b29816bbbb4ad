"""facsim.report.audit.demography: counts that add up, and a case counted by hand."""

from dataclasses import replace

import pytest

from facsim.errors import FacsimError
from facsim.report.audit.demography import axes_of, joint_table
from facsim.report.audit.sets import Writer, read_set

FOUR = {
    "apparent_gender": ("feminine", "feminine", "masculine", None, "feminine"),
    "apparent_age_years": (25.0, 29.9, 34.0, 71.0, 25.0),
    "skin_tone_monk": (1.0, 10.0, 5.0, 2.0, 3.0),
}


@pytest.fixture(scope="module")
def five(make_folder):
    """Five pictures, anger ×3 and fear ×2, of known people."""
    found = read_set(make_folder(anger=range(3), fear=range(10, 12)))
    return replace(found, pictures=replace(found.pictures, attributes=FOUR))


def axis(held, name, **more):
    return axes_of(held, (name,), **more)[0]


def test_values_are_counted_by_expression_and_the_unknown_left_out(five):
    found = axis(five, "gender")
    assert {entry.value: entry.by_class for entry in found.values} == {"feminine": (2, 1), "masculine": (1, 0)}
    assert (found.n, found.unknown) == (4, 1)
    assert found.values[0].share.value == 0.75


def test_ages_fall_into_fairfaces_bands_in_order(five):
    found = axis(five, "age")
    assert {entry.value: entry.count for entry in found.values if entry.count} == {"20–29": 3, "30–39": 1, "70+": 1}
    assert [entry.value for entry in found.values][:2] == ["0–2", "3–9"]


def test_tones_are_three_bands_or_ten(five):
    assert [entry.count for entry in axis(five, "tone").values] == [3, 1, 1]
    assert [entry.value for entry in axis(five, "tone_single").values] == [str(tone) for tone in range(1, 11)]


def test_axes_without_a_column_are_left_out(five):
    assert [found.name for found in axes_of(five, ("age", "ancestry"))] == ["age"]


def test_an_unknown_axis_is_answered_with_those_there_are(five):
    with pytest.raises(FacsimError, match="gender"):
        axes_of(five, ("shoe_size",))


def test_shares_of_the_reference_stand_beside(five):
    found = axis(five, "gender", reference=five)
    assert found.values[1].reference_share is not None
    assert found.values[1].reference_share.value == 0.25


def test_the_joint_table_holds_every_cell_of_values_that_occur(five):
    found = joint_table(five, ("gender", "tone"), least=2)
    assert found is not None
    counts = {(cell.expression, *cell.values): cell.count for cell in found.cells}
    # 2 expressions × 2 genders × 3 bands; the one of unknown gender is not among them
    assert len(counts) == 12 and sum(counts.values()) == found.n == 4
    assert counts["anger", "feminine", "1–3"] == 1
    assert (found.empty, found.small) == (8, 12)
    assert found.smallest[0].count == 0


def test_a_set_that_says_nothing_has_no_table(make_folder):
    bare = read_set(make_folder(anger=range(3)))
    assert axes_of(bare, ("age", "gender")) == ()
    assert joint_table(bare, ("age", "gender"), least=5) is None


def test_json_says_who_wrote_a_column_and_how_sure_it_is(five):
    writer = Writer(step="read", stage="attributes", is_exact=False, uncertainty={"apparent_gender_score": 0.8})
    found = axis(replace(five, writers={"apparent_gender": writer}), "gender").to_json()
    assert found["written_by"]["stage"] == "attributes" and not found["written_by"]["exact"]
    assert found["written_by"]["uncertainty"] == {"apparent_gender_score": 0.8}
    assert found["values"]["feminine"]["by_expression"] == {"anger": 2, "fear": 1}

"""facsim.learn.groups: how attributes become groups."""

from dataclasses import replace

import pytest

from facsim.errors import FacsimError
from facsim.learn.groups import group_names, groups_of


def described(drawn, **attributes):
    count = len(next(iter(attributes.values())))
    return replace(drawn(count, size_px=16), attributes={name: tuple(values) for name, values in attributes.items()})


@pytest.mark.parametrize(
    ("years", "group"), [(0.0, "0–2"), (2.9, "0–2"), (3.0, "3–9"), (19.99, "10–19"), (20.0, "20–29"), (90.0, "70+")]
)
def test_ages_fall_into_the_bins_of_fairface(drawn, years, group):
    assert group_names(described(drawn, apparent_age_years=[years]), "age") == (group,)


@pytest.mark.parametrize(("tone", "group"), [(1, "1–3"), (3, "1–3"), (4, "4–6"), (7, "7–10"), (10, "7–10"), (0, None)])
def test_tones_fall_into_three_bins(drawn, tone, group):
    assert group_names(described(drawn, skin_tone_monk=[float(tone), 5.0]), "tone")[0] == group


def test_single_tones_and_any_text_are_groups_as_they_are(drawn):
    pictures = described(drawn, skin_tone_monk=[1.0, 10.0], light_kind=["sun", "flash"])
    assert group_names(pictures, "tone_single") == ("1", "10")
    assert group_names(pictures, "light_kind") == ("sun", "flash")


def test_combinations_are_groups_and_unknown_where_a_part_is(drawn):
    pictures = described(drawn, apparent_gender=["feminine", "masculine", None], skin_tone_monk=[1.0, None, 2.0])
    assert group_names(pictures, "gender+tone") == ("feminine + 1–3", None, None)


def test_a_number_of_many_values_is_cut_at_its_quartiles(drawn):
    names = group_names(described(drawn, yaw_deg=[float(i) for i in range(40)]), "yaw_deg")
    assert len(set(names)) == 4 and names.count(names[0]) == 10


def test_an_attribute_that_is_not_there_is_answered_with_those_that_are(drawn):
    with pytest.raises(FacsimError, match=r'no "apparent_age_years".*expected one of: gender, apparent_gender'):
        group_names(described(drawn, apparent_gender=["feminine"]), "age")


def test_pictures_without_attributes_are_refused(drawn):
    with pytest.raises(FacsimError, match="group them by: they have no attributes at all; evaluate on a run folder"):
        group_names(drawn(3), "gender")


def test_an_attribute_that_is_nowhere_known_is_refused(drawn):
    with pytest.raises(FacsimError, match='no "beard"'):
        group_names(described(drawn, beard=[None, None]), "beard")


def test_figures_by_group_read_the_models_classes_by_name(drawn):
    pictures = described(drawn, apparent_gender=["feminine", "masculine"] * 70)
    scores = pictures.targets[:, ::-1].copy()
    found = groups_of(scores, pictures, "gender", classes=pictures.classes[::-1])
    assert [group.figures["accuracy"].value for group in found.groups] == [1.0, 1.0]

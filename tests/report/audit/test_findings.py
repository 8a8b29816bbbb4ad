"""facsim.report.audit.findings: each fault is found where it is, and not where it is not."""

from dataclasses import replace

import numpy as np
import pytest

from facsim.learn.leaks import SeenPictures
from facsim.report.audit.demography import axes_of, joint_table
from facsim.report.audit.findings import KINDS, SEVERITIES, Finding, find_faults
from facsim.report.audit.sets import Writer


def kinds(audit) -> set[str]:
    return {finding.kind for finding in find_faults(audit)}


def test_names_are_a_closed_list_with_known_severities():
    assert {severity for severity, _ in KINDS.values()} == set(SEVERITIES)
    with pytest.raises(ValueError, match="not one of"):
        Finding(kind="ugly", text="")


def test_the_gravest_come_first(audited, make_folder):
    found = audited(make_folder(anger=[*range(40), 1]), against=str(make_folder(anger=range(30, 60)))).findings
    order = [SEVERITIES.index(finding.severity) for finding in found]
    assert order == sorted(order)
    assert found[0].kind == "copies_of_reference"


def test_clean_sets_have_no_error(against_run):
    assert not against_run.has_errors
    assert {"random_judge", "small_cells", "few_for_distance"} <= kinds(against_run)


def test_copies_are_found_within_and_across_with_conflicting_labels(audited, make_folder):
    found = audited(
        make_folder(anger=range(20), fear=[3, 50, 51]), against=str(make_folder(anger=[51, *range(60, 80)]))
    )
    assert {"copies_of_reference", "copies_within", "conflicting_labels"} <= kinds(found)
    assert found.has_errors


def test_a_judge_that_was_at_work_in_the_run_is_an_error(against_run):
    step = {"vote": ("0" * 64, against_run.extractor.sha256)}
    guided = replace(against_run, own=replace(against_run.own, weights=step))
    assert "judge_guided_run" in kinds(guided) and guided.has_errors
    other = replace(against_run, own=replace(against_run.own, weights={"vote": ("0" * 64,)}))
    assert "judge_guided_run" not in kinds(other)


def test_a_judge_that_was_trained_on_the_pictures_is_named(against_run):
    hashes = np.sort(against_run.reference.pictures.hashes[:5])
    trained = replace(against_run.extractor, seen=SeenPictures(hashes=hashes))
    found = [one for one in find_faults(replace(against_run, extractor=trained)) if one.kind == "judge_saw_pictures"]
    assert len(found) == 1
    assert f"5 of the {len(against_run.reference.pictures)}" in found[0].text


def test_an_expression_that_is_missing_is_an_error(audited, make_folder):
    found = audited(
        make_folder(anger=range(9)), against=str(make_folder(anger=range(20, 40), fear=range(50, 70))), min_cell=10
    )
    assert {"expression_missing", "expression_shares_differ"} <= kinds(found)


def test_shares_that_agree_are_not_called_different(audited, make_folder):
    one = make_folder(anger=range(30), fear=range(40, 70))
    found = audited(one, against=str(make_folder(anger=range(100, 132), fear=range(140, 170))))
    assert not {"expression_missing", "expression_shares_differ"} & kinds(found)


def test_colour_against_grey_is_found(audited, make_folder):
    grey, coloured = make_folder(anger=range(20)), make_folder(coloured=True, anger=range(30, 50))
    assert "colour_differs" in kinds(audited(coloured, against=str(grey)))
    assert "colour_differs" not in kinds(audited(grey, against=str(make_folder(anger=range(60, 80)))))


def with_people(audit, **attributes):
    own = replace(audit.own, pictures=replace(audit.own.pictures, attributes=attributes))
    return replace(audit, own=own, axes=axes_of(own, ("gender",)), joint=joint_table(own, ("gender",), least=30))


def test_an_expression_that_depends_on_gender_is_found(audited, make_folder):
    base = audited(make_folder(anger=range(60), fear=range(100, 160)))
    apart = with_people(base, apparent_gender=("feminine",) * 55 + ("masculine",) * 60 + ("feminine",) * 5)
    assert "expression_depends_on_group" in kinds(apart)
    alike = with_people(base, apparent_gender=("feminine", "masculine") * 60)
    assert not {"expression_depends_on_group", "uneven_groups", "small_cells"} & kinds(alike)


def test_uneven_and_missing_groups_are_found(audited, make_folder):
    base = audited(make_folder(anger=range(60)))
    assert "uneven_groups" in kinds(with_people(base, apparent_gender=("feminine",) * 56 + ("masculine",) * 4))
    assert "group_missing" in kinds(with_people(base, apparent_gender=("feminine",) * 60))


def test_groups_that_a_model_read_off_are_said_to_be(audited, make_folder):
    base = audited(make_folder(anger=range(20)))
    writer = Writer(step="who", stage="attributes", is_exact=False, uncertainty={"apparent_gender_score": 0.71})
    own = replace(
        base.own,
        writers={"apparent_gender": writer},
        pictures=replace(base.own.pictures, attributes={"apparent_gender": ("feminine", None) * 10}),
    )
    found = find_faults(replace(base, own=own, axes=axes_of(own, ("gender",))))
    said = next(one for one in found if one.kind == "estimated_groups")
    assert "step who (attributes; mean apparent_gender_score 0.71)" in said.text
    assert any(one.kind == "unknown_groups" and "10 of 20" in one.text for one in found)


def test_a_set_that_says_nothing_of_people_is_said_to(audited, make_folder):
    assert "no_groups" in kinds(audited(make_folder(anger=range(5))))

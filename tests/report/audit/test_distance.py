"""facsim.report.audit.distance: which figures are given, of whom, and at which n."""

from facsim.report.audit.distance import ALL, FIGURES, HALVES, LEAST_TO_MEASURE


def test_all_figures_are_given_over_all_and_for_the_references_halves(against_run):
    found = {one.scope: one for one in against_run.distances}
    assert tuple(found[ALL].figures) == FIGURES
    assert found[ALL].n == len(against_run.own.pictures)
    halves = found[HALVES]
    assert halves.n + halves.n_reference == len(against_run.reference.pictures)


def test_an_expression_of_too_few_pictures_is_listed_without_figures(against_run):
    found = {one.scope: one for one in against_run.distances}
    assert found["anger"].n < LEAST_TO_MEASURE
    assert found["anger"].figures == {}


def test_every_figure_lies_in_its_interval(against_run):
    for one in against_run.distances:
        for name, figure in one.figures.items():
            assert figure.low <= figure.value <= figure.high, (one.scope, name)


def test_a_set_of_noise_is_far_from_drawn_faces(against_run):
    found = {one.scope: one for one in against_run.distances}[ALL].figures
    assert found["coverage"].value < 0.2


def test_diversity_is_of_as_many_pictures_on_both_sides(against_run):
    whole = next(one for one in against_run.diversities if one.scope == ALL)
    assert whole.n == len(against_run.reference.pictures)
    assert whole.reference is not None


def test_without_a_reference_there_is_diversity_and_no_distance(audited, runs):
    found = audited(runs[0])
    assert found.distances == ()
    assert found.diversities[0].reference is None


def test_an_audit_is_the_same_again(audited, runs, against_run):
    again = audited(runs[0], against=runs[1], per_class=True).to_json()
    assert {**again, "written": ""} == {**against_run.to_json(), "written": ""}

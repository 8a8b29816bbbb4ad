"""facsim.metrics.groups against scikit-learn, fairlearn and cases by hand."""

import json
import time

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from facsim.errors import FacsimError
from facsim.metrics import LEAST_IN_GROUP, measure_groups

NAMES = ("anger", "fear", "happiness")


def drawn(n: int, seed: int = 0, *, right: dict[str, float] | None = None):
    """Truth, answers and groups at random; a group is right as often as `right` says."""
    generator = np.random.default_rng(seed)
    shares = right or {"feminine": 0.8, "masculine": 0.6, "other": 0.7}
    groups = generator.choice(list(shares), n)
    truth = generator.integers(0, 3, n)
    called = np.where(generator.random(n) < [shares[g] for g in groups], truth, generator.integers(0, 3, n))
    return [NAMES[k] for k in truth], [NAMES[k] for k in called], groups.tolist()


def measured(truth, called, groups, **more):
    return measure_groups(truth, called, groups, classes=NAMES, rng=np.random.default_rng(0), **more)


def test_a_groups_figures_are_scikit_learns_over_its_pictures():
    truth, called, groups = drawn(600)
    rows = [i for i, group in enumerate(groups) if group == "feminine"]
    found = next(group for group in measured(truth, called, groups).groups if group.name == "feminine")
    picked = [truth[i] for i in rows], [called[i] for i in rows]
    assert found.n == len(rows)
    assert found.figures["accuracy"].value == pytest.approx(accuracy_score(*picked), abs=1e-12)
    assert found.figures["uar"].value == pytest.approx(balanced_accuracy_score(*picked), abs=1e-12)


def test_a_gap_is_the_largest_difference_and_names_both_ends():
    truth = ["anger"] * 80
    called = ["anger"] * 40 + ["anger"] * 10 + ["fear"] * 30
    gap = measured(truth, called, ["x"] * 40 + ["y"] * 40).gaps["accuracy"]
    assert (gap.difference.value, gap.ratio.value) == (pytest.approx(0.75), pytest.approx(0.25))
    assert (gap.lowest, gap.highest) == ("y", "x") and gap.p < 0.01


def test_fairness_differences_are_fairlearns():
    fairlearn = pytest.importorskip("fairlearn.metrics")
    truth, called, groups = drawn(900, 3)
    found = measured(truth, called, groups).by_class
    for name in NAMES:
        binary = [[one == name for one in names] for names in (truth, called)]
        parity = fairlearn.demographic_parity_difference(*binary, sensitive_features=groups)
        odds = fairlearn.equalized_odds_difference(*binary, sensitive_features=groups)
        assert found[name].demographic_parity.value == pytest.approx(parity, abs=1e-12)
        assert found[name].equalised_odds.value == pytest.approx(odds, abs=1e-12)


def test_fairness_differences_by_hand():
    # x: 40 anger, all called anger, 40 fear, all called fear. y: 40 anger, 20 called so; 40 fear, 10 called anger.
    truth = (["anger"] * 40 + ["fear"] * 40) * 2
    called = ["anger"] * 40 + ["fear"] * 40 + ["anger"] * 20 + ["fear"] * 20 + ["anger"] * 10 + ["fear"] * 30
    found = measured(truth, called, ["x"] * 80 + ["y"] * 80).by_class["anger"]
    assert found.demographic_parity.value == pytest.approx(40 / 80 - 30 / 80)
    assert found.equalised_odds.value == pytest.approx(max(1 - 20 / 40, 10 / 40 - 0))


def test_groups_that_only_show_other_expressions_are_not_called_unequal():
    # Anger is called right half as often as happiness, in either group; x shows mostly anger.
    generator = np.random.default_rng(0)
    groups = np.repeat(["x", "y"], 300)
    angry = generator.random(600) < np.where(groups == "x", 0.8, 0.2)
    right = generator.random(600) < np.where(angry, 0.45, 0.9)
    truth = ["anger" if one else "happiness" for one in angry]
    called = [name if ok else "fear" for name, ok in zip(truth, right, strict=True)]
    gap = measured(truth, called, groups.tolist()).gaps["accuracy"]
    assert gap.difference.value > 0.15 and gap.p > 0.05


def test_the_permutation_test_is_right_about_one_time_in_twenty_where_nothing_differs():
    alike = {"x": 0.7, "y": 0.7, "z": 0.7}
    ps = [measured(*drawn(200, seed, right=alike), resamples=200).gaps["uar"].p for seed in range(100)]
    assert 0 <= np.mean(np.array(ps) <= 0.05) <= 0.12


def test_a_small_group_is_listed_and_takes_no_part_in_gaps():
    truth, called, groups = drawn(200)
    found = measured([*truth, *["anger"] * 29], [*called, *["fear"] * 29], [*groups, *["tiny"] * 29])
    tiny = next(group for group in found.groups if group.name == "tiny")
    assert tiny.small and tiny.n == 29 < LEAST_IN_GROUP and tiny.figures["accuracy"].value == 0
    assert found.gaps["accuracy"].lowest != "tiny"


def test_one_group_alone_has_figures_and_no_gap():
    truth, called, _ = drawn(60)
    found = measured(truth, called, ["only"] * 60)
    assert found.gaps == {} and found.by_class == {} and len(found.groups) == 1


def test_a_class_that_a_group_does_not_show_has_no_recall_there():
    found = measured(["anger", "fear"] * 30, ["anger", "fear"] * 30, ["x", "y"] * 30)
    assert np.isnan(found.groups[0].recall["fear"].value)
    assert json.loads(json.dumps(found.to_json()))["groups"]["x"]["recall"]["fear"]["value"] is None


def test_unknown_groups_are_counted_and_left_out():
    truth, called, groups = drawn(100)
    found = measured(truth, called, [None if i < 10 else group for i, group in enumerate(groups)])
    assert found.unknown == 10 and sum(group.n for group in found.groups) == 90


def test_no_known_group_is_refused():
    with pytest.raises(FacsimError, match="no picture of which the group is known"):
        measured(["anger"], ["anger"], [None])


def test_lengths_that_differ_are_refused():
    with pytest.raises(FacsimError, match="1 true classes, 1 predictions and 2 groups"):
        measured(["anger"], ["anger"], ["x", "y"])


def test_bins_stand_in_the_order_of_their_numbers():
    found = measured(["anger"] * 3, ["anger"] * 3, ["10–19", "3–9", "70+"])
    assert [group.name for group in found.groups] == ["3–9", "10–19", "70+"]


def test_the_interval_of_a_group_matches_a_bootstrap_of_its_pictures():
    truth, called, groups = drawn(400, 5)
    found = next(g for g in measured(truth, called, groups, resamples=4000).groups if g.name == "feminine")
    right = np.array([t == c for t, c, g in zip(truth, called, groups, strict=True) if g == "feminine"], dtype=float)
    rows = np.random.default_rng(1).integers(0, len(right), (4000, len(right)))
    plain = np.quantile(right[rows].mean(axis=1), [0.025, 0.975])
    assert np.allclose([found.figures["accuracy"].low, found.figures["accuracy"].high], plain, atol=0.015)


def test_3589_pictures_in_three_groups_take_a_few_seconds_at_most():
    start = time.perf_counter()
    measured(*drawn(3589))
    assert time.perf_counter() - start < 5

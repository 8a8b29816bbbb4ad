import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from facsim.errors import FacsimError
from facsim.metrics import agreement_of, dawid_skene

ONES = np.ones


def simulated(n, confusions, prior, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.choice(len(prior), n, p=prior)
    votes = [[rng.choice(len(prior), p=confusion[k]) for k in truth] for confusion in confusions]
    return truth, np.array(votes).T


CONFUSIONS = np.array(
    [
        [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.05, 0.05, 0.9]],
        [[0.6, 0.2, 0.2], [0.1, 0.85, 0.05], [0.2, 0.2, 0.6]],
        [[0.7, 0.3, 0.0], [0.3, 0.7, 0.0], [0.05, 0.05, 0.9]],
        [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.3, 0.1, 0.6]],
    ]
)


def test_known_confusions_are_recovered():
    _, votes = simulated(12_000, CONFUSIONS, [0.5, 0.3, 0.2])
    found = dawid_skene(votes, ONES(len(votes), int), classes=3)
    assert found.settled
    assert np.allclose(found.prior, [0.5, 0.3, 0.2], atol=0.03)
    assert np.allclose(found.confusion, CONFUSIONS, atol=0.05)
    expected = [(np.diag(c) * [0.5, 0.3, 0.2]).sum() for c in CONFUSIONS]
    assert np.allclose([r.value for r in found.reliability], expected, atol=0.03)


def test_its_labels_beat_the_majoritys():
    truth, votes = simulated(4000, CONFUSIONS[[1, 1, 0]], [1 / 3] * 3, seed=1)
    majority = np.array([np.bincount(row, minlength=3).argmax() for row in votes])
    found = dawid_skene(votes, ONES(4000, int), classes=3)
    assert (found.posterior.argmax(1) == truth).mean() > (majority == truth).mean() + 0.01


def test_counts_of_patterns_give_what_the_rows_give():
    _, votes = simulated(300, CONFUSIONS, [0.4, 0.3, 0.3])
    patterns, place, counts = np.unique(votes, axis=0, return_inverse=True, return_counts=True)
    rows, few = dawid_skene(votes, ONES(300, int), classes=3), dawid_skene(patterns, counts, classes=3)
    assert np.allclose(few.posterior[place.ravel()], rows.posterior, atol=1e-6)
    assert [r.n for r in few.reliability] == [r.n for r in rows.reliability] == [300] * 4


def test_a_voter_that_does_not_vote_says_nothing():
    _, votes = simulated(500, CONFUSIONS[:3], [0.4, 0.3, 0.3])
    silent = np.column_stack([votes, np.full(500, -1)])
    one, other = (dawid_skene(v, ONES(500, int), classes=3) for v in (votes, silent))
    assert np.allclose(one.posterior, other.posterior, atol=1e-6)
    assert other.reliability[3].n == 0
    assert math.isnan(other.reliability[3].value)


def test_unanimous_votes_stay_what_they_are():
    votes = np.repeat(np.arange(3)[:, None], 3, axis=1)
    found = dawid_skene(votes, np.array([50, 30, 20]), classes=3)
    assert found.posterior.argmax(1).tolist() == [0, 1, 2]
    assert found.posterior.max(1).min() > 0.999


def test_a_vote_for_no_class_is_refused():
    with pytest.raises(FacsimError, match="expected −1"):
        dawid_skene(np.array([[3]]), ONES(1, int), classes=3)


def test_agreement_and_kappa_are_those_computed_by_hand_and_scikit_learns():
    """4 pictures: equal in 3; chance is (3·2 + 1·2) / 16 = 0.5, so kappa is (0.75 - 0.5) / 0.5."""
    votes = np.array([[0, 0], [0, 0], [0, 1], [1, 1]])
    found = agreement_of(votes, ONES(4, int), classes=2)[0]
    assert (found.share.value, found.share.n, found.kappa) == (0.75, 4, 0.5)
    assert found.kappa == pytest.approx(cohen_kappa_score(votes[:, 0], votes[:, 1]))


def test_agreement_counts_pictures_that_both_voted_on():
    votes = np.array([[0, 0, -1], [1, -1, 1]])
    found = agreement_of(votes, np.array([2, 5]), classes=2)
    assert [(p.one, p.other, p.share.n) for p in found] == [(0, 1, 2), (0, 2, 5), (1, 2, 0)]

"""The fit of a table of names finds the shares that were put in."""

from pathlib import Path

import numpy as np
import pytest

from facsim.measured import VARIANT_NAMES

KNOWN = np.array([name for name in VARIANT_NAMES if not name.startswith("contempt")])
NATURAL = {"anger": 0.2, "fear": 0.5, "happiness": 0.3}


@pytest.fixture
def codings(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    import measured_codings

    return measured_codings


def test_shares_that_were_mixed_are_found(codings):
    generator = np.random.default_rng(0)
    true = np.array([0.6, 0.3, 0.1, 0.0])
    shown = generator.normal(2.5 * generator.choice(4, 4000, p=true), 1.0)  # four kinds that overlap
    ratios = np.exp(-0.5 * (shown[:, None] - 2.5 * np.arange(4)) ** 2)
    assert codings.shares_of(ratios, np.full(4, 0.25), strength=1.0) == pytest.approx(true, abs=0.03)


def test_without_photographs_the_prior_stays_and_with_few_it_counts(codings):
    prior = np.array([0.5, 0.5])
    assert codings.shares_of(np.zeros((0, 2)), prior, strength=10.0) == pytest.approx(prior)
    sure = np.tile([1.0, 1e-9], (10, 1))
    assert codings.shares_of(sure, prior, strength=10.0) == pytest.approx([0.75, 0.25], abs=1e-3)


def test_priors_are_shares_and_lean_to_the_name_s_own_variants(codings):
    prior = codings.prior_shares(KNOWN, NATURAL, own=0.6)
    assert set(prior) == set(NATURAL)
    own = np.array([name.startswith("fear: ") for name in KNOWN])
    assert prior["fear"].sum() == pytest.approx(1)
    assert prior["fear"][own].sum() == pytest.approx(0.6 + 0.4 * 0.5)
    assert prior["anger"][own].sum() == pytest.approx(0.4 * 0.5)


def test_variants_are_told_apart_by_what_was_seen(codings):
    generator = np.random.default_rng(1)
    names = np.repeat(["fear: terror", "neutral: rest"], (300, 100))
    seen = generator.normal(np.where(names == "fear: terror", 2.0, -2.0)[:, None], 1.0, (400, 3))
    known, ratios = codings.likelihoods(seen, names, np.array([[2.0, 2, 2], [-2, -2, -2]]))
    assert known.tolist() == ["fear: terror", "neutral: rest"]
    assert ratios[0].argmax() == 0 and ratios[1].argmax() == 1
    assert 3 < ratios[1, 1] < 4.01  # nearly certain of what is a quarter of the bank

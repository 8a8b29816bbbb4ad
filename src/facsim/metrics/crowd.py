"""Several voters on one picture: how often they agree, and what each is worth where nobody knows the truth.

Dawid and Skene 1979, Maximum likelihood estimation of observer error-rates using the EM algorithm (Applied Statistics
28): a picture of true class k is called l by voter v with probability `confusion[v, k, l]`, independently of the other
voters; EM finds these and the classes' shares. It works on counts of vote patterns, so the result depends neither on
the order of the pictures nor on how many there are of one pattern. What it finds is what the voters agree on: where all
err alike it cannot tell, and two voters alone hardly determine it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.estimate import Estimate
from facsim.metrics.proportions import share_of

__all__ = ["Crowd", "PairAgreement", "agreement_of", "dawid_skene"]

_SMOOTHING = 0.01  # of a vote, for every cell: no probability becomes 0, and 10,000 pictures do not feel it
_MOST_ROUNDS = 2000
_SETTLED = 1e-9  # change of the mean log-likelihood of a picture, nats


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """What `dawid_skene` found, over P rows of votes, V voters and K classes.

    posterior: (P, K), the probability of each class. prior: (K,). confusion: (V, K, K), [v, k, l] the probability that
    voter v calls a picture of class k l. reliability: for each voter the probability that it is right, n being its
    votes (Wilson's interval, as if the posterior were the truth). Rounds of EM, and whether it settled.
    """

    posterior: NDArray[np.float64]
    prior: NDArray[np.float64]
    confusion: NDArray[np.float64]
    reliability: tuple[Estimate, ...]
    rounds: int
    settled: bool


@dataclass(frozen=True, kw_only=True)
class PairAgreement:
    """How often two voters agree where both voted: the share (Wilson's interval), Cohen's kappa (NaN: undefined)."""

    one: int
    other: int
    share: Estimate
    kappa: float


def dawid_skene(votes: NDArray[np.int64], counts: NDArray[np.int64], *, classes: int) -> Crowd:
    """EM over `votes` int64 (P, V), places of classes or −1 for none, each row standing for `counts` (P,) pictures.

    Starts from the shares of the votes. A row without any vote gets the prior. Deterministic. Raises FacsimError for
    other shapes and for a vote that is no class.
    """
    if votes.ndim != 2 or counts.shape != (len(votes),) or not votes.size:
        raise FacsimError(f"found votes {votes.shape} and counts {counts.shape}; expected (P, V) and (P,), P, V > 0")
    if votes.min() < -1 or votes.max() >= classes:
        raise FacsimError(f"found the vote {votes.max()}; expected −1 (none) to {classes - 1}")
    cast = votes[:, :, None] == np.arange(classes)  # (P, V, K)
    weight = counts.astype(np.float64)
    shares = cast.sum(axis=1).astype(np.float64)
    total = shares.sum(axis=1, keepdims=True)
    posterior = np.where(total > 0, shares / np.maximum(total, 1), 1.0 / classes)
    before, settled, rounds = -np.inf, False, 0
    prior, confusion = _maximised(cast, weight, posterior)
    for rounds in range(1, _MOST_ROUNDS + 1):  # noqa: B007  # told in the result
        posterior, likelihood = _expected(cast, weight, prior, confusion)
        prior, confusion = _maximised(cast, weight, posterior)
        if settled := abs(likelihood - before) < _SETTLED:
            break
        before = likelihood
    return Crowd(
        posterior=posterior,
        prior=prior,
        confusion=confusion,
        reliability=_reliability(cast, weight, posterior),
        rounds=rounds,
        settled=bool(settled),
    )


def _maximised(
    cast: NDArray[np.bool_], weight: NDArray[np.float64], posterior: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Dawid and Skene 1979, equations 2.3 and 2.4: the voters' confusions and the classes' shares."""
    held = posterior * weight[:, None]
    prior = held.sum(axis=0) + _SMOOTHING
    confusion = np.stack([held.T @ cast[:, voter].astype(np.float64) for voter in range(cast.shape[1])]) + _SMOOTHING
    return prior / prior.sum(), confusion / confusion.sum(axis=2, keepdims=True)


def _expected(
    cast: NDArray[np.bool_], weight: NDArray[np.float64], prior: NDArray[np.float64], confusion: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Equation 2.5: the classes, given the confusions; and the mean log-likelihood of a picture."""
    logs = np.log(confusion)
    joint = np.log(prior)[None, :] + np.zeros((len(cast), 1))
    for voter in range(cast.shape[1]):
        joint = joint + cast[:, voter].astype(np.float64) @ logs[voter].T
    most = joint.max(axis=1, keepdims=True)
    odds = np.exp(joint - most)
    total = odds.sum(axis=1, keepdims=True)
    likelihood = float((weight * (np.log(total) + most)[:, 0]).sum() / max(weight.sum(), 1.0))
    return odds / total, likelihood


def _reliability(
    cast: NDArray[np.bool_], weight: NDArray[np.float64], posterior: NDArray[np.float64]
) -> tuple[Estimate, ...]:
    held = posterior * weight[:, None]
    right = (cast * held[:, None, :]).sum(axis=(0, 2))
    votes = (cast.any(axis=2) * weight[:, None]).sum(axis=0)
    return tuple(share_of(min(float(r), float(n)), round(float(n))) for r, n in zip(right, votes, strict=True))


def agreement_of(votes: NDArray[np.int64], counts: NDArray[np.int64], *, classes: int) -> tuple[PairAgreement, ...]:
    """Every pair of voters, over `votes` int64 (P, V) as in `dawid_skene`; kappa is Cohen's (1960)."""
    found = list[PairAgreement]()
    for one in range(votes.shape[1]):
        for other in range(one + 1, votes.shape[1]):
            both = (votes[:, one] >= 0) & (votes[:, other] >= 0)
            table = np.zeros((classes, classes))
            np.add.at(table, (votes[both, one], votes[both, other]), counts[both].astype(np.float64))
            n = round(float(table.sum()))
            share = share_of(float(np.trace(table)), n)
            found.append(PairAgreement(one=one, other=other, share=share, kappa=_kappa(table, n)))
    return tuple(found)


def _kappa(table: NDArray[np.float64], n: int) -> float:
    if not n:
        return float("nan")
    chance = float((table.sum(axis=0) * table.sum(axis=1)).sum()) / (n * n)
    return (float(np.trace(table)) / n - chance) / (1 - chance) if chance < 1 else float("nan")

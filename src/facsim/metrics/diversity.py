"""How many different pictures a set holds in effect: the Vendi score.

Friedman and Dieng 2023, The Vendi Score: A Diversity Evaluation Metric for Machine Learning, definition 2.1: the
exponential of the entropy of the eigenvalues of K / n, K being the pictures' similarities; 1 where all are alike, n
where none is like another. Similarity is the cosine of features about a common centre (without it, rectified features
are all alike). K and the features' own D × D product have the same eigenvalues, so n does not matter to the cost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.metrics.estimate import Estimate, spread_over

__all__ = ["vendi", "vendi_score"]

_ROWS_A_TURN = 4096


def vendi_score(
    features: NDArray[np.float32], centre: NDArray[np.float64] | None = None, rows: NDArray[np.int64] | None = None
) -> float:
    """The score of features (N, D), N > 0, or of some `rows` of them, about `centre` (D,), by default the origin.

    Sets are compared about one centre, such as the mean of a reference.
    """
    count = len(features) if rows is None else len(rows)
    if features.ndim != 2 or count < 1:
        raise FacsimError(f"found features {features.shape}, expected (N, D), N > 0")
    products = np.zeros((features.shape[1], features.shape[1]))
    for at in range(0, count, _ROWS_A_TURN):
        held = features[at : at + _ROWS_A_TURN] if rows is None else features[rows[at : at + _ROWS_A_TURN]]
        moved = np.asarray(held, dtype=np.float64) - (0 if centre is None else centre)
        unit = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
        products += unit.T @ unit
    values = np.linalg.eigvalsh(products / count)
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def vendi(
    features: NDArray[np.float32], *, rng: np.random.Generator, centre: NDArray[np.float64] | None = None
) -> Estimate:
    """The score of features (N, D), N at least 4, its interval from parts of them (`spread_over`)."""
    value = vendi_score(features, centre)
    spread = spread_over(lambda rows: vendi_score(features, centre, rows[0]), (len(features),), rng=rng)
    return spread.about(value, least=1.0)

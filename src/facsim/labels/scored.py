"""What a teacher writes of a face: its scores over the eight, the first of them, how sure it is, and its name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.stage import Row

__all__ = ["SCORED", "scored_row"]

SCORED = ("expression_scores", "expression_top", "expression_confidence", "teacher")


def scored_row(scores: NDArray[np.float64], teacher: str) -> Row:
    """The columns `SCORED` of scores (8,) over `EIGHT_EXPRESSIONS`."""
    first = int(scores.argmax())  # of equal scores the alphabet's first
    return {
        "expression_scores": scores.astype(np.float32).tolist(),
        "expression_top": EIGHT_EXPRESSIONS[first],
        "expression_confidence": float(scores[first]),
        "teacher": teacher,
    }

"""Losses of classification: cross-entropy to distributions, with label smoothing, and weighted mixes of it.

A mix is a sequence of (weight, smoothing) pairs. Cross-entropy is linear in its targets, so a mix of label smoothings
is itself one: 2·LS(0.4) + CE is 3·LS(0.8 / 3). What a mix adds is its scale, which counts where weights are decayed
within the gradient (Adam, SGD), and hardly elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from facsim.errors import FacsimError, hint_nearest

__all__ = ["LOSSES", "LossTerms", "loss_terms", "mixed_cross_entropy", "soft_cross_entropy"]

LossTerms = tuple[tuple[float, float], ...]
"""(weight, smoothing) of each term."""

LOSSES: Mapping[str, LossTerms] = {
    "syntfer": ((2.0, 0.4), (1.0, 0.0)),
    "poster": ((2.0, 0.2), (1.0, 0.0)),
}
"""Mixes by name: 2·LS(0.4) + CE of SyntFER's train_ir50.py, and 2·LS(0.2) + CE of POSTER's train.py."""


def loss_terms(loss: str | Sequence[Sequence[float]], *, label_smoothing: float) -> LossTerms:
    """The terms of a loss: "smoothed" is cross-entropy with `label_smoothing`; else a name in `LOSSES`, or pairs.

    Raises FacsimError where the name is unknown, with the nearest, and where a weight or a smoothing is out of range.
    """
    if isinstance(loss, str):
        if loss != "smoothed" and loss not in LOSSES:
            known = ("smoothed", *LOSSES)
            raise FacsimError(
                f'found the loss "{loss}", expected {", ".join(known)} or pairs [weight, smoothing].'
                f"{hint_nearest(loss, known)}"
            )
        return LOSSES.get(loss, ((1.0, label_smoothing),))
    if not loss or any(len(term) != 2 or term[0] <= 0 or not 0 <= term[1] < 1 for term in loss):
        raise FacsimError(f"found the loss {loss}, expected pairs [weight above 0, smoothing from 0 and below 1]")
    return tuple((float(weight), float(smoothing)) for weight, smoothing in loss)


def soft_cross_entropy(logits: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy of logits (N, C) to distributions (N, C); hard labels are one-hot rows.

    Label smoothing mixes the uniform distribution in (Szegedy et al. 2016, section 7).
    """
    mixed = targets * (1 - smoothing) + smoothing / targets.shape[1]
    return -(mixed * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()


def mixed_cross_entropy(logits: Tensor, targets: Tensor, *, terms: LossTerms) -> Tensor:
    """The weighted sum of `soft_cross_entropy` over `terms`, a scalar."""
    (weight, smoothing), *others = terms
    loss = soft_cross_entropy(logits, targets, smoothing=smoothing)
    loss = loss if weight == 1 else weight * loss
    for weight, smoothing in others:
        loss = loss + weight * soft_cross_entropy(logits, targets, smoothing=smoothing)
    return loss

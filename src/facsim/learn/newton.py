"""Multinomial logistic regression by Newton's method: for the few problems that L-BFGS takes too long over.

Under a weak penalty, on pictures that can nearly be told apart, the curvature differs by orders of magnitude from one
direction to another and from one step to the next; a handful of remembered steps does not say that. Here each step
solves the Hessian itself, by conjugate gradients (Nocedal and Wright 2006, Numerical Optimization, algorithm 7.1) that
are conditioned by the Hessian's block of each class, and is halved until it goes down. No random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["solve_by_newton"]

_SUFFICIENT = 1e-4  # Armijo's constant
_SHORTEST = 2.0**-30
_LEAST_CURVATURE = 1e-12  # of the largest in a class's block: below, float64 does not tell it from none


def solve_by_newton(
    features: Tensor, targets: Tensor, penalty: Tensor, weights: Tensor, *, tolerance: float, most: int = 200
) -> Tensor:
    """Weights (D, C) where no entry of the gradient is above `tolerance`, or can be brought nearer in this precision.

    From weights (D, C), of features (n, D) that hold a column of ones where there is to be a bias, targets (n, C) and
    the penalty (D, 1) of each row of weights, all float64. The rows of the targets have sums of their own.
    """
    problem = _Problem(features=features, targets=targets, mass=targets.sum(dim=1, keepdim=True), penalty=penalty)
    weights = _centred(weights)
    loss, shares = problem.value(weights)
    for _ in range(most):
        gradient = problem.gradient(weights, shares)
        if float(gradient.abs().max()) <= tolerance:
            break
        direction = _direction(problem, gradient, shares)
        found = _shortened(problem, weights, direction, (float(loss), float((gradient * direction).sum())))
        if found is None:
            break
        weights, loss, shares = found
    return weights


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """Features (n, D), targets (n, C), their sums (n, 1), and the penalty (D, 1)."""

    features: Tensor
    targets: Tensor
    mass: Tensor
    penalty: Tensor

    def value(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """The objective, a scalar, and the classes' shares (n, C), rows of sum 1."""
        logs = torch.log_softmax(self.features @ weights, dim=1)
        loss = -(self.targets * logs).sum(dim=1).mean()
        return loss + 0.5 * (self.penalty * weights.square()).sum(), logs.exp()

    def gradient(self, weights: Tensor, shares: Tensor) -> Tensor:
        slopes = self.features.T @ (shares * self.mass - self.targets) / len(self.features)
        return _centred(slopes + self.penalty * weights)

    def curved(self, direction: Tensor, shares: Tensor) -> Tensor:
        """The Hessian times a direction (D, C)."""
        moved = self.features @ direction
        moved = shares * (moved - (shares * moved).sum(dim=1, keepdim=True)) * self.mass
        return self.features.T @ moved / len(self.features) + self.penalty * direction

    def blocks(self, shares: Tensor) -> Tensor:
        """The factor of each class's block of the Hessian, (C, D, D)."""
        weight = (shares * (1 - shares) * self.mass / len(self.features)).T[:, :, None]
        blocks = self.features.T @ (weight * self.features) + torch.diag(self.penalty[:, 0])
        least = _LEAST_CURVATURE * blocks.diagonal(dim1=1, dim2=2).amax(dim=1).clamp_min(1e-12)
        eye = torch.eye(blocks.shape[1], dtype=blocks.dtype)
        return torch.linalg.cholesky(blocks + least[:, None, None] * eye)


def _direction(problem: _Problem, gradient: Tensor, shares: Tensor) -> Tensor:
    """What solves the Hessian for minus the gradient, the better the smaller that is, so that steps end fast."""
    factor = problem.blocks(shares)
    norm = float(gradient.norm())
    wanted = min(0.1, norm**0.5) * norm
    direction, left = torch.zeros_like(gradient), -gradient
    scaled = _scaled(factor, left)
    search, size = scaled, float((left * scaled).sum())
    for _ in range(2 * gradient.numel()):
        if float(left.norm()) <= wanted:
            break
        turned = problem.curved(search, shares)
        bend = float((search * turned).sum())
        if bend <= 0 or size <= 0:  # only where rounding has eaten it
            break
        direction = direction + size / bend * search
        left = left - size / bend * turned
        scaled = _scaled(factor, left)
        size, before = float((left * scaled).sum()), size
        search = scaled + size / before * search
    return direction if bool(direction.any()) else scaled


def _scaled(factor: Tensor, residual: Tensor) -> Tensor:
    """The residual (D, C) over the classes' blocks."""
    return _centred(torch.cholesky_solve(_centred(residual).T[:, :, None], factor)[:, :, 0].T)


def _centred(weights: Tensor) -> Tensor:
    """Weights (D, C) less their mean over classes, which changes no share: at the solution it is 0."""
    return weights - weights.mean(dim=1, keepdim=True)


def _shortened(
    problem: _Problem, weights: Tensor, direction: Tensor, at: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor] | None:
    """Weights, loss and shares a step further down, given the loss and its slope; None where nothing is further down.

    Where the step promises less than the loss is exact to, it is taken whole if the loss does not rise by more.
    """
    loss, slope = at
    exact = 4 * torch.finfo(torch.float64).eps * max(1.0, abs(loss))
    step = 1.0
    while step >= _SHORTEST:
        further = weights + step * direction
        value, shares = problem.value(further)
        if float(value) <= loss + _SUFFICIENT * step * slope + (exact if step == 1 and -slope <= 1e3 * exact else 0.0):
            return further, value, shares
        step /= 2
    return None

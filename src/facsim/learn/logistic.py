"""Multinomial logistic regression for many small problems at once.

The mean cross-entropy to (soft) targets plus half the penalty times the squared weights, the bias not penalised:
scikit-learn's `LogisticRegression(C=1 / (penalty · n))`. All problems go through L-BFGS in step (Nocedal and Wright
2006, Numerical Optimization, algorithm 7.4) from zero weights, each with its own line search. The first guess of the
curvature is Böhning's bound of the Hessian (1992, Multinomial logistic regression algorithm), so that a few tens of
iterations suffice even where features lie along a few directions. A problem that takes more than some hundreds (a weak
penalty, pictures that can nearly be told apart) is finished by Newton's method (`facsim.learn.newton`). No random
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from facsim.errors import FacsimError
from facsim.learn.newton import solve_by_newton

__all__ = ["fit_logistic", "logistic_logits"]

_MEMORY = 8  # pairs of steps and changes that L-BFGS remembers
_SUFFICIENT = 1e-4  # Armijo's constant
_SHORTEST = 2.0**-20
_UNSOLVED = 100.0  # times the tolerance: a gradient that float64 could not bring below that is a failure


def fit_logistic(
    features: Tensor, targets: Tensor, *, penalty: Tensor | float, tolerance: float = 1e-6, most: int = 200
) -> Tensor:
    """Weights (E, D + 1, C) float64 of E problems, the last row the bias, from features (E, n, D) and targets
    (E, n, C).

    `penalty` is one number or E of them. The largest entry of each gradient is below `tolerance` at the end, or as low
    as float64 brings it. What L-BFGS has not solved after `most` iterations Newton's method does, one problem after
    another. Raises FacsimError where that fails too, or where a feature is not finite.
    """
    if features.ndim == 3 and features.shape[1] < features.shape[2]:
        return _in_span(features, targets, penalty, tolerance=tolerance, most=most)
    problem = _problem(features, targets, penalty)
    state = _State(weights=torch.zeros_like(problem.start()), problem=problem)
    for _ in range(most):
        open_ = state.open(tolerance)
        if not bool(open_.any()) or not state.advance(open_):
            break
    weights = state.weights.clone()
    for row in state.open(tolerance).nonzero()[:, 0].tolist():
        weights[row] = _finished(problem, row, weights[row], tolerance=tolerance)
    return weights


def _finished(problem: _Problem, row: int, weights: Tensor, *, tolerance: float) -> Tensor:
    """The weights (D + 1, C) of one problem, solved from where they are."""
    own = (problem.features[row], problem.targets[row], problem.penalty[row])
    found = solve_by_newton(*own, weights, tolerance=tolerance)
    alone = found[None]
    steepest = float(problem.of(row).gradient(alone, problem.of(row).value(alone)[1]).abs().max())
    if not steepest <= _UNSOLVED * tolerance:
        raise FacsimError(
            f"found a logistic regression that is not solved (gradient {steepest:.1e}, penalty "
            f"{float(own[2].max()):g}), expected {tolerance:g}; raise the penalty"
        )
    return found


def _in_span(features: Tensor, targets: Tensor, penalty: Tensor | float, *, tolerance: float, most: int) -> Tensor:
    """The same for fewer pictures than features: weights lie in the span of the features, where there are n of them."""
    basis, within = torch.linalg.qr(features.double().mT)  # (E, D, n) and (E, n, n): features are withinᵀ basisᵀ
    weights = fit_logistic(within.mT, targets, penalty=penalty, tolerance=tolerance, most=most)
    return torch.cat([basis @ weights[:, :-1], weights[:, -1:]], dim=1)


def logistic_logits(features: Tensor, weights: Tensor) -> Tensor:
    """Logits (E, M, C) of features (E, M, D), or (M, D) shared by all problems, under weights (E, D + 1, C)."""
    return features.to(weights.dtype) @ weights[:, :-1] + weights[:, -1:]


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """Features with a column of ones (E, n, D + 1), targets (E, n, C), penalty a row of weights (E, D + 1, 1), and the
    factor of the curvature's bound (E, D + 1, D + 1)."""

    features: Tensor
    targets: Tensor
    penalty: Tensor
    factor: Tensor

    def of(self, row: int) -> _Problem:
        """One of the problems."""
        own = slice(row, row + 1)
        return _Problem(
            features=self.features[own],
            targets=self.targets[own],
            penalty=self.penalty[own],
            factor=self.factor[own],
        )

    def start(self) -> Tensor:
        return self.features.new_zeros((len(self.features), self.features.shape[2], self.targets.shape[2]))

    def value(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """The objective (E,) and the log-probabilities (E, n, C)."""
        logs = torch.log_softmax(self.features @ weights, dim=2)
        loss = -(self.targets * logs).sum(dim=2).mean(dim=1)
        return loss + 0.5 * (self.penalty * weights.square()).sum(dim=(1, 2)), logs

    def gradient(self, weights: Tensor, logs: Tensor) -> Tensor:
        mass = self.targets.sum(dim=2, keepdim=True)
        return self.features.mT @ (logs.exp() * mass - self.targets) / self.targets.shape[1] + self.penalty * weights

    def scaled(self, direction: Tensor) -> Tensor:
        """The direction over the bound of the curvature."""
        return torch.cholesky_solve(direction, self.factor)


def _problem(features: Tensor, targets: Tensor, penalty: Tensor | float) -> _Problem:
    if features.ndim != 3 or targets.ndim != 3 or features.shape[:2] != targets.shape[:2]:
        raise FacsimError(
            f"found features {tuple(features.shape)} and targets {tuple(targets.shape)}, expected (E, n, D), (E, n, C)"
        )
    if not bool(torch.isfinite(features).all()):
        raise FacsimError("found features that are not finite, expected numbers; the backbone's weights overflow")
    count, rows, width = features.shape
    ones = torch.ones((count, rows, 1), dtype=torch.float64)
    whole = torch.cat([features.double(), ones], dim=2)
    strength = torch.as_tensor(penalty, dtype=torch.float64).reshape(-1, 1, 1).expand(count, width + 1, 1).clone()
    if not bool((strength > 0).all()):
        raise FacsimError(
            f"found a penalty of {float(strength.min())}, expected more than 0: else weights may have no end"
        )
    strength[:, -1] = 0
    bound = 0.5 * whole.mT @ whole / rows + torch.diag_embed(strength[..., 0] + 1e-10)
    return _Problem(features=whole, targets=targets.double(), penalty=strength, factor=torch.linalg.cholesky(bound))


@dataclass(kw_only=True)
class _State:
    """Where all problems are; mutable, as an optimiser is."""

    weights: Tensor
    problem: _Problem
    pairs: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list[tuple[Tensor, Tensor, Tensor]])

    def __post_init__(self) -> None:
        self.loss, logs = self.problem.value(self.weights)
        self.gradient = self.problem.gradient(self.weights, logs)
        self.slackness = torch.ones_like(self.loss)  # how far the bound is above the curvature last met

    def open(self, tolerance: float) -> Tensor:
        """Which problems are not solved yet, bool (E,)."""
        return ~(self.gradient.abs().amax(dim=(1, 2)) <= tolerance)

    def advance(self, open_: Tensor) -> bool:
        """One step of every open problem; false where none can go further down in this precision."""
        direction = -self._two_loops() * open_[:, None, None]
        slope = (direction * self.gradient).sum(dim=(1, 2))
        step = torch.ones_like(slope)
        while True:
            weights = self.weights + step[:, None, None] * direction
            loss, logs = self.problem.value(weights)
            short = open_ & ~(loss <= self.loss + _SUFFICIENT * step * slope)
            if not bool(short.any()) or float(step[short].max()) < _SHORTEST:
                break
            step = torch.where(short, step / 2, step)
        step = torch.where(short, 0.0, step)
        if not bool((step * open_).any()):
            return False
        if bool(short.any()):
            weights = self.weights + step[:, None, None] * direction
            loss, logs = self.problem.value(weights)
        self._move(weights, loss, logs)
        return True

    def _move(self, weights: Tensor, loss: Tensor, logs: Tensor) -> None:
        gradient = self.problem.gradient(weights, logs)
        moved, changed = weights - self.weights, gradient - self.gradient
        curvature = (moved * changed).sum(dim=(1, 2))
        inverse = torch.where(curvature > 1e-20, 1 / curvature.clamp_min(1e-20), 0.0)
        self.pairs = [*self.pairs[-_MEMORY + 1 :], (moved, changed, inverse)]
        bounded = (changed * self.problem.scaled(changed)).sum(dim=(1, 2))
        self.slackness = torch.where(curvature > 1e-20, curvature / bounded.clamp_min(1e-30), self.slackness)
        self.weights, self.loss, self.gradient = weights, loss, gradient

    def _two_loops(self) -> Tensor:
        """The gradient over the curvature as remembered."""
        direction, shares = self.gradient, list[Tensor]()
        for moved, changed, inverse in reversed(self.pairs):
            share = inverse * (moved * direction).sum(dim=(1, 2))
            direction = direction - share[:, None, None] * changed
            shares.append(share)
        direction = self.slackness[:, None, None] * self.problem.scaled(direction)
        for (moved, changed, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            back = inverse * (changed * direction).sum(dim=(1, 2))
            direction = direction + (share - back)[:, None, None] * moved
        return direction

"""facsim.learn.alignment: distances of features, by hand and against their definitions."""

import torch

from facsim.learn.alignment import feature_gap, moment_gap, rbf_mmd


def features(count: int, *, seed: int, width: int = 5) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def test_the_moment_gap_of_a_case_by_hand():
    # Means (1, 0) and (0, 0): 1 over D = 2. Covariances diag(1, 0) and 0: 1 over D² = 4.
    found = moment_gap(torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.zeros(3, 2))
    assert torch.isclose(found, torch.tensor(0.5 + 0.25))


def test_equal_features_have_no_gap_whatever_their_order_and_number():
    same = features(6, seed=0)
    assert moment_gap(same, same.flip(0).repeat(2, 1)) < 1e-12
    assert rbf_mmd(same, same.flip(0)).abs() < 1e-6


def test_a_spread_alone_is_seen_by_both():
    narrow = features(64, seed=0)
    wide = 3 * narrow
    assert moment_gap(narrow - narrow.mean(0), wide - wide.mean(0)) > 0.1
    assert rbf_mmd(narrow - narrow.mean(0), wide - wide.mean(0)) > 0.01


def test_the_mmd_is_that_of_its_definition():
    one, other = features(4, seed=0), features(3, seed=1) + 1
    joint = torch.cat([one, other])
    squared = torch.tensor([[float((a - b).square().sum()) for b in joint] for a in joint])

    def kernel(i: int, j: int) -> float:
        factors = (0.25, 0.5, 1.0, 2.0, 4.0)
        return sum(float(torch.exp(-squared[i, j] / (k * squared.mean()))) for k in factors) / len(factors)

    def mean(rows: range, columns: range) -> float:
        return sum(kernel(i, j) for i in rows for j in columns) / (len(rows) * len(columns))

    first, second = range(4), range(4, 7)
    expected = mean(first, first) + mean(second, second) - 2 * mean(first, second)
    assert abs(float(rbf_mmd(one, other)) - expected) < 1e-5


def test_following_the_gradient_closes_the_gap():
    for kernel in ("moments", "rbf"):
        moving, reference = features(32, seed=0).requires_grad_(True), features(32, seed=1) * 2 + 1
        before = feature_gap(moving, reference, kernel=kernel)
        (slope,) = torch.autograd.grad(before, moving)
        assert torch.isfinite(slope).all()
        assert feature_gap(moving - 0.1 * slope / slope.norm(), reference, kernel=kernel) < before

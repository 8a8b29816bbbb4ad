"""Noise from an integer hash: in range, spread evenly, and nothing but seed and place."""

import numpy as np
import pytest
import warp as wp

from facsim.models.noise import fold_seed, hash_unit, smooth_noise


@wp.kernel(enable_backward=False)
def _sample(seed: int, flat: wp.array(dtype=wp.float32), smooth: wp.array(dtype=wp.float32)):  # type: ignore[valid-type]
    i = wp.tid()
    field = fold_seed(seed, 1)
    flat[i] = hash_unit(field, i % 100, i // 100, 0)
    smooth[i] = smooth_noise(field, wp.vec3(float(i) * 0.01, 0.5, 0.25))


def sample(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """10,000 hashes of lattice points, and smooth noise along a line in steps of 0.01."""
    flat, smooth = (wp.zeros(10_000, dtype=wp.float32, device="cpu") for _ in range(2))
    wp.launch(_sample, dim=10_000, inputs=[seed], outputs=[flat, smooth], device="cpu")
    return flat.numpy(), smooth.numpy()


def test_hashes_are_uniform() -> None:
    counts = np.histogram(sample(1)[0], bins=10, range=(0.0, 1.0))[0]
    assert counts.sum() == 10_000
    # chi-squared with 9 degrees of freedom exceeds 27.9 once in a thousand
    assert ((counts - 1000.0) ** 2 / 1000.0).sum() < 27.9


def test_neighbours_are_not_alike() -> None:
    flat = sample(2)[0].reshape(100, 100)
    assert abs(np.corrcoef(flat[:, :-1].ravel(), flat[:, 1:].ravel())[0, 1]) < 0.04


def test_smooth_noise_is_smooth_and_in_range() -> None:
    smooth = sample(3)[1]
    assert np.abs(np.diff(smooth)).max() < 0.05
    assert np.abs(smooth).max() <= 1.0
    assert smooth.std() > 0.2


def test_another_seed_is_another_field() -> None:
    assert not np.array_equal(sample(4)[0], sample(5)[0])


def test_the_same_seed_is_the_same_field() -> None:
    assert np.array_equal(sample(6)[1], sample(6)[1])


@pytest.mark.skipif(not wp.is_cuda_available(), reason="no CUDA device here")
def test_a_gpu_hashes_to_the_same_bits() -> None:
    flat, smooth = (wp.zeros(10_000, dtype=wp.float32, device="cuda:0") for _ in range(2))
    wp.launch(_sample, dim=10_000, inputs=[7], outputs=[flat, smooth], device="cuda:0")
    assert np.array_equal(flat.numpy(), sample(7)[0])

"""facsim.report.audit.pictures: statistics of pictures made for them."""

import numpy as np
import pytest

from facsim.learn.data import Pictures
from facsim.report.audit.pictures import statistics_of


def pictures(images: np.ndarray) -> Pictures:
    count = len(images)
    return Pictures(
        images=images.astype(np.uint8),
        targets=np.ones((count, 1), np.float32),
        classes=("unlabelled",),
        ids=tuple(str(row) for row in range(count)),
        hashes=np.arange(count, dtype=np.uint64),
    )


def figures(images: np.ndarray) -> dict[str, float]:
    return {entry.name: entry.mean.value for entry in statistics_of(pictures(images))}


def test_a_flat_grey_picture_has_light_and_nothing_else():
    found = figures(np.full((3, 48, 48, 3), 102))
    assert found["luminance"] == pytest.approx(0.4, abs=1e-4)
    for name in ("contrast", "sharpness", "dark", "bright", "colour"):
        assert found[name] == pytest.approx(0, abs=1e-4), name


def test_halves_of_black_and_white_by_hand():
    images = np.zeros((2, 48, 48, 3))
    images[:, :, 24:] = 255
    found = figures(images)
    assert (found["dark"], found["bright"]) == (0.5, 0.5)
    assert found["contrast"] == pytest.approx(0.5, abs=1e-4)
    # the Laplacian is +1 beside the edge, -1 behind it, on 2 of 46 columns
    assert found["sharpness"] == pytest.approx((2 / 46) ** 0.5, abs=1e-3)


def test_a_red_picture_is_in_colour():
    images = np.zeros((2, 48, 48, 3))
    images[..., 0] = 255
    assert figures(images)["colour"] == pytest.approx(4 / 9, abs=1e-4)


def test_a_difference_is_in_standard_deviations():
    levels = np.random.default_rng(0).normal(0, 10, 400)
    one, other = (np.clip(mean + levels, 0, 255)[:, None, None, None] * np.ones((1, 48, 48, 3)) for mean in (120, 110))
    found = next(entry for entry in statistics_of(pictures(one), pictures(other)) if entry.name == "luminance")
    assert found.difference == pytest.approx(1.0, abs=0.06)

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from facsim.models.picture_quality import (
    RAMPS,
    blockiness_of,
    contrast_of,
    exposure_of,
    face_oval,
    face_size,
    luma_of,
    mark,
    sharpness_of,
)

EVERYWHERE = np.ones((64, 64), dtype=bool)


def texture(seed=0):
    rng = np.random.default_rng(seed)
    return np.clip(0.5 + gaussian_filter(rng.normal(0, 1, (64, 64)), 1.0) * 0.6, 0, 1)


def test_blur_lowers_sharpness_step_by_step():
    found = [sharpness_of(gaussian_filter(texture(), sigma), EVERYWHERE) for sigma in (0, 0.7, 1.5, 3)]
    assert found == sorted(found, reverse=True) and found[0] > 2 * found[-1]


def test_sharpness_knows_no_light_and_no_contrast():
    assert sharpness_of(texture() * 0.2 + 0.1, EVERYWHERE) == pytest.approx(sharpness_of(texture(), EVERYWHERE))


def test_a_plain_picture_has_no_sharpness_and_no_contrast():
    assert sharpness_of(np.full((64, 64), 0.5), EVERYWHERE) == 0.0
    assert contrast_of(np.full((64, 64), 0.5), EVERYWHERE) == 0.0


def test_sharpness_of_a_step_computed_by_hand():
    step = np.zeros((64, 64))
    step[:, 32:] = 1.0
    # One step of 1 becomes five of 1/5, of which the one in the same place takes 4/5 away; there is none downwards.
    assert sharpness_of(step + step.T, EVERYWHERE) == pytest.approx(0.8)


def test_clipping_lowers_exposure_and_dark_skin_does_not():
    face = texture()
    assert exposure_of(face, EVERYWHERE) > 0.99
    assert exposure_of(face * 0.3, EVERYWHERE) > 0.99
    assert exposure_of(face * 0.03, EVERYWHERE) < 0.4
    assert exposure_of(np.clip(face * 3, 0, 1), EVERYWHERE) < 0.6


def test_contrast_is_a_ratio():
    assert contrast_of(texture() * 0.3, EVERYWHERE) == pytest.approx(contrast_of(texture(), EVERYWHERE))


def test_jpeg_shows_its_blocks_and_a_png_does_not():
    smooth = gaussian_filter(np.random.default_rng(0).normal(0, 1, (64, 64)), 5)
    smooth = ((smooth - smooth.min()) / np.ptp(smooth) * 200 + 20).astype(np.uint8)

    def saved(quality):
        held = io.BytesIO()
        Image.fromarray(smooth).save(held, "JPEG", quality=quality)
        return np.asarray(Image.open(held)) / 255

    assert blockiness_of(smooth / 255) < 0.1
    assert blockiness_of(saved(5)) > 0.4
    assert blockiness_of(saved(5)) > blockiness_of(saved(30)) > blockiness_of(saved(95)) - 0.02


def test_a_picture_too_small_for_blocks_has_none():
    assert blockiness_of(texture()[:20, :20]) == 0.0


def test_outlines_along_the_borders_of_blocks_are_no_blocks():
    picture = gaussian_filter(np.random.default_rng(3).random((112, 112)), 1.5)
    picture[40:72, 40:72] += 1.0
    picture[56:64, 16:96] += 0.5
    plain = np.abs(np.diff(picture, axis=1)).mean(axis=0)
    assert plain[7::8].mean() > 2.0 * np.delete(plain, np.arange(7, 111, 8)).mean()
    assert blockiness_of(picture) < 0.25


def test_the_oval_lies_within_the_frame():
    oval = face_oval()
    assert oval[32, 32] and not oval[0].any() and not oval[:, 0].any() and 0.1 < oval.mean() < 0.5


def test_size_grows_with_the_face():
    points = np.random.default_rng(0).random((68, 2)) * 50
    assert face_size(points * 2) == pytest.approx(2 * face_size(points))


def test_marks_lie_between_0_and_1_and_rise_towards_the_better_end():
    for measure, (worst, best) in RAMPS.items():
        assert mark(measure, worst) == 0.0 and mark(measure, best) == 1.0
        assert mark(measure, (worst + best) / 2) == pytest.approx(0.5)


def test_luma_is_that_of_bt_601():
    assert luma_of(np.full((2, 2, 3), (255, 0, 0), dtype=np.uint8))[0, 0] == pytest.approx(0.299)

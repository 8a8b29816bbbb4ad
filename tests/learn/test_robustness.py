"""facsim.learn.corruptions and .robustness: each picture made worse from its own seed, and what is left of a score."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from facsim.errors import FacsimError
from facsim.learn.corruptions import CORRUPTIONS, corrupt, corruptions_for
from facsim.learn.data import take
from facsim.learn.robustness import measure_robustness


def coloured(pictures):
    shifts = (0, 40, 80)
    images = np.stack([np.clip(pictures.images.astype(int) - shift, 0, 255) for shift in shifts], axis=-1)
    return replace(pictures, images=images.astype(np.uint8))


def both(drawn):
    return {"grey": drawn(7), "rgb": coloured(drawn(7))}


@pytest.mark.parametrize("colour", ["grey", "rgb"])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_keeps_shape_and_type_and_grows_with_severity(drawn, name, colour):
    pictures = both(drawn)[colour]
    if name not in corruptions_for(pictures):
        pytest.skip("does nothing to grey pictures, and says so")
    made = [corrupt(pictures, name, severity).images for severity in (1, 5)]
    assert all(images.shape == pictures.images.shape and images.dtype == np.uint8 for images in made)
    apart = [np.abs(images.astype(int) - pictures.images).mean() for images in made]
    assert 0 < apart[0] < apart[1]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_picture_is_corrupted_alike_whatever_is_beside_it(drawn, name):
    pictures = coloured(drawn(7))
    alone = corrupt(take(pictures, np.array([4])), name, 3)
    assert (alone.images[0] == corrupt(pictures, name, 3).images[4]).all()


def test_two_pictures_get_different_noise(drawn):
    pictures = replace(drawn(2), images=np.full((2, 40, 40), 128, dtype=np.uint8))
    noisy = corrupt(pictures, "gaussian_noise", 1).images
    assert (noisy[0] != noisy[1]).any()


def test_noise_has_the_deviation_that_it_is_said_to_have(drawn):
    pictures = replace(drawn(2), images=np.full((2, 40, 40), 128, dtype=np.uint8))
    assert corrupt(pictures, "gaussian_noise", 1).images.std() / 255 == pytest.approx(0.08, rel=0.1)


def test_contrast_and_brightness_by_hand(drawn):
    images = np.full((1, 40, 40), 100, dtype=np.uint8)
    images[0, :20] = 200  # mean 150
    pictures = replace(take(drawn(2), np.array([0])), images=images)
    assert set(np.unique(corrupt(pictures, "contrast", 1).images)) == {130, 170}  # 150 ± 0.4 × 50
    assert set(np.unique(corrupt(pictures, "brightness", 1).images)) == {126, 226}  # + 0.1 × 255, rounded


def test_a_blur_keeps_the_mean(drawn):
    for name in ("gaussian_blur", "defocus_blur", "motion_blur"):
        flat = replace(drawn(2), images=np.full((2, 40, 40), 77, dtype=np.uint8))
        assert (corrupt(flat, name, 5).images == 77).all()


def test_jpeg_is_pillows_at_quality_25(drawn):
    pictures, file = drawn(1), io.BytesIO()
    Image.fromarray(pictures.images[0]).save(file, "JPEG", quality=25)
    assert (corrupt(pictures, "jpeg", 1).images[0] == np.asarray(Image.open(file))).all()


def test_occlusion_covers_the_eyes_or_the_mouth_and_not_the_other(drawn):
    pictures = drawn(7)
    for name, band, kept in (("eyes", slice(14, 17), slice(27, 34)), ("mouth", slice(29, 32), slice(10, 20))):
        worse = corrupt(pictures, f"occlusion_{name}", 3).images
        changed = worse != pictures.images
        assert changed[:, band].any(axis=(1, 2)).all() and not changed[:, kept].any()


def test_loss_of_colour_ends_in_grey(drawn):
    grey = corrupt(coloured(drawn(3)), "desaturate", 5).images.astype(int)
    assert np.ptp(grey, axis=-1).max() <= 1


def test_loss_of_colour_of_grey_pictures_is_refused(drawn):
    with pytest.raises(FacsimError, match="does nothing to grey"):
        corrupt(drawn(2), "desaturate", 1)


def test_an_unknown_corruption_is_answered_with_the_nearest(drawn):
    with pytest.raises(FacsimError, match='Did you mean "jpeg"'):
        corrupt(drawn(2), "jpg", 1)


def test_a_severity_out_of_range_is_refused(drawn):
    with pytest.raises(FacsimError, match="found severity 6, expected 1 to 5"):
        corrupt(drawn(2), "jpeg", 6)


def knows_dark_from_light(pictures):
    """A classifier of two classes by mean luminance, as scores."""
    light = (pictures.images.mean(axis=(1, 2)) > 128).astype(np.float32)
    return np.stack([1 - light, light], axis=1)


@pytest.fixture
def dark_and_light(drawn):
    pictures = drawn(60, classes=("dark", "light"), size_px=16)
    levels = np.where(np.arange(60) % 2, 200, 110).astype(np.uint8)
    return replace(pictures, images=np.broadcast_to(levels[:, None, None], (60, 16, 16)).copy())


def measured(pictures, names, severities):
    found = measure_robustness(
        knows_dark_from_light, pictures, classes=("dark", "light"), names=names, severities=severities
    )
    return found, json.loads(json.dumps(found.to_json()))


def test_what_breaks_a_classifier_shows_and_what_does_not_does_not(dark_and_light):
    found, shown = measured(dark_and_light, ("brightness", "contrast"), (1, 3))
    # 110 + 25 is called light; contrast changes no mean.
    assert found.clean["accuracy"].value == 1.0
    assert found.curves["brightness"][1]["accuracy"].value == 0.5 and found.relative["contrast"].value == 1.0
    assert found.relative["brightness"].value == 0.5 and found.mean_relative.value == pytest.approx(0.75)
    assert shown["curves"]["brightness"]["3"]["uar"]["value"] == 0.5


def test_the_share_left_has_the_interval_of_a_paired_bootstrap(dark_and_light):
    found, _ = measured(dark_and_light, ("brightness",), (1,))
    left = found.relative["brightness"]
    half = 1.96 * np.sqrt(0.25 / 60)
    assert left.low == pytest.approx(0.5 - half, abs=0.03) and left.high == pytest.approx(0.5 + half, abs=0.03)


def test_a_wrong_name_is_refused_before_any_work(dark_and_light):
    def never(pictures):
        raise AssertionError("was asked")

    with pytest.raises(FacsimError, match="found the corruption"):
        measure_robustness(never, dark_and_light, classes=("dark", "light"), names=("fog",))


def test_no_severity_is_refused(dark_and_light):
    with pytest.raises(FacsimError, match="expected at least one of each"):
        measured(dark_and_light, ("jpeg",), ())


def test_a_classifier_that_is_never_right_has_no_share_left(dark_and_light):
    swapped = replace(dark_and_light, targets=dark_and_light.targets[:, ::-1].copy())
    found, shown = measured(swapped, ("jpeg",), (1,))
    assert np.isnan(found.mean_relative.value) and shown["mean_relative_accuracy"]["value"] is None

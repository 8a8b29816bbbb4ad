"""What the sensor does to a picture that is known."""

import numpy as np

from facsim.models.develop import finish_picture
from facsim.models.scene import Sensor

NOISE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def test_a_sensor_that_asks_for_nothing_changes_nothing() -> None:
    assert np.array_equal(finish_picture(NOISE, Sensor(jpeg_quality=None)), NOISE)


def test_a_low_resolution_loses_detail_and_keeps_size() -> None:
    small = finish_picture(NOISE, Sensor(jpeg_quality=None, resolution=0.25))
    assert small.shape == NOISE.shape
    assert small.std() < 0.5 * NOISE.std()


def test_compression_changes_little_at_high_quality() -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 32).astype(np.uint8)[:, None, None], (32, 32, 3)).copy()
    stored = finish_picture(ramp, Sensor(jpeg_quality=95))
    assert 0.0 < np.abs(stored.astype(float) - ramp).mean() < 3.0


def test_grey_is_the_luma_of_the_colours() -> None:
    grey = finish_picture(NOISE, Sensor(jpeg_quality=None, grey=True))
    np.testing.assert_allclose(grey[:, :, 0], NOISE @ (0.299, 0.587, 0.114), atol=1.0)


def test_a_mark_covers_part_of_a_picture_and_is_another_for_another_seed() -> None:
    plain = np.full((48, 48, 3), 100, dtype=np.uint8)
    sensor = Sensor(jpeg_quality=None, watermark=0.6)
    marked = [finish_picture(plain, sensor, seed=seed) for seed in range(12)]
    assert 0.0 < np.mean([(one != plain).any(axis=2).mean() for one in marked]) < 0.4
    assert len({one.tobytes() for one in marked}) > 6


def test_the_mark_of_a_mirrored_scene_is_the_mirrored_mark() -> None:
    plain = np.full((48, 48, 3), 100, dtype=np.uint8)
    sensor = Sensor(jpeg_quality=None, watermark=0.6)
    mirrored = finish_picture(plain, sensor, seed=3, mirrored=True)
    assert np.array_equal(mirrored[:, ::-1], finish_picture(plain, sensor, seed=3))

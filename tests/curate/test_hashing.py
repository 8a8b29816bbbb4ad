"""Hashes of drawn pictures, and duplicates found as slow obvious code finds them."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facsim.curate.hashing import (
    hamming_distance,
    key_digests,
    perceptual_hash,
    pixel_hash,
    repeated_digests,
    repeated_near,
)


def drawn(seed, side=112):
    """A smooth random picture: a few coloured blobs on a gradient."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    picture = np.stack([60 + 60 * x, 60 + 60 * y, 90 + 0 * x], axis=-1)
    for _ in range(12):
        cx, cy, width = random.uniform(0, 1), random.uniform(0, 1), random.uniform(0.05, 0.3)
        blob = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / width**2)
        picture += blob[:, :, None] * random.uniform(-90, 90, 3)
    return picture.clip(0, 255).astype(np.uint8)


def jpeg(array, quality):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def scaled(array, side):
    return np.array(Image.fromarray(array).resize((side, side), Image.Resampling.BICUBIC))


def slowly(hashes, distance):
    kept, owners = [], []
    for row, value in enumerate(hashes):
        owner = next((one for one in kept if hamming_distance(int(hashes[one]), int(value)) <= distance), row)
        kept += [row] * (owner == row)
        owners.append(owner)
    return owners


def near_families(seed, count):
    """Hashes in families whose members differ in up to six bits."""
    random = np.random.default_rng(seed)
    hashes = random.choice(random.integers(0, 2**64, max(1, count // 3), dtype=np.uint64), count)
    for _ in range(6):
        flips = np.uint64(1) << random.integers(0, 64, count).astype(np.uint64)
        hashes = np.where(random.random(count) < 0.5, hashes ^ flips, hashes)
    return hashes


def test_pixels_are_hashed_whatever_their_memory_order():
    array = drawn(0)
    assert pixel_hash(array) == pixel_hash(np.asfortranarray(array)) and len(pixel_hash(array)) == 32


@pytest.mark.parametrize("change", [lambda a: a[:, ::-1], lambda a: a.reshape(56, 224, 3), lambda a: a ^ np.uint8(1)])
def test_other_pixels_or_another_shape_hash_otherwise(change):
    assert pixel_hash(change(drawn(0))) != pixel_hash(drawn(0))


@pytest.mark.parametrize(
    "change",
    [
        lambda a: jpeg(a, 90),
        lambda a: jpeg(a, 50),
        lambda a: scaled(a, 64),
        lambda a: scaled(a, 256),
        lambda a: (a * 0.9 + 10).astype(np.uint8),
        lambda a: (a + np.random.default_rng(1).normal(0, 3, a.shape)).clip(0, 255).astype(np.uint8),
    ],
    ids=["jpeg 90", "jpeg 50", "64 px", "256 px", "brightness", "noise"],
)
def test_a_perceptual_hash_hardly_moves_with_the_encoding(change):
    moved = [hamming_distance(perceptual_hash(drawn(seed)), perceptual_hash(change(drawn(seed)))) for seed in range(20)]
    assert max(moved) <= 4


def test_unrelated_pictures_are_far_apart():
    hashes = [perceptual_hash(drawn(seed)) for seed in range(30)]
    far = [hamming_distance(one, other) for place, one in enumerate(hashes) for other in hashes[:place]]
    assert min(far) >= 12 and 28 < np.median(far) < 36


@pytest.mark.parametrize("grey", [0, 77, 255])
def test_a_flat_picture_has_hash_zero(grey):
    assert perceptual_hash(np.full((50, 40, 3), grey, np.uint8)) == 0


def test_a_perceptual_hash_fits_an_unsigned_64_bit_column():
    assert all(0 <= perceptual_hash(drawn(seed)) < 2**64 for seed in range(5))


def test_a_repeated_key_points_at_its_first_row():
    assert repeated_digests(key_digests(["a", "b", "a", None, "b", "a", None])).tolist() == [0, 1, 0, 3, 1, 0, 6]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 120), st.sampled_from([0, 1, 3, 4, 7, 12, 31, 63]))
def test_near_rows_are_those_that_slow_code_finds(seed, count, distance):
    hashes = near_families(seed, count)
    assert repeated_near(hashes, distance=distance).tolist() == slowly(hashes, distance)


def test_near_rows_are_found_across_blocks():
    hashes = near_families(7, 2500)
    assert repeated_near(hashes, distance=4).tolist() == slowly(hashes, 4)


def test_chains_of_small_changes_do_not_swallow_a_set():
    chain = np.array([0, 0b1, 0b11, 0b111, 0b1111], dtype=np.uint64)
    assert repeated_near(chain, distance=1).tolist() == [0, 0, 2, 2, 4]


def test_many_equal_hashes_cost_no_pairs():
    assert not repeated_near(np.zeros(300_000, np.uint64), distance=8).any()


def test_memory_stays_far_below_all_pairs(monkeypatch):
    """Hashes that agree in a whole band give the most candidates; they are judged a bounded part at a time."""
    hashes = np.random.default_rng(0).integers(0, 2**20, 6000, dtype=np.uint64)  # the upper 44 bits agree
    whole = repeated_near(hashes, distance=3)
    monkeypatch.setattr("facsim.curate.hashing._CHUNK_PAIRS", 1000)
    assert np.array_equal(repeated_near(hashes, distance=3), whole)


@pytest.mark.parametrize("distance", [-1, 64])
def test_an_impossible_distance_is_refused(distance):
    with pytest.raises(ValueError, match="0 to 63"):
        repeated_near(np.zeros(2, np.uint64), distance=distance)

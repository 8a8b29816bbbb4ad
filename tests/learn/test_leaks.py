"""facsim.learn.signatures and .leaks: copies that were changed a little, and what a model keeps to know them by."""

import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facsim.errors import FacsimError, WeightsError
from facsim.learn.data import is_chooser, take
from facsim.learn.evaluate import evaluate
from facsim.learn.leaks import (
    SIGNATURES_FILE,
    SeenPictures,
    find_pairs,
    load_training_signatures,
    near_in,
    save_training_signatures,
)
from facsim.learn.signatures import NEAR_BITS, find_neighbours, signatures_of

FER2013 = Path(os.environ.get("FACSIM_SHARED") or Path(__file__).resolve().parents[3] / "shared") / "data" / "fer2013"


def blobs(count: int, *, seed: int = 0, size_px: int = 48) -> np.ndarray:
    """Smooth random pictures, as unlike one another as photographs: uint8 (N, S, S)."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        coarse = rng.integers(0, 256, (12, 12), dtype=np.uint8)
        made.append(np.asarray(Image.fromarray(coarse).resize((size_px, size_px), Image.Resampling.BICUBIC)))
    return np.stack(made)


def recoded(image: np.ndarray, quality: int = 50) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def cropped(image: np.ndarray, share: float) -> np.ndarray:
    side, cut = len(image), len(image) * share
    box = (cut, cut, side - cut, side - cut)
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC, box=box))


def scaled(image: np.ndarray) -> np.ndarray:
    small = Image.fromarray(image).resize((36, 36), Image.Resampling.BICUBIC)
    return np.asarray(small.resize(image.shape, Image.Resampling.BICUBIC))


def rgb(image: np.ndarray) -> np.ndarray:
    return np.repeat(image[..., None], 3, axis=2)


CHANGES = {
    "encoded anew": recoded,
    "resized": scaled,
    "brighter": lambda image: np.clip(image.astype(int) + 30, 0, 255).astype(np.uint8),
    "less contrast": lambda image: (image // 2 + 60).astype(np.uint8),
    "mirrored": lambda image: image[:, ::-1],
    "cropped by 2 %": lambda image: cropped(image, 0.02),
    "cropped by 4 %": lambda image: cropped(image, 0.04),
    "mirrored and encoded anew": lambda image: recoded(np.ascontiguousarray(image[:, ::-1])),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_near_its_original_and_to_no_other(change):
    originals = blobs(60)
    copies = np.stack([CHANGES[change](image) for image in originals])
    found = find_neighbours(copies, signatures_of(originals))
    pairs = set(zip(found.test.tolist(), found.training.tolist(), strict=True))
    assert pairs <= {(i, i) for i in range(60)} and len(pairs) >= 58


def test_a_training_picture_that_is_the_crop_is_found_too():
    originals = blobs(40)
    crops = np.stack([cropped(image, 0.02) for image in originals])
    assert near_in(originals, signatures_of(crops)).mean() > 0.9


def test_a_mirrored_copy_is_said_to_be_mirrored():
    found = find_neighbours(blobs(3)[:, :, ::-1], signatures_of(blobs(3)))
    assert found.mirrored.all() and (found.distance == 0).all()


def test_different_pictures_are_not_near():
    found = find_neighbours(blobs(300, seed=1), signatures_of(blobs(300, seed=2)), distance=NEAR_BITS)
    assert len(found) == 0


def test_grey_pictures_and_their_rgb_copies_have_one_signature():
    colours = np.stack([rgb(image) for image in blobs(5)])
    assert np.bitwise_count(signatures_of(blobs(5)) ^ signatures_of(colours)).sum() <= 4


def test_pictures_of_one_grey_are_near_to_nothing():
    flat = np.stack([np.full((48, 48), grey, dtype=np.uint8) for grey in (0, 90, 255)])
    assert not signatures_of(flat).any() and len(find_neighbours(flat, signatures_of(flat))) == 0


def test_no_pictures_have_no_neighbours():
    nothing = np.zeros((0, 48, 48), dtype=np.uint8)
    assert len(find_neighbours(nothing, signatures_of(blobs(3)))) == 0
    assert len(find_neighbours(blobs(3), signatures_of(nothing))) == 0


def test_what_is_no_signature_is_refused():
    with pytest.raises(FacsimError, match="expected uint64"):
        find_neighbours(blobs(1), np.zeros((3, 2), dtype=np.uint64))


def test_neighbours_are_found_as_by_comparing_all_pairs():
    training = signatures_of(np.concatenate([blobs(50), np.stack([recoded(image, 20) for image in blobs(50)])]))
    found = find_neighbours(blobs(50), training, distance=20)
    bits = np.bitwise_count(signatures_of(blobs(50))[:, None] ^ training[None]).sum(axis=2)
    assert set(zip(found.test.tolist(), found.training.tolist(), strict=True)) >= set(
        zip(*(rows.tolist() for rows in np.nonzero(bits <= 20)), strict=True)
    )


def test_training_signatures_come_back_once_each(tmp_path):
    save_training_signatures(tmp_path, np.concatenate([blobs(4), blobs(4)]))
    assert len(load_training_signatures(tmp_path)) == 4 and near_in(blobs(4), load_training_signatures(tmp_path)).all()


def test_a_model_of_an_older_facsim_has_no_signatures(tmp_path):
    assert load_training_signatures(tmp_path) is None


def test_damaged_signatures_are_refused(tmp_path):
    (tmp_path / SIGNATURES_FILE).write_bytes(b"\x93NUMPY")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_training_signatures(tmp_path)


def test_signatures_of_another_width_are_refused(tmp_path):
    np.save(tmp_path / SIGNATURES_FILE, np.zeros((3, 2), dtype=np.uint64))
    with pytest.raises(WeightsError, match=r"expected uint64 \(M, 4\)"):
        load_training_signatures(tmp_path)


@pytest.fixture
def smooth(drawn):
    """70 labelled smooth pictures."""
    pictures = drawn(70, size_px=48)
    return replace(pictures, images=blobs(70), hashes=np.arange(70, dtype=np.uint64))


def test_an_evaluation_counts_and_leaves_out_near_duplicates_as_well(smooth):
    changed = smooth.images.copy()
    changed[:7] = [recoded(image) for image in smooth.images[:7]]
    tested = replace(smooth, images=changed, hashes=np.where(np.arange(70) < 7, 1000, np.arange(70)).astype(np.uint64))
    trained = take(smooth, np.arange(21))
    scores = np.where(np.arange(70)[:, None] < 21, np.roll(tested.targets, 1, axis=1), tested.targets).astype(
        np.float32
    )
    found = evaluate(
        scores,
        tested,
        classes=tested.classes,
        training_hashes=trained.hashes,
        training_signatures=signatures_of(trained.images),
    )
    assert (found.seen.count, found.seen.near) == (14, 7)
    assert found.seen.without["accuracy"].value == pytest.approx(49 / 56)
    assert found.seen.without_near["accuracy"].value == 1.0
    assert found.to_json()["seen_in_training"]["near"]["names"] == list(tested.ids[:7])


def test_names_of_seen_pictures_are_capped_and_counts_are_not(smooth, monkeypatch):
    monkeypatch.setattr("facsim.learn.evaluate.NAMES_SHOWN", 3)
    found = evaluate(smooth.targets, smooth, classes=smooth.classes, training_hashes=smooth.hashes)
    seen = found.to_json()["seen_in_training"]
    assert seen["count"] == 70 and len(seen["names"]) == 3


def test_pairs_of_two_sets_are_named_and_told_apart(smooth):
    training = take(smooth, np.arange(10))
    test = take(smooth, np.arange(5, 20))
    near = replace(test, hashes=np.where(np.arange(15) == 0, 5, 999 + np.arange(15)).astype(np.uint64))
    pairs = find_pairs(training, near)
    assert [(pair.test, pair.training) for pair in pairs] == [(name, name) for name in smooth.ids[5:10]]
    assert [pair.exact for pair in pairs] == [True, False, False, False, False]


def test_equal_pixels_are_a_pair_even_of_one_grey(smooth):
    flat = replace(take(smooth, np.arange(2)), images=np.zeros((2, 48, 48), dtype=np.uint8))
    assert [(pair.exact, pair.distance) for pair in find_pairs(flat, flat)] == [(True, 0), (True, 0)]


def test_sets_of_different_shapes_are_refused(drawn):
    with pytest.raises(FacsimError, match="expected one shape"):
        find_pairs(drawn(3), drawn(3, size_px=48))


@pytest.mark.skipif(
    not (FER2013 / "train.zip").exists(),
    reason=f"no FER2013 at {FER2013}; set FACSIM_SHARED to the folder that holds data/",
)
def test_fer2013s_280_copies_and_more_near_ones_are_found():
    from facsim.learn.sources import load_pictures

    training, test = (load_pictures(FER2013 / f"{name}.zip") for name in ("train", "publictest"))
    exact = np.isin(test.hashes, training.hashes)
    near = near_in(test.images, signatures_of(training.images)) & ~exact
    assert exact.sum() == 280 and near.sum() == 450
    assert sum(is_chooser(name) for name in training.ids) == 2887


def test_a_blank_copy_is_exact_and_not_near_and_both_ways_of_counting_agree(drawn):
    """A picture of one grey has no signature: 729 of PublicTest are near to FER2013's training split, 730 copies."""
    training, held = drawn(12), drawn(6, seed=1)
    images = np.concatenate([np.full((1, *training.images.shape[1:]), 7, np.uint8), training.images[1:]])
    training = replace(training, images=images, hashes=np.arange(12, dtype=np.uint64))
    test = replace(
        held,
        images=np.concatenate([images[:1], recoded(images[3], 90)[None], held.images[2:]]),
        hashes=np.array([0, 91, 92, 93, 94, 95], dtype=np.uint64),
    )
    signatures = signatures_of(training.images)
    pairs = find_pairs(training, test)
    exact = {pair.test_row for pair in pairs if pair.exact}
    near = {pair.test_row for pair in pairs} - exact
    assert exact == {0} and 1 in near and not near_in(test.images, signatures)[0]
    seen = SeenPictures(hashes=training.hashes, signatures=signatures)
    assert seen.counts(test) == (len(exact), len(near))
    assert seen.known(test).sum() == len(exact) + len(near) and not SeenPictures().known(test).any()


def test_signatures_do_not_depend_on_how_many_pictures_are_taken_at_a_time(monkeypatch):
    images = np.stack([rgb(image) for image in blobs(9)])
    whole, pairs = signatures_of(images), find_neighbours(images, signatures_of(images))
    monkeypatch.setattr("facsim.learn.signatures._BLOCK", 4)
    assert np.array_equal(signatures_of(images), whole)
    assert np.array_equal(find_neighbours(images, whole).distance, pairs.distance)

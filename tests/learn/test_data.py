"""facsim.learn.data: records into arrays, the fixed cut, and what is refused."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facsim.errors import FacsimError, FormatError
from facsim.formats.record import Record
from facsim.learn.data import Pictures, PictureShape, chooser_split, is_chooser, pictures_from, pixel_hash, take
from facsim.pictures import encode_png

SHARED = Path(os.environ.get("FACSIM_SHARED") or Path(__file__).resolve().parents[3] / "shared")
FER2013 = SHARED / "data" / "fer2013"
needs_fer2013 = pytest.mark.skipif(not FER2013.is_dir(), reason="FER2013 is not in $FACSIM_SHARED or ../shared")


def png(value: int = 90, *, side: int = 48) -> bytes:
    return encode_png(np.full((side, side, 3), value, dtype=np.uint8))


def record(name: str, expression: str | None = "anger", *, image: bytes | None = None, **metadata) -> Record:
    return Record(name=name, image=png() if image is None else image, expression=expression, metadata=metadata)


def test_labels_become_one_hot_rows_over_the_seven():
    pictures = pictures_from([record("a.png", "fear"), record("b.png", "anger")])
    assert pictures.classes[2] == "fear" and pictures.targets.tolist()[0] == [0, 0, 1, 0, 0, 0, 0]
    assert pictures.labels == ("fear", "anger")


def test_contempt_makes_the_classes_eight():
    assert len(pictures_from([record("a.png", "contempt"), record("b.png", "anger")]).classes) == 8


def test_soft_labels_are_taken_and_normalised():
    soft = {"anger": 6, "sadness": 2, "contempt": 0}
    pictures = pictures_from([record("a.png", None, expression_soft=soft)])
    assert pictures.targets.tolist() == [[0.75, 0, 0, 0, 0, 0.25, 0]]


def test_soft_labels_as_a_list_follow_the_order_of_the_seven():
    pictures = pictures_from([record("a.png", None, expression_soft=[0, 0, 0.5, 0, 0, 0, 0.5])])
    assert pictures.targets.tolist() == [[0, 0, 0.5, 0, 0, 0, 0.5]]


def test_what_cannot_be_used_is_counted_by_reason():
    sick = [record("b.png", image=b""), record("c.png", image=png()[:60]), record("d.png", None)]
    pictures = pictures_from([record("a.png"), *sick])
    assert pictures.ids == ("a.png",) and pictures.left_out == {"empty": 1, "truncated": 1, "unlabelled": 1}


def test_nothing_usable_is_refused():
    with pytest.raises(FormatError, match="no labelled picture among 1 records"):
        pictures_from([record("a.png", None)])


def test_a_label_outside_the_declared_classes_is_refused_by_name():
    with pytest.raises(FormatError, match=r'"a.png" is labelled "contempt"'):
        pictures_from([record("a.png", "contempt")], classes=("anger", "fear"))


def test_a_name_given_twice_is_refused():
    with pytest.raises(FormatError, match=r'2 records named "a.png"'):
        pictures_from([record("a.png"), record("a.png")])


def test_grey_is_the_luma_of_bt_601():
    red = encode_png(np.full((48, 48, 3), (200, 0, 0), dtype=np.uint8))
    assert pictures_from([record("a.png", image=red)]).images[0, 0, 0] == 60  # 0.299 * 200 = 59.8


def test_rgb_pictures_keep_their_three_channels():
    pictures = pictures_from([record("a.png")], shape=PictureShape(size_px=32, colour="rgb"))
    assert pictures.images.shape == (1, 32, 32, 3) and pictures.shape == PictureShape(size_px=32, colour="rgb")


def test_a_picture_that_is_not_square_gives_its_central_square():
    wide = np.zeros((48, 96, 3), dtype=np.uint8)
    wide[:, 24:72] = 255
    assert pictures_from([record("a.png", image=encode_png(wide))]).images.min() == 255


def test_a_grey_picture_of_the_right_size_is_not_changed():
    noise = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    assert (pictures_from([record("a.png", image=encode_png(noise))]).images[0] == noise).all()


def test_equal_pixels_share_a_hash_whatever_the_size_they_are_held_in():
    records = [record("a.png", image=png(7, side=64)), record("b.png", image=png(7, side=64)), record("c.png")]
    first, second, third = pictures_from(records).hashes
    assert first == second != third and first == pixel_hash(np.full((64, 64, 3), 7, dtype=np.uint8))


def test_the_cache_gives_back_what_was_decoded(tmp_path, monkeypatch):
    monkeypatch.setenv("FACSIM_CACHE", str(tmp_path))
    records = [record("a.png"), record("b.png", image=b"")]
    first = pictures_from(records, cache=True)
    monkeypatch.setattr("facsim.learn.decoding.decode_image", None)
    again = pictures_from(records, cache=True)
    assert again.fingerprint == first.fingerprint and again.left_out == first.left_out
    assert again.hashes.tolist() == first.hashes.tolist()


def test_the_fingerprint_depends_on_the_labels(drawn):
    pictures = drawn(14)
    assert replace(pictures, targets=pictures.targets[::-1].copy()).fingerprint != pictures.fingerprint


def test_the_fixed_cut_is_the_hash_of_the_file_name_modulo_ten():
    names = [f"Training_{i}.jpg" for i in range(300)]
    expected = [int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10 == 0 for name in names]
    assert [is_chooser(f"train/angry/{name}") for name in names] == expected


def test_no_duplicate_of_a_chooser_stays_in_training(drawn):
    pictures = drawn(200)
    pictures = replace(pictures, hashes=np.arange(200, dtype=np.uint64) // 2)
    training, chooser = chooser_split(pictures)
    assert len(chooser) > 0 and not set(training.hashes.tolist()) & set(chooser.hashes.tolist())


def test_barred_pictures_are_in_neither_part(drawn):
    pictures = drawn(200)
    barred = frozenset(int(value) for value in pictures.hashes[:150])
    training, chooser = chooser_split(pictures, barred=barred)
    assert not barred & {int(value) for part in (training, chooser) for value in part.hashes}


def test_a_known_identity_falls_wholly_into_one_part(drawn):
    pictures = replace(drawn(300), identities=tuple(f"person {i // 10}" for i in range(300)))
    training, chooser = chooser_split(pictures)
    assert len(chooser) > 0 and not set(training.identities) & set(chooser.identities)


def test_taking_rows_keeps_them_together(drawn):
    pictures = drawn(10)
    some = take(pictures, np.array([7, 2]))
    assert some.ids == (pictures.ids[7], pictures.ids[2]) and some.labels == (pictures.labels[7], pictures.labels[2])


def test_targets_that_are_no_distributions_are_refused(drawn):
    pictures = drawn(7)
    with pytest.raises(FacsimError, match="not a distribution"):
        replace(pictures, targets=pictures.targets * 2)


def test_images_that_are_not_square_are_refused():
    with pytest.raises(FacsimError, match="expected uint8"):
        Pictures(
            images=np.zeros((1, 4, 5), dtype=np.uint8),
            targets=np.ones((1, 1), dtype=np.float32),
            classes=("anger",),
            ids=("a",),
            hashes=np.zeros(1, dtype=np.uint64),
        )


@needs_fer2013
def test_280_pictures_of_publictest_are_also_in_fer2013s_training_split():
    # Counted by a script of its own too: 280 pictures, and a fixed cut of 2,887, of which 2,847 are not in PublicTest.
    from facsim.learn.sources import load_pictures

    training, test = load_pictures(FER2013 / "train.zip"), load_pictures(FER2013 / "publictest.zip")
    assert (len(training), len(test)) == (28_709, 3_589)
    assert int(np.isin(test.hashes, training.hashes).sum()) == 280
    assert sum(is_chooser(name) for name in training.ids) == 2_887
    assert len(chooser_split(training, barred=frozenset(test.hashes.tolist()))[1]) == 2_847


def test_the_fingerprint_is_the_digest_over_the_whole_arrays_and_not_of_attributes(drawn):
    # As it was computed when the published figures were made: their fingerprints must not change.
    pictures = drawn(600)
    digest = hashlib.blake2b(digest_size=16)
    for part in (repr(pictures.images.shape).encode(), pictures.images.tobytes(), pictures.targets.tobytes()):
        digest.update(part)
    digest.update(repr((pictures.classes, pictures.ids, pictures.identities)).encode())
    assert pictures.fingerprint == digest.hexdigest()
    assert replace(pictures, attributes={"beard": ("none",) * 600}).fingerprint == digest.hexdigest()


def test_attributes_come_from_metadata_and_stay_with_their_rows():
    records = [record(f"{i}.png", skin_tone_monk=i + 1, apparent_gender="feminine") for i in range(3)]
    pictures = take(pictures_from(records), np.array([2, 0]))
    assert pictures.attributes == {"skin_tone_monk": (3.0, 1.0), "apparent_gender": ("feminine", "feminine")}


def test_attributes_of_another_length_are_refused(drawn):
    with pytest.raises(FacsimError, match='1 values of attribute "beard"'):
        replace(drawn(7), attributes={"beard": ("none",)})

"""facsim.learn.upright_faces: faces of crops, cut upright, and copies that only these show."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from facsim.learn.data import Pictures, pixel_hash
from facsim.learn.leaks import find_pairs, near_by_face, near_in
from facsim.learn.signatures import NEAR_BITS, NEAR_BITS_ALIGNED, near_bits, signatures_of
from facsim.learn.upright_faces import take_faces, upright_faces
from facsim.recipe import parse_recipe
from facsim.runner import run

RECIPE = """
[plan]
count = 10
seed = 4
[plan.quotas]
expression = { happiness = 10 }
[[step]]
use = "render"
size_px = 160
domain = "web"
occluders = 0
hands = 0
[step.scene]
"camera.crop_scale" = 1.7
"""


def held(images, names):
    hashes = np.array([pixel_hash(np.repeat(image[..., None], 3, axis=2)) for image in images], dtype=np.uint64)
    targets = np.ones((len(images), 1), dtype=np.float32)
    return Pictures(images=images, targets=targets, classes=("happiness",), ids=tuple(names), hashes=hashes)


def cut(picture, turn_deg, margin):
    """The middle of a picture, turned, less a margin of so many px on every side, 48 px in grey."""
    turned = Image.fromarray(picture).convert("L").rotate(turn_deg, Image.Resampling.BICUBIC)
    side = picture.shape[0]
    return np.asarray(
        turned.crop((margin, margin, side - margin, side - margin)).resize((48, 48), Image.Resampling.BOX)
    )


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """Ten faces, and the same turned by 12° and cut closer."""
    from facsim.pictures import decode_picture

    made = run(parse_recipe(RECIPE), str(tmp_path_factory.mktemp("faces") / "run"), workers=1, executor="serial")
    pictures = [decode_picture(one["bytes"]).array for one in made.column("render.image")]
    names = [f"{row}.png" for row in range(len(pictures))]
    one, other = (np.stack([cut(picture, *how) for picture in pictures]) for how in ((0, 12), (12, 24)))
    return held(one, names), held(other, names)


def test_copies_that_were_turned_and_cut_anew_are_found_by_their_faces_alone(twice):
    training, test = twice
    faces = tuple(upright_faces(one) for one in twice)
    assert all(one.found.all() for one in faces)
    assert not near_in(test.images, signatures_of(training.images)).any()
    pairs = find_pairs(training, test, faces=faces)
    own = [pair for pair in pairs if pair.test == pair.training]
    assert len(own) >= 6 and len(pairs) == len(own)  # none of another
    assert all(pair.by_face and not pair.exact and pair.to_json()["by_face"] for pair in own)
    assert near_by_face(*faces).sum() == len(own)
    assert find_pairs(training, test) == ()


def test_a_copy_that_its_picture_shows_is_not_said_to_be_known_by_its_face(twice):
    training, _ = twice
    faces = upright_faces(training)
    again = replace(training, hashes=training.hashes + np.uint64(1))
    pairs = [pair for pair in find_pairs(training, again, faces=(faces, faces)) if pair.test == pair.training]
    assert len(pairs) == 10 and not any(pair.by_face for pair in pairs)


def test_cut_faces_say_how_they_are_framed_and_keep_their_size(twice):
    training, _ = twice
    told = []
    faces = upright_faces(training, on_done=lambda done, total: told.append((done, total)))
    assert faces.pictures.frame == "tight" and faces.pictures.images.shape == training.images.shape
    assert told[-1] == (10, 10) and not np.array_equal(faces.pictures.images, training.images)
    assert near_bits("tight") == NEAR_BITS_ALIGNED < near_bits("") == NEAR_BITS
    some = take_faces(faces, np.array([3, 1]))
    assert some.pictures.ids == ("3.png", "1.png") and np.array_equal(some.pictures.images[1], faces.pictures.images[1])


def test_colours_stay(twice):
    training, _ = twice
    coloured = replace(training, images=np.repeat(training.images[..., None], 3, axis=3))
    np.testing.assert_array_equal(
        upright_faces(coloured).pictures.images[..., 1], upright_faces(training).pictures.images
    )


def test_pictures_without_a_face_do_no_harm():
    noise = np.random.default_rng(0).integers(0, 256, (5, 48, 48)).astype(np.uint8)
    noise[4] = 0
    pictures = held(noise, [f"{row}.png" for row in range(5)])
    faces = upright_faces(pictures)
    assert faces.pictures.images.shape == (5, 48, 48) and len(faces.found) == 5
    assert all(
        pair.exact for pair in find_pairs(pictures, pictures, faces=(faces, faces)) if pair.test == pair.training
    )

"""facsim.labels.framing: one frame in another, borders that go on, and sick samples that are counted."""

import numpy as np
import pytest

from facsim.errors import RecipeError
from facsim.labels.framing import check_frame, columns_of, frame_face, framed_faces
from facsim.models.face_crop import template_points
from facsim.pictures import encode_png
from facsim.sample import Problem, Sample


def dots(frame: str, size_px: int) -> np.ndarray:
    """A grey picture with a white dot at the nose tip of the frame."""
    picture = np.full((size_px, size_px, 3), 90, dtype=np.uint8)
    x, y = template_points(frame, size_px=size_px)[2]
    picture[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2] = 255
    return picture


def brightest(picture: np.ndarray) -> np.ndarray:
    weights = np.clip(picture[..., 0].astype(float) - 100, 0, None)
    rows, columns = np.indices(weights.shape) + 0.5
    return np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()


@pytest.mark.parametrize("given", ["wide", "tight", "arcface"])
@pytest.mark.parametrize("wanted", ["wide", "tight", "arcface"])
def test_the_nose_lands_where_the_wanted_frame_has_it(given, wanted):
    found = frame_face(dots(given, 224), given=given, wanted=wanted, size_px=80)
    assert np.allclose(brightest(found), template_points(wanted, size_px=80)[2], atol=0.8)


def test_the_same_frame_at_the_same_size_is_untouched():
    picture = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    assert np.array_equal(frame_face(picture, given="tight", wanted="tight", size_px=48), picture)


def test_outside_the_picture_its_border_goes_on():
    picture = np.full((48, 48, 3), 200, dtype=np.uint8)
    assert (frame_face(picture, given="tight", wanted="wide", size_px=80) == 200).all()


def test_framing_a_mirror_image_is_the_mirror_image_of_framing():
    picture = np.random.default_rng(1).integers(0, 256, (112, 112, 3)).astype(np.uint8)
    one = frame_face(picture, given="wide", wanted="tight", size_px=48)
    other = frame_face(np.ascontiguousarray(picture[:, ::-1]), given="wide", wanted="tight", size_px=48)
    assert np.abs(one[:, ::-1].astype(int) - other.astype(int)).max() <= 1


def test_a_picture_that_is_not_square_stands_in_the_middle():
    tall = np.zeros((60, 40, 3), dtype=np.uint8)
    tall[:, 10:30] = 255
    found = frame_face(tall, given="tight", wanted="tight", size_px=60)
    assert (found[:, 20:40] == 255).all() and (found[:, :15] == 0).all()


def test_sick_pictures_are_problems_and_the_rest_goes_on():
    good = encode_png(np.full((48, 48, 3), 7, dtype=np.uint8))
    samples = [
        Sample(sample_id="a", values={"image": {"bytes": good, "path": ""}}),
        Sample(sample_id="b", values={"image": {"bytes": b"no picture", "path": ""}}),
        Sample(sample_id="c", values={"image": None}),
    ]
    faces, problems = framed_faces(samples, crop="image", given="", wanted="tight", size_px=48)
    assert problems[0] is None and (faces[0] == 7).all()
    assert [problem.reason for problem in problems[1:] if isinstance(problem, Problem)] == [
        "not_a_picture",
        "missing_input",
    ]


def test_an_aligned_face_of_an_unknown_template_is_a_problem():
    good = encode_png(np.full((48, 48, 3), 7, dtype=np.uint8))
    sample = Sample(sample_id="a", values={"face_aligned": {"bytes": good, "path": ""}, "align_template": "mine"})
    _, problems = framed_faces([sample], crop="face_aligned", given="", wanted="wide", size_px=48)
    assert problems[0] == Problem(
        reason="missing_input", detail='align_template is "mine", expected a template or `given`'
    )


def test_unknown_crops_and_frames_are_refused_with_the_nearest():
    with pytest.raises(RecipeError, match='Did you mean "image"'):
        columns_of("imag")
    with pytest.raises(RecipeError, match='Did you mean "wide"'):
        check_frame("wid")

"""What the stage does with what detectors find, whatever they find."""

import io

import numpy as np
import pytest
from PIL import Image

from facsim.errors import MissingExtra, RecipeError, WeightsError
from facsim.labels import detect
from facsim.labels.detect import Detect
from facsim.models.face_finder import FoundFace
from facsim.pictures import encode_png
from facsim.sample import Problem, Sample
from facsim.testing import check_laws

from .untaught_models import write_detect_model, write_landmark_model


@pytest.fixture(scope="module")
def detect_model(tmp_path_factory):
    return write_detect_model(tmp_path_factory.mktemp("detect"))


@pytest.fixture(scope="module")
def landmark_model(tmp_path_factory):
    return write_landmark_model(tmp_path_factory.mktemp("landmark"))


def sample_of(array, number=0):
    return Sample(sample_id=f"{number:032x}", values={"image": {"bytes": encode_png(array), "path": "a.png"}})


def noise(height=60, width=80, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def found(*boxes, scores=None):
    scores = scores or [0.9] * len(boxes)
    return [FoundFace(box=np.array(box, dtype=float), score=score) for box, score in zip(boxes, scores, strict=True)]


@pytest.fixture
def finds(monkeypatch, landmark_model, detect_model):
    """A stage whose detector finds these faces in every picture."""

    def make(seen, **settings):
        monkeypatch.setattr(detect, "find_faces", lambda labeller, pictures, **_: [seen for _ in pictures])
        return Detect(model=detect_model, landmarks=landmark_model, **settings)

    return make


LARGE, MIDDLE = (2.0, 2.0, 34.0, 36.0), (35.0, 25.0, 45.0, 35.0)


def box_centre(row):
    left, top, right, bottom = row["face_box"]
    return (left + right) / 2, (top + bottom) / 2


def test_no_face_is_a_problem(finds):
    (row,) = finds([]).open("cpu")([sample_of(noise())])
    assert row == Problem(reason="no_face", detail="the detector found none")


def test_several_faces_are_a_problem_only_where_one_was_wanted(finds):
    five = found(*[(x, 5, x + 10, 15) for x in range(0, 50, 10)])
    (row,) = finds(five, faces="only").open("cpu")([sample_of(noise())])
    assert (row.reason, row.detail) == ("several_faces", "5 faces were found")
    (row,) = finds(five).open("cpu")([sample_of(noise())])
    assert row["faces_found"] == 5


def test_all_faces_are_listed_the_one_that_counts_first_then_the_strongest(finds):
    boxes = [(50, 5, 60, 15), LARGE, (40, 5, 50, 15), (40, 20, 50, 30)]
    (row,) = finds(found(*boxes, scores=[0.9, 0.6, 0.9, 0.95])).open("cpu")([sample_of(noise())])
    sides = [tuple(face[side] for side in ("left", "top", "right", "bottom")) for face in row["faces_listed"]]
    assert sides == [LARGE, boxes[3], boxes[2], boxes[0]]
    assert [face["score"] for face in row["faces_listed"]] == [0.6, 0.95, 0.9, 0.9]


def test_a_crowd_is_counted_whole_and_listed_up_to_the_cap(finds):
    crowd = found(*[(x % 70, x // 70, x % 70 + 9, x // 70 + 9) for x in range(300)])
    (row,) = finds(crowd).open("cpu")([sample_of(noise())])
    assert row["faces_found"] == 300 and len(row["faces_listed"]) == 256


def test_boxes_in_a_large_photograph_are_in_its_own_pixels(finds):
    (row,) = finds(found((400, 300, 700, 640), (100, 100, 200, 220))).open("cpu")([photograph(4000, 3000, "JPEG")])
    assert [face["right"] for face in row["faces_listed"]] == [1400.0, 400.0]


@pytest.mark.parametrize(("policy", "score"), [("largest", 0.6), ("centre", 0.8)])
def test_the_face_that_counts_is_the_one_asked_for(finds, policy, score):
    stage = finds(found(LARGE, MIDDLE, scores=[0.6, 0.8]), faces=policy, passes=1)
    (row,) = stage.open("cpu")([sample_of(noise())])
    assert row["face_score"] == pytest.approx(score)


def test_a_box_far_from_the_picture_is_a_problem(finds):
    (row,) = finds(found((1e7, 0, 1e7 + 9, 9))).open("cpu")([sample_of(noise())])
    assert row.reason == "no_place"


def test_nothing_is_searched_for_in_a_crop(landmark_model):
    stage = Detect(landmarks=landmark_model, given="crop")
    (row,) = stage.open("cpu")([sample_of(noise())])
    assert row["faces_found"] is None and row["face_score"] is None and row["faces_listed"] is None
    assert len(row["landmarks_68"]) == 136
    assert len(stage.weights) == 1


def test_a_bad_picture_among_good_ones_is_a_problem_of_its_own(landmark_model):
    bad = Sample(sample_id="b" * 32, values={"image": {"bytes": b"nothing", "path": "b"}})
    rows = Detect(landmarks=landmark_model, given="crop").open("cpu")([sample_of(noise()), bad, sample_of(noise(), 1)])
    assert [isinstance(row, Problem) for row in rows] == [False, True, False]
    assert rows[1].reason == "not_a_picture"


def test_the_stage_keeps_the_laws(finds, landmark_model):
    samples = [sample_of(noise(seed=seed, width=60 + 7 * seed), seed) for seed in range(5)]
    check_laws(Detect(landmarks=landmark_model, given="crop"), samples)
    check_laws(finds(found(LARGE)), samples)
    check_laws(finds(found(LARGE, MIDDLE)), samples)


def test_untaught_networks_find_something_or_nothing_but_do_not_fail(landmark_model, detect_model):
    stage = Detect(model=detect_model, landmarks=landmark_model, search_px=64, least_score=0.001)
    rows = stage.open("cpu")([sample_of(noise(seed=seed), seed) for seed in range(3)])
    assert all(isinstance(row, Problem) or row["faces_found"] >= 1 for row in rows)


def photograph(width, height, kind):
    ramp = np.linspace(0, 255, width)[None, :, None] * np.ones((height, 1, 3))
    ramp[height // 4 : height // 2, width // 4 : width // 2] = 255
    file = io.BytesIO()
    Image.fromarray(ramp.astype(np.uint8)).save(file, kind)
    return Sample(sample_id="c" * 32, values={"image": {"bytes": file.getvalue(), "path": "c"}})


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_places_in_a_large_photograph_are_in_its_own_pixels(landmark_model, kind):
    stage = Detect(landmarks=landmark_model, given="crop", passes=1)
    (large,), (small,) = (stage.open("cpu")([photograph(side, side, kind)]) for side in (4096, 1024))
    assert np.allclose(np.array(large["landmarks_68"]) / 4, small["landmarks_68"], atol=12)


def test_a_large_photograph_is_worked_on_small(landmark_model):
    opened = detect._opened(photograph(4000, 3000, "JPEG"))
    assert opened.scale == 2
    assert opened.array.shape == (1500, 2000, 3)


def test_a_model_that_does_not_exist_is_named():
    with pytest.raises(WeightsError, match=r"none\.onnx does not exist"):
        _ = Detect(model="none.onnx").weights
    with pytest.raises(WeightsError, match=r"none\.task does not exist"):
        _ = Detect(model="none.task").weights


def test_mediapipe_is_asked_for_by_name_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mediapipe", None)
    file = tmp_path / "face.task"
    file.write_bytes(b"x")
    with pytest.raises(MissingExtra, match="mediapipe"):
        Detect(model=str(file)).open("cpu")


def test_a_file_that_is_not_yunet_is_refused(tmp_path, landmark_model):
    pytest.importorskip("onnxruntime")
    file = tmp_path / "face.onnx"
    file.write_bytes(b"not an ONNX file")
    with pytest.raises(WeightsError, match="cannot be opened"):
        Detect(model=str(file), landmarks=landmark_model).open("cpu")


@pytest.mark.parametrize("settings", [{"search_px": 100}, {"search_px": 32}, {"passes": 0}, {"least_score": 1.5}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(RecipeError):
        Detect(**settings)

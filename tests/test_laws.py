"""The laws of the architecture, over every stage there is, plugins included."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from facsim.errors import MissingExtra
from facsim.learn.labellers.naming import UNIT_COLUMNS
from facsim.models.drawing import draw
from facsim.models.identity import Identity
from facsim.models.scene import Scene, mirror_scene
from facsim.pictures import decode_picture, encode_png
from facsim.sample import Sample
from facsim.stage import find_stage, is_table_stage, known_stages, stage_columns
from facsim.testing import Painted, check_laws, check_mirrors, check_table_laws, mirrored_row, planned_samples

SETTINGS = {"render": {"size_px": 48}}
COUNT = {"render": 5}


def picture(seed):
    return encode_png(np.random.default_rng(seed).integers(0, 255, (24, 24, 3)).astype(np.uint8))


@pytest.fixture
def samples(tmp_path):
    """Samples with a value for every column that a built-in stage reads; a plugin's columns are its tests' concern."""
    (tmp_path / "in/anger").mkdir(parents=True)
    rows = []
    for i, sample in enumerate(planned_samples(12)):
        data = picture(i % 10)
        (tmp_path / f"in/anger/{i:02d}.png").write_bytes(data)
        rows.append(
            {
                **sample.values,
                "image": {"bytes": data, "path": f"{i}.png"},
                "face_aligned": {"bytes": data, "path": f"{i}.png"},
                "align_template": "wide",
                "source_input": str(tmp_path / "in"),
                "source_format": "class_folder",
                "source_path": f"anger/{i:02d}.png",
                "source_sha256": hashlib.sha256(data).hexdigest(),
                "pixel_hash": hashlib.sha256(data).hexdigest(),
                "perceptual_hash": i % 10 * 1_000_003,
                "duplicate_of": None,
                "landmarks_5": [16.0, 9.0, 8.0, 9.0, 12.0, 13.0, 15.0, 17.0, 9.0, 17.0],
                "expression_target": ("fear", "anger", "surprise")[i % 3],
                "prototype": ("terror", "glare", "fear: gasp")[i % 3],
                "expression_given": ("anger", "fear", "neutral")[i % 3],
                "expression_scores": [0.3 if place == i % 8 else 0.1 for place in range(8)],
                "landmarks_68": [float(place) for place in np.random.default_rng(i).uniform(2, 22, 136)],
                "landmarks_68_visible": [place % 5 != i % 5 for place in range(68)],
                "yaw_deg": 3.0 * i,
                "pitch_deg": -2.0 * i,
                **{column: float(place * i % 6) for place, column in enumerate(UNIT_COLUMNS)},
            }
        )
    return [Sample(sample_id=row["sample_id"], values=row) for row in rows]


@pytest.mark.parametrize("name", known_stages())
def test_the_stage_keeps_the_laws(name, samples):
    stage = find_stage(name)(**SETTINGS.get(name, {}))
    assert stage.name == name
    assert set(stage.writes) <= set(stage_columns(stage)), "law 4: a column that no dictionary has"
    if is_table_stage(stage):
        try:
            check_table_laws(stage, [sample.values for sample in samples])
        except MissingExtra as error:
            pytest.skip(str(error))
    else:
        check_laws(stage, samples[: COUNT.get(name, 12)])


def test_the_check_finds_a_stage_that_depends_on_its_batch():
    with pytest.raises(AssertionError, match="law 3"):
        check_laws(Leaky(), planned_samples(6))


def test_the_check_finds_a_stage_that_writes_something_else():
    from facsim.work import LawBroken

    with pytest.raises(LawBroken, match="not its `writes`"):
        check_laws(Careless(), planned_samples(2))


def test_the_check_finds_a_stage_that_does_not_mirror(samples):
    check_mirrors(Sided(), samples)
    with pytest.raises(AssertionError, match="law 6"):
        check_mirrors(Crooked(), samples)


def test_a_mirrored_row_mirrored_is_itself():
    rng = np.random.default_rng(0)
    row = {
        "AU12L": 3.0, "AU12R": 1.0, "AU17": 2.0, "yaw_deg": 10.0, "pitch_deg": 5.0, "image": None,
        "landmarks_68": rng.uniform(0, 48, 136).tolist(), "landmarks_5": rng.uniform(0, 48, 10).tolist(),
        "landmarks_68_visible": (rng.random(68) < 0.5).tolist(),
    }  # fmt: skip
    once = mirrored_row(row, 48)
    assert (once["AU12L"], once["AU12R"], once["AU17"], once["yaw_deg"]) == (1.0, 3.0, 2.0, -10.0)
    twice = mirrored_row(once, 48)
    assert twice.keys() == row.keys()
    assert np.allclose(twice["landmarks_68"], row["landmarks_68"])
    assert twice["landmarks_68_visible"] == row["landmarks_68_visible"]


def test_drawn_landmarks_of_a_mirrored_scene_are_the_mirrored_landmarks():
    """The renderer is a source, so law 6 is held on scenes: the flip of 68 points is the drawer's own order."""
    scene = Scene(identity=Identity(age_years=30, gender=0.5, ancestry=(0, 0, 1)), action_units={"12L": 4.0})
    scene = replace(scene, camera=replace(scene.camera, yaw_deg=12.0))
    one, other = draw([scene, mirror_scene(scene)], size_px=64)
    row = {"landmarks_68": one.landmarks_68_px.ravel().tolist(), "landmarks_5": one.landmarks_5_px.ravel().tolist()}
    mirrored = mirrored_row(row, 64)
    assert np.allclose(mirrored["landmarks_68"], other.landmarks_68_px.ravel(), atol=0.3)
    assert np.allclose(mirrored["landmarks_5"], other.landmarks_5_px.ravel(), atol=0.3)


class Sided(Painted):
    """It reads the picture, and says which side is brighter as a yaw."""

    mirrors = True
    reads = ("image",)
    writes = ("yaw_deg",)

    def open(self, device):
        return lambda samples: [{"yaw_deg": brightness(sample)} for sample in samples]


class Crooked(Sided):
    """It always finds the head turned to the left."""

    def open(self, device):
        return lambda samples: [{"yaw_deg": abs(brightness(sample)) + 1.0} for sample in samples]


def brightness(sample):
    array = decode_picture(sample["image"]["bytes"]).array.astype(float)
    half = array.shape[1] // 2
    return float(array[:, :half].mean() - array[:, -half:].mean())


class Leaky(Painted):
    """Its rows depend on how many samples came with them."""

    writes = ("AU12",)

    def open(self, device):
        return lambda samples: [{"AU12": min(len(samples), 5.0)} for _ in samples]


class Careless(Painted):
    """It writes a column that it does not declare."""

    writes = ("AU12",)

    def open(self, device):
        return lambda samples: [{"AU4": 1.0} for _ in samples]

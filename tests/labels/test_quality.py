import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

import facsim
from facsim.errors import RecipeError
from facsim.label_maps import encode_parts
from facsim.labels.quality import Quality
from facsim.sample import Problem, Sample
from facsim.testing import check_laws

CODINGS = (
    *("0", "43E", "43E+25C", "27E", "26D+25D", "6D+12E+25D", "12C", "4E+7D", "4D+5D+7C+23D", "1E+2E+5E+26D+25D"),
    *("1E+4D+5D+20D+25C+26C", "9E+10D+25C", "9D+17C", "15D+17D", "1C+4C+15D", "14D", "R14E", "R12D", "24E", "28D"),
    *("18D+25C", "22D+25D", "23D", "20E+25D", "16D+25D", "10E+25D", "5E", "7E", "6E", "1E"),
    *("2E", "4E", "17E", "11D", "13D", "L43E", "27E+43E", "6E+12E+27E+43E", "4E+9E+25E+27E", "1E+2E+27E"),
)
CAMERA = {
    "sensor.noise": 0.0,
    "sensor.blur": 0.0,
    "worn.glasses.shape": "none",
    "worn.headwear.kind": "none",
    "worn.occluder.kind": "none",
}


def measured(samples, **settings):
    return Quality(**settings).open("cpu")(samples)


@pytest.fixture(scope="module", params=[(1, 3), (4, 9)], ids=["light", "dark"])
def expressive(request, sample_of):
    """One person, light and camera, 40 codings, and how strong each is."""
    seed, tone = request.param
    made = [facsim.render(c, seed=seed, skin_tone_monk=tone, size_px=112, scene=CAMERA) for c in CODINGS]
    strength = [np.sqrt(sum(v**2 for k, v in m.labels.items() if k.startswith("AU") and v is not None)) for m in made]
    return [sample_of(m, name=f"{at}") for at, m in enumerate(made)], strength


def test_expression_hardly_moves_quality(expressive):
    samples, strength = expressive
    found = np.array([row["quality"] for row in measured(samples)])
    assert np.ptp(found) <= 0.1 and found.min() >= 0.8
    rank = spearmanr(found, strength).statistic if np.ptp(found) else 0.0
    assert abs(rank) < 0.45 or np.ptp(found) < 0.02


def test_size_is_measured_by_what_no_expression_moves(expressive):
    samples, _ = expressive
    points = [np.reshape(sample["landmarks_68"], (68, 2)) for sample in samples]
    apart = np.array([np.linalg.norm(p[36] - p[45]) for p in points])  # the renders are framed by the box
    sizes = np.array([row["face_px"] for row in measured(samples)]) / apart
    boxes = np.array([np.ptp(p, axis=0).max() for p in points]) / apart
    assert sizes.std() / sizes.mean() < 0.03 < boxes.std() / boxes.mean()


def test_blur_darkness_smallness_and_hiding_lower_quality_and_say_which(sample_of):
    made = facsim.render(seed=2, size_px=160, scene=CAMERA)
    sharp = sample_of(made)
    blurred = gaussian_filter(made.picture.astype(float), (6, 6, 0)).astype(np.uint8)
    dark = (made.picture * 0.03).astype(np.uint8)
    small = facsim.render(seed=2, size_px=32, scene=CAMERA)
    masked = facsim.render(seed=2, size_px=160, scene={**CAMERA, "worn.occluder.kind": "surgical_mask"})
    cases = {
        "sharpness": sample_of(made, picture=blurred),
        "exposure": sample_of(made, picture=dark),
        "size": sample_of(small),
        "occlusion": sample_of(masked),
    }
    best = measured([sharp])[0]["quality"]
    for limit, case in cases.items():
        row = measured([case])[0]
        assert row["quality"] < best - 0.1, limit
        assert row["quality_limit"] == limit or limit == "size"


def test_a_turned_head_is_no_occlusion_but_a_lower_mark(sample_of):
    front, turned = (sample_of(facsim.render(seed=2, size_px=112, yaw_deg=yaw, scene=CAMERA)) for yaw in (0, 48))
    rows = measured([front, turned])
    assert rows[1]["occlusion"] < 0.15
    assert rows[1]["quality"] < rows[0]["quality"]


def test_dark_skin_is_not_darkness(sample_of):
    rows = measured(
        [sample_of(facsim.render(seed=3, skin_tone_monk=tone, size_px=112, scene=CAMERA)) for tone in (1, 5, 10)]
    )
    assert np.ptp([row["quality"] for row in rows]) < 0.1


def test_parts_measure_occlusion_by_pixels(sample_of):
    samples = []
    for kind in ("none", "surgical_mask"):
        made = facsim.render(seed=2, size_px=96, scene={**CAMERA, "worn.occluder.kind": kind}, extra=("parts",))
        sample = sample_of(made)
        parts = {"bytes": encode_parts(made.maps["parts"]), "path": "p.png"}
        samples.append(Sample(sample_id=kind, values={**sample.values, "parts": parts}))
    bare, masked = measured(samples, uses=("parts", "pose"))
    assert bare["occlusion"] < 0.1 < 0.25 < masked["occlusion"]


def test_it_keeps_the_laws(faces):
    check_laws(Quality(), faces)
    check_laws(Quality(uses=(), crop="image"), faces)


def test_what_is_not_known_has_no_column(faces):
    stage = Quality(uses=())
    assert set(stage.reads) == {"face_aligned", "align_template", "image"}
    assert not {"face_px", "occlusion"} & set(measured(faces, uses=())[0])


def test_missing_landmarks_are_a_problem(faces):
    sick = Sample(sample_id="x", values={**faces[0].values, "landmarks_68": None})
    found = measured([sick])[0]
    assert isinstance(found, Problem) and found.reason == "missing_input"


def test_an_unknown_use_is_answered_with_the_nearest():
    with pytest.raises(RecipeError, match=r'"landmark".*landmarks'):
        Quality(uses=("landmark",))


def test_pictures_of_any_kind_are_measured():
    held = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60), dtype=np.uint8)).save(held, "JPEG")
    sample = Sample(sample_id="g", values={"image": {"bytes": held.getvalue(), "path": "g.jpg"}})
    row = measured([sample], uses=(), crop="image")[0]
    assert 0 <= row["quality"] <= 1

"""Pictures: their bits, their framing and the truth that comes with them."""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import warp as wp
from scipy.ndimage import gaussian_filter

from facsim.models.appearance import Beard, Eyes, Hair
from facsim.models.camera import Camera
from facsim.models.casting import sample_person
from facsim.models.drawing import Drawing, draw
from facsim.models.identity import Identity, sample_identity
from facsim.models.scene import Background, Scene, Sensor, mirror_scene
from facsim.models.shading import DRAWN_PARTS
from facsim.models.staging import sample_scene

PLAIN = Identity(age_years=30.0, gender=0.2, ancestry=(0.0, 0.0, 1.0))
CLEAN = Sensor(jpeg_quality=None, noise=0.0, blur=0.0)
SMILE = {"6L": 3.0, "6R": 3.0, "12L": 4.0, "12R": 4.0, "25": 3.0}


def stage(seed: int) -> Scene:
    generator = np.random.default_rng(seed)
    tone, age = int(generator.integers(1, 11)), float(generator.uniform(5.0, 85.0))
    shares = generator.dirichlet([0.5, 0.5, 0.5])
    ancestry = (float(shares[0]), float(shares[1]), float(shares[2]))
    identity = sample_identity(generator, age_years=age, gender=float(generator.random()), ancestry=ancestry)
    person = sample_person(generator, identity, skin_tone_monk=tone)
    return sample_scene(generator, identity=identity, action_units=SMILE if seed % 2 else {}, person=person)


def same(one: Drawing, other: Drawing) -> bool:
    return np.array_equal(one.picture, other.picture) and np.array_equal(one.landmarks_68_px, other.landmarks_68_px)


def part(drawing: Drawing, *names: str) -> np.ndarray:
    return np.isin(drawing.parts, [DRAWN_PARTS.index(name) for name in names])


@pytest.fixture(scope="module")
def crowd() -> Sequence[Drawing]:
    return draw([stage(seed) for seed in range(50)], size_px=48)


def test_a_batch_cut_anywhere_gives_the_same_bits(crowd: Sequence[Drawing]) -> None:
    scenes = [stage(seed) for seed in range(6)]
    pieces = draw(scenes[:1], size_px=48) + draw(scenes[1:4], size_px=48) + draw(scenes[4:], size_px=48)
    assert all(same(one, other) for one, other in zip(pieces, crowd, strict=False))


def test_order_within_a_batch_does_not_matter(crowd: Sequence[Drawing]) -> None:
    backwards = draw([stage(seed) for seed in (3, 2, 1, 0)], size_px=48)
    assert all(same(one, other) for one, other in zip(backwards[::-1], crowd, strict=False))


def test_pictures_are_rgb_bytes_of_the_size_asked_for(crowd: Sequence[Drawing]) -> None:
    assert {(d.picture.shape, d.picture.dtype.name, d.parts.shape) for d in crowd} == {((48, 48, 3), "uint8", (48, 48))}


def test_no_random_picture_is_black_white_or_flat(crowd: Sequence[Drawing]) -> None:
    means = np.array([d.picture.mean() for d in crowd])
    assert (means > 12.0).all()
    assert (means < 245.0).all()
    assert all(d.picture.std() > 8.0 for d in crowd)


def test_every_random_face_is_lit_and_fills_its_picture(crowd: Sequence[Drawing]) -> None:
    assert all(0.06 < d.face_luminance < 0.95 for d in crowd)
    assert all(part(d, "skin", "lips", "brows").mean() > 0.15 for d in crowd)


def test_face_luminance_is_the_mean_luma_of_the_skin(crowd: Sequence[Drawing]) -> None:
    luma = crowd[0].picture[part(crowd[0], "skin")] @ (0.299, 0.587, 0.114)
    assert crowd[0].face_luminance == pytest.approx(luma.mean() / 255.0)


def test_landmarks_and_numbers_are_finite(crowd: Sequence[Drawing]) -> None:
    assert all(np.isfinite(d.landmarks_68_px).all() and np.isfinite(d.landmarks_5_px).all() for d in crowd)
    assert all(np.isfinite([d.face_luminance, d.ita_deg, *d.face_box_px]).all() for d in crowd)


def test_the_eyes_landmarks_lie_on_eyes_of_the_iris_colour() -> None:
    eyes = Eyes(iris=(0.02, 0.05, 0.6), iris_ring=(0.02, 0.05, 0.6), pupil_deg=1.0)
    drawing = draw([Scene(identity=PLAIN, eyes=eyes, sensor=CLEAN)], size_px=160)[0]
    for (x, y), side in zip(drawing.landmarks_5_px[:2], ("eye_left", "eye_right"), strict=True):
        window = np.s_[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3]
        assert part(drawing, side)[window].all()
        red, _, blue = drawing.picture[window].reshape(-1, 3).mean(axis=0)
        assert blue > 2.0 * red


def test_the_subjects_left_eye_is_on_the_right_of_the_picture() -> None:
    drawing = draw([Scene(identity=PLAIN, sensor=CLEAN)], size_px=64)[0]
    assert drawing.landmarks_5_px[0, 0] > drawing.landmarks_5_px[1, 0]
    assert np.nonzero(part(drawing, "eye_left"))[1].mean() > np.nonzero(part(drawing, "eye_right"))[1].mean()


def test_lips_are_drawn_inside_the_lips_landmarks() -> None:
    drawing = draw([Scene(identity=PLAIN, sensor=CLEAN)], size_px=112)[0]
    rows, columns = np.nonzero(part(drawing, "lips"))
    low, high = drawing.landmarks_68_px[48:60].min(axis=0), drawing.landmarks_68_px[48:60].max(axis=0)
    assert abs(columns.min() - low[0]) < 5.0
    assert abs(columns.max() - high[0]) < 5.0
    assert abs(rows.min() - low[1]) < 5.0
    assert abs(rows.max() - high[1]) < 5.0


def test_every_landmark_of_a_frontal_face_is_visible() -> None:
    drawing = draw([Scene(identity=PLAIN, hair=Hair(length_dm=0.0), sensor=CLEAN)], size_px=112)[0]
    assert drawing.landmarks_68_visible.all()


def test_a_turned_head_hides_its_far_side() -> None:
    scene = Scene(identity=PLAIN, hair=Hair(length_dm=0.0), camera=Camera(yaw_deg=55.0), sensor=CLEAN)
    drawing = draw([scene], size_px=112)[0]
    # turned to their left, the subject shows the right side of the jaw (0-5) and hides the left one (11-16)
    assert drawing.landmarks_68_visible[:6].all()
    assert drawing.landmarks_68_visible[11:17].sum() <= 2


def test_landmarks_outside_the_picture_are_not_visible() -> None:
    scene = Scene(identity=PLAIN, camera=Camera(shift_x=0.6), sensor=CLEAN)
    drawing = draw([scene], size_px=64)[0]
    outside = (drawing.landmarks_68_px[:, 0] >= 64.0) | (drawing.landmarks_68_px[:, 0] < 0.0)
    assert outside.any()
    assert not drawing.landmarks_68_visible[outside].any()


SWAP = [
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1), 45, 44, 43, 42, 47, 46, 39, 38, 37, 36,
    41, 40, *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1),
]  # fmt: skip
"""Each of the 68 points' number in the flipped picture."""


def test_mirroring_a_scene_flips_landmarks_and_pose() -> None:
    scene = Scene(
        identity=PLAIN,
        action_units={"12L": 4.0, "2R": 3.0},
        camera=Camera(yaw_deg=18.0, pitch_deg=4.0, roll_deg=7.0),
        hair=Hair(length_dm=0.0),
        sensor=CLEAN,
    )
    one, other = draw([scene, mirror_scene(scene)], size_px=96)
    flipped = other.landmarks_68_px[SWAP] * (-1.0, 1.0) + (96.0, 0.0)
    np.testing.assert_allclose(flipped, one.landmarks_68_px, atol=0.7)
    assert (other.yaw_deg, other.pitch_deg, other.roll_deg) == (-18.0, 4.0, -7.0)


def test_mirroring_a_scene_flips_its_picture() -> None:
    scene = Scene(identity=PLAIN, action_units={"1L": 4.0, "2L": 4.0}, hair=Hair(length_dm=0.0), sensor=CLEAN)
    one, other = draw([scene, mirror_scene(scene)], size_px=96)
    apart = np.abs(one.picture.astype(float) - other.picture[:, ::-1]).mean()
    unflipped = np.abs(one.picture.astype(float) - other.picture).mean()
    assert apart < 2.0 < unflipped


def test_a_meter_evens_out_exposure() -> None:
    scene = Scene(identity=PLAIN, sensor=CLEAN)
    dim = replace(scene, light=replace(scene.light, key=replace(scene.light.key, colour=(0.4, 0.4, 0.4))))
    fixed = [replace(s, sensor=replace(CLEAN, metering=0.0)) for s in (scene, dim)]
    metered = [replace(s, sensor=replace(CLEAN, metering=1.0)) for s in (scene, dim)]
    apart = [abs(a.face_luminance - b.face_luminance) for a, b in (draw(fixed, size_px=48), draw(metered, size_px=48))]
    assert apart[1] < 0.04 < apart[0]


def test_a_light_from_the_right_of_the_picture_brightens_that_side() -> None:
    scene = Scene(identity=PLAIN, hair=Hair(length_dm=0.0), sensor=CLEAN)
    scene = replace(scene, light=replace(scene.light, key=replace(scene.light.key, azimuth_deg=75.0)))
    drawing = draw([scene], size_px=64)[0]
    lit = np.where(part(drawing, "skin"), drawing.picture.mean(axis=2), np.nan)
    assert np.nanmean(lit[:, 34:]) > 1.3 * np.nanmean(lit[:, :30])


def test_an_open_mouth_is_dark_inside_and_shows_teeth() -> None:
    scene = Scene(identity=PLAIN, action_units={"25": 4.0, "27": 4.0}, sensor=CLEAN)
    drawing = draw([scene], size_px=112)[0]
    luma = drawing.picture.mean(axis=2)
    assert part(drawing, "teeth").sum() > 20
    assert luma[part(drawing, "mouth_interior", "tongue")].mean() < 0.6 * luma[part(drawing, "skin")].mean()


def test_teeth_of_a_dark_face_are_seen_one_by_one_and_do_not_glare() -> None:
    person = sample_person(np.random.default_rng(3), PLAIN, skin_tone_monk=10)
    camera = replace(CLEAN, metering=0.9, exposure_ev=0.25, contrast=1.2)  # the studio's
    scene = Scene(identity=PLAIN, action_units=SMILE, skin=person.skin, mouth=person.mouth, sensor=camera)
    drawing = draw([scene], size_px=160)[0]
    luma = drawing.picture @ np.array([0.299, 0.587, 0.114])
    teeth, skin = luma[part(drawing, "teeth")], luma[part(drawing, "skin")]
    assert len(teeth) > 100 and teeth.mean() > 1.3 * skin.mean()
    assert np.quantile(teeth, 0.95) < 240 and teeth.std() > 15


def test_a_wrinkled_brow_is_seen_in_the_picture() -> None:
    # the vertices are the same in both: only the skin's folds differ, and they curve the brightness down the forehead
    scene = Scene(identity=PLAIN, action_units={"1L": 4.0, "1R": 4.0, "2L": 4.0, "2R": 4.0}, sensor=CLEAN)
    old = replace(scene, skin=replace(scene.skin, age_lines=1.0))
    smooth, lined = (d.picture.mean(axis=2) for d in draw([scene, old], size_px=112))
    curved = [np.abs(np.diff(luma[1:14, 42:70], n=2, axis=0)).mean() for luma in (smooth, lined)]
    assert curved[1] > 1.3 * curved[0]


def test_moles_and_freckles_stay_with_a_person_and_the_moment_is_its_own() -> None:
    scene = Scene(identity=PLAIN, sensor=replace(CLEAN, noise=0.02), hair=Hair(length_dm=0.0), person_seed=4)
    marked = replace(scene, skin=replace(scene.skin, freckles=1.0, moles=1.0), background=Background(kind="room"))
    once, again, other = draw([marked, replace(marked, seed=9), replace(marked, person_seed=5)], size_px=112)
    skin = part(once, "skin", "brows", "lips")
    smooth = [gaussian_filter(one.picture.astype(float).mean(axis=2), 1.0) for one in (once, again, other)]
    apart = [np.abs(smooth[0] - one)[skin].mean() for one in smooth[1:]]
    assert apart[0] < 0.5 * apart[1]  # grain alone, against other marks
    assert np.abs(smooth[0] - smooth[1])[part(once, "background")].mean() > 3.0


def test_a_beard_is_hairs_that_differ_from_side_to_side() -> None:
    scene = Scene(identity=PLAIN, sensor=CLEAN, hair=Hair(length_dm=0.0))
    worn = replace(scene, beard=Beard(kind="full", moustache=0.6, chin=0.6, cheeks=0.6))
    bare, bearded = (d.picture.astype(float).mean(axis=2) for d in draw([scene, worn], size_px=336))
    darker = bearded < 0.8 * bare
    assert darker.mean() > 0.05
    rows = slice(int(np.flatnonzero(darker.any(axis=1))[-1]) - 60, None)
    band = (bearded / bare)[rows, 68:268]
    # detail of a few pixels, which paint has not; and no mirror image of itself
    fine = band - gaussian_filter(band, 4.0)
    assert fine.std() > 0.08
    assert np.corrcoef(fine.ravel(), fine[:, ::-1].ravel())[0, 1] < 0.6


def test_grey_pictures_have_equal_channels() -> None:
    picture = draw([Scene(identity=PLAIN, sensor=replace(CLEAN, grey=True))], size_px=48)[0].picture
    assert (picture == picture[:, :, :1]).all()


@pytest.mark.skipif(not wp.is_cuda_available(), reason="no CUDA device here")
def test_a_gpu_draws_what_the_cpu_draws_but_for_rounding() -> None:
    scenes = [stage(seed) for seed in range(8)]
    within = list[float]()
    for one, other in zip(draw(scenes, size_px=112), draw(scenes, size_px=112, device="cuda:0"), strict=True):
        difference = np.abs(one.picture.astype(float) - other.picture)
        assert 10.0 * np.log10(255.0**2 / max((difference**2).mean(), 1e-9)) >= 40.0
        within.append(float((difference.max(axis=2) <= 2).mean()))
        np.testing.assert_array_equal(one.landmarks_68_px, other.landmarks_68_px)
    assert np.mean(within) >= 0.995


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_reading_scenes_and_drawings_does_not_load_warp() -> None:
    code = "import sys, facsim.models.drawing, facsim.models.staging; print({'warp', 'torch'} & set(sys.modules))"
    assert run_python(code) == "set()"


def test_another_process_draws_the_same_bits() -> None:
    code = """
import hashlib
from facsim.models.drawing import draw
from facsim.models.identity import Identity
from facsim.models.scene import Scene
scene = Scene(identity=Identity(age_years=30.0, gender=0.2, ancestry=(0.0, 0.0, 1.0)), seed=5)
print(hashlib.sha256(draw([scene], size_px=48)[0].picture.tobytes()).hexdigest())
"""
    here = draw([Scene(identity=PLAIN, seed=5)], size_px=48)[0].picture.tobytes()
    assert run_python(code) == hashlib.sha256(here).hexdigest()

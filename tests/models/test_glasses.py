"""Glasses: fitted to any face, outside its skin, and lenses that hide what is behind them only when dark."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import label

from facsim.models.appearance import Hair
from facsim.models.camera import Camera
from facsim.models.drawing import Drawing, draw
from facsim.models.glasses import find_outline, fit_glasses, lens_cover
from facsim.models.head import load_head
from facsim.models.identity import Identity, sample_identity
from facsim.models.landmarks import landmarks_68
from facsim.models.patches import OUTLINE
from facsim.models.scene import Lamp, Scene, Sensor
from facsim.models.shading import DRAWN_PARTS
from facsim.models.worn import Glasses, Worn
from facsim.wearables import GLASSES_SHAPES

PLAIN = Identity(age_years=30.0, gender=0.2, ancestry=(0.0, 0.0, 1.0))
SHAPES = GLASSES_SHAPES[1:]
SMILE = {"6L": 4.0, "6R": 4.0, "9L": 3.0, "9R": 3.0, "12L": 4.0, "12R": 4.0, "25": 2.0}


def with_glasses(glasses: Glasses) -> Scene:
    sensor = Sensor(jpeg_quality=None, noise=0.0, blur=0.0)
    return Scene(identity=PLAIN, hair=Hair(length_dm=0.0), sensor=sensor, worn=Worn(glasses=glasses))


def part(drawing: Drawing, name: str) -> np.ndarray:
    return drawing.parts == DRAWN_PARTS.index(name)


def nearest_gap(points: np.ndarray, head_points: np.ndarray, triangles: np.ndarray) -> float:
    """The least distance (dm) by which points lie before the skin's front, seen along z; negative inside."""
    a, b, c = (head_points[triangles[:, k]].astype(np.float64) for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    front = area > 1e-7
    a, b, c, area = a[front], b[front], c[front], area[front]
    least = np.inf
    for p in points:
        u = ((b[:, 0] - p[0]) * (c[:, 1] - p[1]) - (b[:, 1] - p[1]) * (c[:, 0] - p[0])) / area
        v = ((c[:, 0] - p[0]) * (a[:, 1] - p[1]) - (c[:, 1] - p[1]) * (a[:, 0] - p[0])) / area
        inside = (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0)
        if inside.any():
            z = (u * a[:, 2] + v * b[:, 2] + (1.0 - u - v) * c[:, 2])[inside].max()
            least = min(least, float(p[2] - z))
    return least


@pytest.mark.parametrize("units", [{}, SMILE], ids=["at rest", "smiling"])
def test_rims_lie_outside_the_skin_of_thirty_people(units: dict[str, float]) -> None:
    head = load_head()
    skin = head.triangles[(head.parts == 0) & (head.rest[head.triangles].max(axis=1)[:, 2] > -0.5)]
    gaps = []
    for seed in range(30):
        generator = np.random.default_rng(seed)
        ancestry = tuple(float(share) for share in generator.dirichlet([1.0, 1.0, 1.0]))
        who = sample_identity(generator, age_years=4.0 + 2.7 * seed, gender=seed % 2, ancestry=ancestry)  # type: ignore[arg-type]
        glasses = Glasses(shape=SHAPES[seed % len(SHAPES)])
        posed = head.pose_vertices(who, units)
        patches, _ = fit_glasses(head, head.pose_vertices(who, {}), posed, glasses)
        rims = [patches[name].reshape(-1, 3) for name in ("rim_left", "rim_right") if name in patches]
        gaps += [nearest_gap(points, posed, skin) for points in rims]
    assert min(gaps) > 0.0


def test_temples_lie_outside_the_skull_of_twelve_people() -> None:
    head = load_head()
    ears = head.masks["ears"] > 0.1
    skin = head.triangles[(head.parts == 0) & ~ears[head.triangles].any(axis=1)]
    for seed in range(12):
        who = sample_identity(
            np.random.default_rng(seed), age_years=5.0 + 6.5 * seed, gender=seed % 2, ancestry=(0.3, 0.3, 0.4)
        )
        posed = head.pose_vertices(who, {})
        patches, _ = fit_glasses(head, posed, posed, Glasses(shape=SHAPES[seed % len(SHAPES)]))
        for side, name in ((1.0, "temple_left"), (-1.0, "temple_right")):
            # turned so that outwards is the third axis; what hooks behind the ear is left out
            temple, turned = (p[:, [2, 1, 0]] * (-side, 1.0, side) for p in (patches[name][:7].reshape(-1, 3), posed))
            assert nearest_gap(temple, turned, skin) > 0.0


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_draws_a_frame_that_leaves_the_eyes_to_be_seen(shape: str) -> None:
    drawing = draw([with_glasses(Glasses(shape=shape, thickness_dm=0.02))], size_px=112)[0]
    assert part(drawing, "glasses").sum() > 30
    assert not part(drawing, "lens").any()
    assert part(drawing, "eye_left").sum() > 20
    assert drawing.landmarks_68_visible[36:48].sum() >= 10


def test_dark_lenses_hide_the_eyes_and_their_landmarks() -> None:
    drawing = draw([with_glasses(Glasses(shape="square", tint=0.95))], size_px=112)[0]
    assert part(drawing, "lens").sum() > 300
    assert not part(drawing, "eye_left").any()
    assert not drawing.landmarks_68_visible[36:48].any()
    assert drawing.occlusion == pytest.approx(12 / 68, abs=6 / 68)


def test_clear_lenses_darken_nothing_much_and_dark_ones_do() -> None:
    bare, clear, dark = draw(
        [with_glasses(Glasses()), *(with_glasses(Glasses(shape="round", tint=t, reflection=0.0)) for t in (0.0, 0.9))],
        size_px=112,
    )
    eye = part(bare, "eye_left")
    levels = [float(one.picture[eye].mean()) for one in (bare, clear, dark)]
    assert abs(levels[1] - levels[0]) < 0.15 * levels[0]
    assert levels[2] < 0.6 * levels[0]


@pytest.mark.parametrize("thickness", [0.013, 0.02])
def test_rims_cast_a_whole_shadow_however_thin_they_are(thickness: float) -> None:
    lamp = Lamp(azimuth_deg=0.0, elevation_deg=42.0, softness=0.02)
    pair = [
        with_glasses(Glasses(shape=shape, thickness_dm=thickness, reflection=0.0)) for shape in ("round", "rimless")
    ]
    lit = [replace(one, light=replace(one.light, key=lamp), camera=Camera(crop_scale=1.2)) for one in pair]
    rimmed, rimless = draw(lit, size_px=224)
    skin = part(rimmed, "skin") & part(rimless, "skin")
    darker = (rimmed.picture.astype(float).sum(axis=2) < 0.85 * rimless.picture.astype(float).sum(axis=2)) & skin
    # below each rim one arc on the cheek, where the light's depth map alone would leave dots
    darker[: np.flatnonzero(part(rimmed, "glasses").any(axis=1))[-1] + 3] = False
    pieces, count = label(darker, structure=np.ones((3, 3)))
    sizes = np.sort(np.bincount(pieces.ravel())[1:])
    assert count >= 2 and sizes[-2:].sum() > 0.9 * sizes.sum() > 150


def test_lenses_cover_the_eyes_from_the_front_and_not_the_mouth() -> None:
    head = load_head()
    posed = head.pose_vertices(PLAIN, {})
    _, lenses = fit_glasses(head, posed, posed, Glasses(shape="oval"))
    covered = lens_cover(lenses, landmarks_68(head, posed), np.array([0.0, 0.0, 12.0]))
    assert covered[36:48].sum() >= 10
    assert not covered[48:].any()


def test_temples_reach_the_ears() -> None:
    head = load_head()
    posed = head.pose_vertices(PLAIN, {})
    patches, _ = fit_glasses(head, posed, posed, Glasses(shape="round"))
    ears = posed[(head.masks["ears"] > 0.5) & (head.rest[:, 0] > 0.0)]
    assert np.linalg.norm(ears[None] - patches["temple_left"].reshape(-1, 1, 3), axis=2).min() < 0.06


def test_an_outline_has_the_size_asked_for() -> None:
    one, double = (find_outline(Glasses(shape="round", size=size)) for size in (1.0, 1.3))
    assert one.shape == (OUTLINE,)
    assert np.allclose(double, 1.3 * one)


def test_glasses_turn_with_the_head() -> None:
    scene = with_glasses(Glasses(shape="rectangular"))
    drawings = draw([replace(scene, camera=Camera(yaw_deg=yaw)) for yaw in (-30.0, 30.0)], size_px=96)
    columns = [np.nonzero(part(one, "glasses"))[1] for one in drawings]
    assert min(len(one) for one in columns) > 60

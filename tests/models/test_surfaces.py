"""Depth and normals behind the pixels."""

import numpy as np
import pytest

from facsim.models import surfaces
from facsim.models.appearance import Hair
from facsim.models.camera import Camera, place_head
from facsim.models.drawing import draw
from facsim.models.head_mesh import MESH_PARTS
from facsim.models.identity import Identity
from facsim.models.raster import EMPTY
from facsim.models.scene import Scene, Sensor, mirror_scene
from facsim.models.shading import DRAWN_PARTS
from facsim.models.sitting import sit_for
from facsim.models.studio import open_studio

PLAIN = Identity(age_years=30.0, gender=0.2, ancestry=(0.0, 0.0, 1.0))
SCENE = Scene(
    identity=PLAIN,
    action_units={"12L": 3.0, "12R": 3.0, "25": 3.0},
    hair=Hair(length_dm=1.5),
    camera=Camera(yaw_deg=20.0, pitch_deg=-6.0, crop_scale=1.5),
    sensor=Sensor(jpeg_quality=None, noise=0.0),
)
SIZE = 160


@pytest.fixture(scope="module")
def drawing():
    return draw([SCENE], size_px=SIZE, surfaces=True)[0]


def part(drawing, *names):
    return np.isin(drawing.parts, [DRAWN_PARTS.index(name) for name in names])


def towards_camera(view):
    """(SIZE, SIZE, 3) unit vectors from the pixels' middles to the camera."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    ray = np.stack([(view.centre_x - x) / view.focal, (y - view.centre_y) / view.focal, np.ones_like(x)], axis=2)
    return ray / np.linalg.norm(ray, axis=2, keepdims=True)


def sitting():
    studio = open_studio("cpu")
    return sit_for(SCENE, studio.head, studio.shell, size_px=SIZE)


def test_the_repeated_number_is_the_rasterisers():
    assert surfaces._EMPTY == EMPTY


def test_surfaces_are_there_only_when_asked_for():
    assert draw([SCENE], size_px=16)[0].surfaces is None


def test_asking_for_surfaces_changes_no_bit_of_the_picture(drawing):
    assert np.array_equal(draw([SCENE], size_px=SIZE)[0].picture, drawing.picture)


def test_the_depth_at_visible_landmarks_is_theirs(drawing):
    one = sitting()
    world = place_head(one.landmarks, one.view.turn)
    x, y = np.floor(drawing.landmarks_68_px).astype(int).T
    depth = drawing.surfaces.depth_dm[y, x]
    nose_brows_cheek = [27, 28, 29, 30, 33, 19, 24, 51]
    assert drawing.landmarks_68_visible[nose_brows_cheek].all()
    assert np.abs(depth - (one.view.distance - world[:, 2]))[nose_brows_cheek].max() < 0.015, "1.5 mm at 1 mm a pixel"


def test_depth_and_normals_end_where_the_background_begins(drawing):
    nothing = part(drawing, "background")
    assert np.array_equal(np.isinf(drawing.surfaces.depth_dm), nothing)
    assert np.array_equal(drawing.surfaces.normals.any(axis=2), ~nothing)


def test_normals_are_unit_and_face_the_camera(drawing):
    there = ~part(drawing, "background")
    normals = drawing.surfaces.normals[there]
    assert np.allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-5)
    assert (normals * towards_camera(sitting().view)[there]).sum(axis=1).min() > 0.0


def test_normals_are_those_of_the_depth(drawing):
    """The depth's own slopes, over the skin's inside: agreement within the mesh's smoothing."""
    view, depth = sitting().view, drawing.surfaces.depth_dm.astype(float)
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    place = np.stack([(x - view.centre_x) * depth / view.focal, (view.centre_y - y) * depth / view.focal, -depth], 2)
    skin = part(drawing, "skin")
    inside = skin & np.roll(skin, 1, 0) & np.roll(skin, -1, 0) & np.roll(skin, 1, 1) & np.roll(skin, -1, 1)
    with np.errstate(invalid="ignore"):
        across = np.roll(place, -1, 1) - np.roll(place, 1, 1)
        down = np.roll(place, -1, 0) - np.roll(place, 1, 0)
        normal = np.cross(down, across)
        normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    agreement = (normal * drawing.surfaces.normals).sum(axis=2)[inside]
    assert np.median(agreement) > 0.995


def test_the_nose_is_nearest_and_the_left_cheek_faces_right(drawing):
    depth = np.where(part(drawing, "skin", "lips"), drawing.surfaces.depth_dm, np.inf)
    row, column = np.unravel_index(depth.argmin(), depth.shape)
    assert np.hypot(column - drawing.landmarks_5_px[2, 0], row - drawing.landmarks_5_px[2, 1]) < 8
    x, y = np.floor(drawing.landmarks_68_px[14]).astype(int)
    assert drawing.surfaces.normals[y, x - 4, 0] > 0.5


def test_a_mirrored_scene_has_mirrored_surfaces():
    one, other = draw([SCENE, mirror_scene(SCENE)], size_px=64, surfaces=True)
    both = np.isfinite(one.surfaces.depth_dm) & np.isfinite(other.surfaces.depth_dm[:, ::-1])
    near = np.abs(one.surfaces.depth_dm[both] - other.surfaces.depth_dm[:, ::-1][both])
    assert np.median(near) < 0.005, "samples lie elsewhere within a mirrored pixel"
    turned = other.surfaces.normals[:, ::-1] * [-1.0, 1.0, 1.0]
    there = one.surfaces.normals.any(axis=2) & turned.any(axis=2)
    assert np.median((one.surfaces.normals * turned).sum(axis=2)[there]) > 0.999


def test_every_name_of_the_skin_is_a_drawn_part():
    assert set(surfaces._SKIN_NAMES) <= set(DRAWN_PARTS)
    assert set(MESH_PARTS) <= set(DRAWN_PARTS)

"""The head cut out of MakeHuman's body: parts, rings, eyes and teeth, and targets that carry over to them."""

import subprocess
import sys

import numpy as np
import pytest

from facsim.models.eyeballs import build_eyeball, find_centre_weights
from facsim.models.head_mesh import MESH_PARTS, load_head_arrays
from facsim.models.makehuman import find_data_folder, list_targets, read_mesh, read_target


@pytest.fixture(scope="module")
def arrays():
    return load_head_arrays()


def field_of(arrays, name):
    number = int(np.flatnonzero(arrays["target_names"] == name)[0])
    first, last = arrays["target_starts"][number : number + 2]
    field = np.zeros_like(arrays["vertices"])
    field[arrays["target_vertices"][first:last]] = arrays["target_deltas"][first:last]
    return field


def test_reading_the_head_imports_neither_anny_nor_torch():
    code = (
        "import sys; from facsim.models.head import load_head; load_head(); print({'anny', 'torch'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


def test_no_helper_geometry_is_left_in_the_skin(arrays):
    assert arrays["source"].max() < 15_000  # body, then tongue; skirt, tights, genitals and joints are numbered above


def test_every_part_but_those_that_others_add_has_triangles(arrays):
    drawn = {MESH_PARTS[part] for part in np.unique(arrays["parts"])}
    assert drawn == set(MESH_PARTS) - {"lashes", "hair"}


def test_skin_keeps_the_positions_of_the_base_mesh(arrays):
    body = read_mesh(find_data_folder()).vertices
    kept = np.flatnonzero((arrays["source"] >= 0) & (arrays["source"] < 13_380))
    assert np.abs(arrays["vertices"][kept] - body[arrays["source"][kept]]).max() < 1e-5


def test_a_target_moves_the_skin_as_its_file_says(arrays):
    name = "nose-hump-incr"
    indices, moves = read_target(list_targets(find_data_folder())[name])
    field = field_of(arrays, name)
    for index, move in zip(indices[:50], moves[:50], strict=True):
        here = np.flatnonzero(arrays["source"] == index)
        assert np.abs(field[here] - move).max() < 1e-5


def test_a_target_that_grows_the_eye_keeps_it_a_sphere(arrays):
    eye = slice(*arrays["piece_starts"][2:4])
    placed = (arrays["vertices"] + field_of(arrays, "l-eye-scale-incr"))[eye].astype(float)
    centre = find_centre_weights() @ placed
    ratio = np.linalg.norm(placed - centre, axis=1) / np.linalg.norm(build_eyeball()[0], axis=1)
    assert ratio.std() < 1e-3 * ratio.mean()


def test_lower_teeth_follow_the_jaw_and_upper_teeth_stay(arrays):
    field, starts = field_of(arrays, "jawOpen"), arrays["piece_starts"]
    assert field[starts[5] :, 1].mean() < -0.2
    assert np.abs(field[starts[4] : starts[5]]).max() < 0.02


def test_rings_run_outwards_from_the_lids_margin(arrays):
    vertices = arrays["vertices"].astype(float)
    centre = find_centre_weights() @ vertices[slice(*arrays["piece_starts"][2:4])]
    reach = np.linalg.norm(vertices[arrays["rings_eye"]] - centre, axis=-1).mean(axis=1)
    assert np.all(np.diff(reach) > 0)


def test_the_mirror_map_is_its_own_inverse_and_swaps_the_eyes(arrays):
    mirror, starts = arrays["mirror"], arrays["piece_starts"]
    assert np.array_equal(mirror[mirror], np.arange(len(mirror)))
    assert (mirror[starts[2] : starts[3]] >= starts[3]).all()

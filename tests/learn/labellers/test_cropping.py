import numpy as np
import pytest

from facsim.facs import column_names
from facsim.learn.labellers.cropping import MIRRORED_68, Crop, crop_faces, mirrored_columns
from facsim.learn.labellers.faces import load_faces
from facsim.models.face_crop import moved, template_points


@pytest.fixture(scope="module")
def faces(people_run):
    return load_faces(people_run, columns=("landmarks_68", "landmarks_5"), parts=True)


ROWS = np.arange(24)


def test_an_exact_crop_has_the_five_points_near_the_template(faces):
    crop = crop_faces(faces, ROWS, Crop(size_px=64, around="wide"), seed=None)
    miss = np.abs(crop.five - template_points("wide", size_px=64)).mean()
    assert miss < 3.0  # px of 64: faces differ, and turn


def test_the_pixels_go_where_the_points_go(faces):
    crop = crop_faces(faces, ROWS, Crop(size_px=64, around="box", strength=0.0, windowed=0.0), seed=5)
    for row in range(24):
        points = faces.columns["landmarks_68"][row : row + 1]
        carried = moved(points, crop.matrices[row : row + 1])[0]
        carried = carried[MIRRORED_68] if crop.mirrored[row] else carried
        assert carried == pytest.approx(crop.landmarks[row], abs=1e-3)
    row = int(np.flatnonzero(~crop.mirrored)[0])
    x, y = crop.landmarks[row, 30]
    own_x, own_y = faces.columns["landmarks_68"][row, 30]
    if 2 < x < 62 and 2 < y < 62:
        seen = crop.pictures[row, :, int(y), int(x)].numpy()
        given = faces.pictures[row, int(own_y), int(own_x)] / 255
        assert np.abs(seen - given).max() < 0.12


def test_mirroring_swaps_sides_and_keeps_the_subjects_left_on_the_right(faces):
    crop = crop_faces(faces, ROWS, Crop(size_px=64, jitter=0.0), seed=1)
    assert 4 < crop.mirrored.sum() < 20
    assert (crop.five[:, 0, 0] > crop.five[:, 1, 0]).all()
    assert (crop.landmarks[:, 16, 0] > crop.landmarks[:, 0, 0]).all()


def test_parts_follow_the_crop(faces):
    crop = crop_faces(faces, ROWS, Crop(size_px=64, jitter=0.02, strength=0.0, windowed=0.0), seed=2)
    inside = [crop.parts[row, int(y), int(x)] != 0 for row, (x, y) in enumerate(crop.landmarks[:, 30])]
    assert np.mean([bool(value) for value in inside]) > 0.9


def test_equal_seeds_give_equal_crops_and_others_do_not(faces):
    first, again, other = (crop_faces(faces, ROWS, Crop(size_px=48), seed=seed) for seed in (7, 7, 8))
    assert (first.pictures == again.pictures).all() and not (first.pictures == other.pictures).all()


def test_a_grey_crop_has_one_channel(faces):
    crop = crop_faces(faces, ROWS[:4], Crop(size_px=48, colour="grey"), seed=None)
    assert crop.pictures.shape == (4, 1, 48, 48)


def test_landmarks_of_a_mirror_image_are_an_order_of_their_own_inverse():
    assert (MIRRORED_68[MIRRORED_68] == np.arange(68)).all() and MIRRORED_68[30] == 30


def test_columns_of_a_mirror_image_swap_sides():
    names = column_names((12, 17))
    order = [names[index] for index in mirrored_columns(names)]
    assert dict(zip(names, order, strict=True)) == {"AU12": "AU12", "AU12L": "AU12R", "AU12R": "AU12L", "AU17": "AU17"}

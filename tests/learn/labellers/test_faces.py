import numpy as np
import pytest

from facsim.errors import ManifestError
from facsim.learn.labellers.faces import load_faces

COLUMNS = ("landmarks_68", "landmarks_5", "AU12L", "apparent_gender", "apparent_ancestry")


def test_renders_come_with_what_is_known_of_them(people_run):
    faces = load_faces(people_run, columns=COLUMNS, parts=True)
    assert faces.pictures.shape == (24, 64, 64, 3) and faces.parts.shape == (24, 64, 64)
    assert faces.columns["landmarks_68"].shape == (24, 68, 2)
    assert faces.columns["apparent_ancestry"].sum(axis=1) == pytest.approx(np.ones(24), abs=1e-4)
    assert faces.names["apparent_gender"] == ("feminine", "masculine")
    assert set(np.unique(faces.person)) == set(range(12))


def test_landmarks_lie_on_the_parts_that_they_name(people_run):
    faces = load_faces(people_run, columns=COLUMNS, parts=True)
    inside = []
    for row in range(len(faces)):
        x, y = faces.columns["landmarks_68"][row, 30]  # the tip of the nose
        inside.append(faces.parts[row, int(y), int(x)] != 0)
    assert np.mean(inside) > 0.9  # a hand or mask may lie before it, and counts as a part


def test_nobody_is_on_both_sides_and_the_same_people_are_held_out_again(people_run, tmp_path):
    faces = load_faces(people_run, columns=())
    again = load_faces(people_run, columns=(), cache=tmp_path)
    for person in np.unique(faces.person):
        assert len(set(faces.held_out[faces.person == person])) == 1
    assert (faces.held_out == again.held_out).all()


def test_decoded_pictures_are_kept_and_equal(people_run, tmp_path):
    first = load_faces(people_run, columns=(), cache=tmp_path)
    files = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    second = load_faces(people_run, columns=(), cache=tmp_path)
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == files
    assert (first.pictures == second.pictures).all()


def test_a_run_without_the_column_is_told_which_recipe_has_it(people_run):
    with pytest.raises(ManifestError, match=r'no column "depth".*recipes/labels/people.toml'):
        load_faces(people_run, columns=("depth",))

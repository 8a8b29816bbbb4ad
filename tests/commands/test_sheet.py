"""Contact sheets."""

import numpy as np

from facsim.commands.sheet import Cell, contact_sheet
from facsim.pictures import encode_png


def cell(red, size=(8, 8)):
    picture = np.zeros((*size, 3), dtype=np.uint8)
    picture[..., 0] = red
    return Cell(image=encode_png(picture), caption="")


def test_every_picture_is_there_at_full_size():
    sheet = np.asarray(contact_sheet([("a", [cell(200), cell(100)]), ("b", [cell(50)])], size_px=8))
    for red in (200, 100, 50):
        assert (sheet == (red, 0, 0)).all(axis=-1).sum() == 64


def test_a_picture_of_another_shape_is_fitted():
    sheet = np.asarray(contact_sheet([("a", [cell(200, size=(8, 16))])], size_px=8))
    assert (sheet == (200, 0, 0)).all(axis=-1).sum() == 8 * 4


def test_a_cell_without_a_picture_says_why():
    empty = contact_sheet([("a", [Cell(image=None, caption="")])], size_px=64)
    said = contact_sheet([("a", [Cell(image=None, caption="", fault="no_face")])], size_px=64)
    assert empty.size == said.size
    assert empty.tobytes() != said.tobytes()


def test_the_same_cells_give_the_same_pixels():
    cells = [("anger", [cell(9)])]
    assert contact_sheet(cells, size_px=32).tobytes() == contact_sheet(cells, size_px=32).tobytes()


def test_titles_of_rows_stand_beside_them():
    columns = [("a", [cell(200), cell(100)])]
    plain, titled = contact_sheet(columns, size_px=64), contact_sheet(columns, size_px=64, rows=["one, two", "three"])
    beside = titled.width - plain.width
    assert beside > 0
    assert titled.height == plain.height
    assert (np.asarray(titled)[:, :beside] < 128).any()
    assert np.array_equal(np.asarray(titled)[:, beside:], np.asarray(plain))

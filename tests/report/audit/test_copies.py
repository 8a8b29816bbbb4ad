"""facsim.report.audit.copies: copies found, counted once, and none where there are none."""

import numpy as np
from PIL import Image

from facsim.learn.data import Pictures
from facsim.report.audit import copies
from facsim.report.audit.copies import PAIRS_KEPT, CopyPair, copies_between, copies_within
from facsim.report.audit.sets import read_set


def test_pictures_of_another_set_are_found_whatever_their_names(make_folder):
    own = read_set(make_folder(anger=range(20), fear=range(50, 60))).pictures
    other = read_set(make_folder(anger=range(100, 110), fear=[3, 4, 5])).pictures
    found = copies_between(own, other)
    assert (found.n, found.exact, found.near, found.conflicting) == (30, 3, 0, 3)
    assert found.pairs[0].name == "anger/anger_3_3.png" and found.pairs[0].other == "fear/fear_0_3.png"


def test_a_mirrored_lighter_copy_is_found_as_near(make_folder):
    place = make_folder(anger=range(10))
    twin = Image.open(place / "anger" / "anger_0_0.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    twin.point(lambda level: level * 0.8 + 30).save(place / "anger" / "twin.png")
    found = copies_within(read_set(place).pictures)
    assert (found.exact, found.near) == (0, 1)
    assert found.pairs[0].mirrored and found.pairs[0].same_label


def test_within_a_set_the_first_of_its_kind_is_no_copy(make_folder):
    found = copies_within(read_set(make_folder(anger=[1, 1, 1, 2])).pictures)
    assert (found.exact, found.near, len(found.pairs)) == (2, 0, 2)
    assert {pair.other for pair in found.pairs} == {"anger/anger_0_1.png"}


def test_sets_are_compared_in_blocks_with_one_answer(make_folder, monkeypatch):
    pictures = read_set(make_folder(anger=[*range(12), 3, 7])).pictures
    whole = copies_within(pictures)
    monkeypatch.setattr("facsim.report.audit.copies._BLOCK", 5)
    assert copies_within(pictures) == whole
    assert whole.exact == 2


def test_sets_that_share_nothing_have_no_copies(make_folder):
    one, other = (read_set(make_folder(anger=seeds)).pictures for seeds in (range(20), range(30, 50)))
    assert copies_between(one, other).pairs == ()
    assert copies_within(one).exact == 0


def test_a_set_that_is_one_picture_many_times_is_no_burden(make_folder):
    pictures = read_set(make_folder(anger=[4] * 300)).pictures
    found = copies_within(pictures)
    assert (found.exact, found.near, len(found.pairs)) == (299, 0, 100)
    assert {pair.other_row for pair in found.pairs} == {0}


def test_near_pairs_are_named_where_exact_ones_would_fill_the_list():
    same = Pictures(
        images=np.zeros((1, 16, 16, 3), np.uint8),
        targets=np.ones((1, 1), np.float32),
        classes=("anger",),
        ids=("a",),
        hashes=np.zeros(1, np.uint64),
    )
    found = copies._counted(same, (pair(row, row % 4 != 0) for row in range(400)))
    assert (found.exact, found.near, len(found.pairs)) == (300, 100, PAIRS_KEPT)
    assert [one.row for one in found.pairs[:3]] == [1, 2, 3] and not found.pairs[PAIRS_KEPT // 2].is_exact
    assert [one.distance for one in found.pairs[PAIRS_KEPT // 2 :]] == list(range(99, 49, -1))
    few = copies._counted(same, (pair(row, row < 10) for row in range(400)))
    assert [one.is_exact for one in few.pairs] == [True] * 10 + [False] * 90


def pair(row, is_exact):
    distance = 0 if is_exact else row // 4
    flags = {"is_exact": is_exact, "mirrored": False, "same_label": True}
    return CopyPair(row=row, other_row=0, name=f"{row}", other="a", distance=distance, **flags)

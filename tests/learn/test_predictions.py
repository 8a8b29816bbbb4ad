"""facsim.learn.predictions: answers in files, and two files compared."""

from dataclasses import replace

import numpy as np
import pytest

from facsim.errors import FacsimError, FormatError
from facsim.learn.data import take
from facsim.learn.predictions import compare_predictions, predictions_of, read_predictions, write_predictions


def answered(pictures, *, wrong: int = 0, **more):
    scores = (pictures.targets * 0.7 + 0.3 / 7).astype(np.float32)
    scores[:wrong] = np.roll(scores[:wrong], 1, axis=1)
    return predictions_of(scores, pictures, classes=pictures.classes, **more)


@pytest.mark.parametrize("name", ["answers.parquet", "answers.json"])
def test_predictions_come_back_as_they_were(drawn, tmp_path, name):
    made = answered(drawn(14), wrong=2, facts={"model_sha256": "abc"}, training=(drawn(14).hashes[:3], None))
    back = read_predictions(write_predictions(made, tmp_path / "deep" / name))
    assert (back.ids, back.truth, back.classes, back.seen) == (made.ids, made.truth, made.classes, made.seen)
    assert np.allclose(back.scores, made.scores) and back.facts["model_sha256"] == "abc"
    assert back.seen[:4] == ("exact", "exact", "exact", "") and back.called[0] != back.truth[0]


def test_pictures_of_which_it_is_not_known_are_null(drawn, tmp_path):
    assert read_predictions(write_predictions(answered(drawn(7)), tmp_path / "a.parquet")).seen == (None,) * 7


def test_another_ending_is_refused(drawn, tmp_path):
    with pytest.raises(FacsimError, match=r"expected one in .parquet or .json"):
        write_predictions(answered(drawn(7)), tmp_path / "a.csv")


@pytest.mark.parametrize(("name", "data"), [("a.json", b"{}"), ("a.parquet", b"PAR1"), ("a.json", b"\xff\xfe")])
def test_what_is_no_predictions_is_refused(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FormatError, match="holds no predictions"):
        read_predictions(tmp_path / name)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FormatError, match="holds no predictions"):
        read_predictions(tmp_path / "none.parquet")


def test_two_files_are_matched_by_name_whatever_their_order(drawn):
    pictures = drawn(70)
    shuffled = take(pictures, np.random.default_rng(0).permutation(70))
    found, n = compare_predictions(answered(pictures, wrong=14), answered(shuffled))
    assert n == 70 and found.differences["accuracy"].estimate.value == pytest.approx(0.2)
    assert (found.only_one_right, found.only_other_right) == (0, 14)


def test_pictures_that_either_has_seen_can_be_left_out(drawn):
    pictures = drawn(70)
    one = answered(pictures, wrong=14, training=(pictures.hashes[:7], None))
    other = answered(pictures, training=(pictures.hashes[7:14], None))
    found, n = compare_predictions(one, other, unseen=True)
    assert n == 56 and found.differences["accuracy"].estimate.value == 0.0


def test_predictions_of_other_pictures_are_refused(drawn):
    with pytest.raises(FacsimError, match="found predictions for 70 and 63 pictures, 7 of them in one file only"):
        compare_predictions(answered(drawn(70)), answered(drawn(63)))


def test_pictures_labelled_otherwise_are_refused(drawn):
    pictures = drawn(14)
    with pytest.raises(FacsimError, match="label otherwise"):
        compare_predictions(
            answered(pictures), answered(replace(pictures, targets=np.roll(pictures.targets, 1, axis=1)))
        )


def test_nothing_unseen_is_refused(drawn):
    made = answered(drawn(14), training=(drawn(14).hashes, None))
    with pytest.raises(FacsimError, match="no picture that neither model was trained on"):
        compare_predictions(made, made, unseen=True)

"""Files of leaks: what is left out by them, and what is no such file."""

import contextlib
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.errors import FacsimError, FormatError
from facsim.learn.data import Pictures
from facsim.learn.leak_file import leave_out, listed_rows, read_leaks


@pytest.fixture
def pictures():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (6, 8, 8), dtype=np.uint8)
    return Pictures(
        images=images,
        targets=np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]],
        classes=("anger", "fear"),
        ids=tuple("abcdef"),
        hashes=np.arange(6, dtype=np.uint64),
        origin="faces",
    )


def written(tmp_path, pairs, **more):
    file = tmp_path / "pairs.json"
    named = [{"training": training, "test": test} for training, test in pairs]
    file.write_text(json.dumps({"training": "train.zip", "test": "test.zip", "pairs": named, **more}))
    return file


def test_training_pictures_that_are_named_are_left_out_and_counted(tmp_path, pictures):
    kept = leave_out(pictures, read_leaks(written(tmp_path, [("b", "x"), ("e", "x"), ("gone", "y")])))
    assert kept.ids == tuple("acdf")
    assert kept.left_out == {"copy_of_test": 2}
    assert kept.fingerprint != pictures.fingerprint


def test_test_pictures_that_are_named_are_listed(tmp_path, pictures):
    rows = listed_rows(pictures, read_leaks(written(tmp_path, [("x", "b"), ("y", "b"), ("z", "f")])))
    assert np.flatnonzero(rows).tolist() == [1, 5]


def test_a_file_without_pairs_leaves_everything(tmp_path, pictures):
    leaks = read_leaks(written(tmp_path, []))
    assert leave_out(pictures, leaks) is pictures
    assert not listed_rows(pictures, leaks).any()


def test_a_file_of_other_sets_is_refused_by_name(tmp_path, pictures):
    leaks = read_leaks(written(tmp_path, [("x", "a")]))
    with pytest.raises(FacsimError, match=r"names 1 training pictures and none of faces: it compares train\.zip"):
        leave_out(pictures, leaks)


def test_a_split_of_the_set_that_was_compared_may_hold_no_copy(tmp_path, pictures):
    leaks = read_leaks(written(tmp_path, [("x", "y")]))
    assert leave_out(replace(pictures, origin="train.zip, split validation"), leaks).ids == pictures.ids
    assert not listed_rows(replace(pictures, origin="test.zip, split small"), leaks).any()
    with pytest.raises(FacsimError, match="names 1 test pictures and none of train"):
        listed_rows(replace(pictures, origin="train.zip, split validation"), leaks)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"\xff\xfe", b'{"pairs": []}', b'{"training": "a", "test": "b", "pairs": [1]}',
     b'{"training": "a", "test": "b", "pairs": [{"training": 3, "test": "b"}]}', b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_such_file_is_refused(tmp_path, content):
    (tmp_path / "pairs.json").write_bytes(content)
    with pytest.raises(FormatError, match="facsim leaks TRAIN TEST --out"):
        read_leaks(tmp_path / "pairs.json")


def test_no_file_is_refused(tmp_path):
    with pytest.raises(FormatError, match="holds no pairs"):
        read_leaks(tmp_path / "nowhere.json")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_mutated_files_are_read_or_refused(tmp_path_factory, data):
    good = json.dumps({"training": "a", "test": "b", "pairs": [{"training": "c", "test": "d"}]}).encode()
    at = data.draw(st.integers(0, len(good) - 1))
    mutated = good[:at] + data.draw(st.binary(max_size=3)) + good[at + data.draw(st.integers(0, 3)) :]
    file = tmp_path_factory.mktemp("leaks") / "pairs.json"
    file.write_bytes(mutated)
    with contextlib.suppress(FormatError):
        assert len(read_leaks(file).training_names) <= 1

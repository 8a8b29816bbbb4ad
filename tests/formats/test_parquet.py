"""Datasets as Parquet: ours read back, ours in Hugging Face, and Hugging Face's in ours."""

import contextlib
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.errors import FormatError
from facsim.formats import parquet
from facsim.formats.parquet import read_parquet, write_parquet
from facsim.formats.record import Record
from facsim.pictures import decode_picture, encode_png


def drawn(value):
    return encode_png(np.full((6, 5, 3), value, np.uint8))


def records(count=6, *, splits=(None,)):
    return [
        Record(
            name=f"{number:03d}.png",
            image=drawn(number),
            expression=("anger", "fear", None)[number % 3],
            split=splits[number % len(splits)],
            metadata={"AU12": number / 2, "landmarks": [[1.0, 2.0]], "source": "drawn"},
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("name", ["a.parquet", "folder"])
@pytest.mark.parametrize("splits", [(None,), ("train", "test"), ("fold-1", None)], ids=str)
def test_what_is_written_reads_back_equal(tmp_path, name, splits):
    made = records(splits=splits)
    write_parquet(made, tmp_path / name)
    assert sorted(read_parquet(tmp_path / name), key=lambda record: record.name) == made


def test_the_same_records_give_the_same_bytes(tmp_path):
    write_parquet(records(), tmp_path / "a.parquet")
    write_parquet(records(), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_row_groups_stay_under_32_mb_and_pictures_are_not_compressed(tmp_path):
    noise = np.random.default_rng(0)
    made = [Record(name=str(n), image=noise.bytes(9 << 20)) for n in range(5)]
    write_parquet(made, tmp_path / "a.parquet")
    found = pq.ParquetFile(tmp_path / "a.parquet").metadata
    groups = [found.row_group(place) for place in range(found.num_row_groups)]
    assert [group.num_rows for group in groups] == [2, 2, 1]
    assert all(group.total_byte_size < 32 << 20 for group in groups)
    assert groups[0].column(0).path_in_schema == "image.bytes" and groups[0].column(0).compression == "UNCOMPRESSED"


def test_a_folder_goes_on_with_another_file_when_one_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_FILE_BYTES", 400)
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 1)
    write_parquet(records(), tmp_path / "a")
    assert sorted(os.listdir(tmp_path / "a"))[:2] == ["train-00000.parquet", "train-00001.parquet"]
    assert list(read_parquet(tmp_path / "a")) == records()


def test_hugging_face_shows_pictures_and_names(tmp_path):
    datasets = pytest.importorskip("datasets")
    write_parquet(records(), tmp_path / "a.parquet")
    found = datasets.load_dataset("parquet", data_files=str(tmp_path / "a.parquet"), cache_dir=str(tmp_path / "c"))[
        "train"
    ]
    assert isinstance(found.features["image"], datasets.Image) and found.features["expression"].dtype == "string"
    for row, record in zip(found, records(), strict=True):
        assert np.array_equal(np.array(row["image"]), decode_picture(record.image).array)
        assert (row["expression"], row["AU12"], row["landmarks"]) == (
            record.expression,
            record.metadata["AU12"],
            [[1.0, 2.0]],
        )


def test_hugging_face_shows_the_splits_of_a_folder(tmp_path):
    datasets = pytest.importorskip("datasets")
    write_parquet(records(splits=("train", "test", "train")), tmp_path / "a")
    found = datasets.load_dataset(str(tmp_path / "a"), cache_dir=str(tmp_path / "c"))
    assert {split: len(rows) for split, rows in found.items()} == {"train": 4, "test": 2}


def test_what_hugging_face_writes_with_class_labels_is_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["happy", "angry"])})
    rows = {"image": [{"bytes": drawn(1), "path": "x/1.png"}, {"bytes": drawn(2), "path": None}], "label": [1, 0]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(str(tmp_path / "a.parquet"))
    found = list(read_parquet(tmp_path / "a.parquet"))
    assert [(record.name, record.expression) for record in found] == [("x/1.png", "anger"), ("0000001", "happiness")]
    assert [record.image for record in found] == [drawn(1), drawn(2)]


IMAGE = pa.array([{"bytes": b"x", "path": "a.png"}], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
NO_BYTES = pa.array([{"bytes": None, "path": "/data/a.png"}], IMAGE.type)


@pytest.mark.parametrize(
    "columns, words",
    [
        ({"picture": IMAGE}, "expected a column image"),
        ({"image": ["a.png"]}, "expected a column image"),
        ({"image": NO_BYTES}, "row 1: the picture is not in the file.*/data/a.png"),
        ({"image": IMAGE, "label": [3]}, "row 1: expression 3 is an index without class names"),
        ({"image": IMAGE, "expression": ["hapy"]}, 'row 1: .*Did you mean "happiness"'),
        ({"image": IMAGE, "name": ["../a.png"]}, "row 1: .*leads out"),
        ({"image": IMAGE, "name": [3]}, "row 1"),
        ({"image": IMAGE, "split": [3]}, "row 1"),
    ],
)
def test_other_tables_are_refused(tmp_path, columns, words):
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(FormatError, match=words):
        list(read_parquet(tmp_path / "a.parquet"))


def test_class_names_that_are_no_expressions_are_refused(tmp_path):
    features = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}}}
    table = pa.table({"image": IMAGE, "label": [0]}).replace_schema_metadata({"huggingface": json.dumps(features)})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(FormatError, match="cat"):
        list(read_parquet(tmp_path / "a.parquet"))


def test_pictures_as_bytes_alone_are_read(tmp_path):
    pq.write_table(pa.table({"image": pa.array([b"x"], pa.binary())}), tmp_path / "a.parquet")
    assert list(read_parquet(tmp_path / "a.parquet")) == [Record(name="0000000", image=b"x")]


@pytest.mark.parametrize(
    "made, words",
    [
        ([], "no record"),
        ([Record(name="a", image=b"x"), Record(name="a", image=b"y")], 'two records have the name "a"'),
        ([Record(name="a", image=b"x", expression="happy")], "'happy'"),
        ([Record(name="a", image=b"x", metadata={"label": 1})], "label"),
        ([Record(name="a", image=b"x", metadata={"score": object()})], "score"),
    ],
)
def test_records_that_do_not_fit_are_refused(tmp_path, made, words):
    with pytest.raises(FormatError, match=words):
        write_parquet(made, tmp_path / "a.parquet")
    assert os.listdir(tmp_path) == []


def test_metadata_that_changes_its_keys_between_groups_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 1)
    made = [Record(name="a", image=b"x", metadata={"p": 1}), Record(name="b", image=b"x", metadata={"q": 1})]
    with pytest.raises(FormatError, match=r"key.* q"):
        write_parquet(made, tmp_path / "a.parquet")
    schema = pa.schema([("p", pa.int32()), ("q", pa.int64())])
    write_parquet(made, tmp_path / "a.parquet", metadata_schema=schema)
    assert list(read_parquet(tmp_path / "a.parquet")) == made


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"x" * 50 + b"PAR1")
    with pytest.raises(FormatError, match="not Parquet"):
        list(read_parquet(tmp_path / "a.parquet"))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=3)), min_size=1, max_size=5))
def test_damaged_files_are_refused_or_read(tmp_path_factory, edits):
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    if not path.with_suffix(".whole.parquet").exists():
        write_parquet(records(), path.with_suffix(".whole.parquet"))
    data = bytearray(path.with_suffix(".whole.parquet").read_bytes())
    for place, patch in edits:
        start = place % len(data)
        data[start : start + len(patch)] = patch
    path.write_bytes(bytes(data))
    with contextlib.suppress(FormatError):
        assert all(isinstance(record, Record) for record in read_parquet(path))

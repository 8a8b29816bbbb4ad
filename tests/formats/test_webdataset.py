"""WebDataset shards: what is written is read, and what others write is read without guessing."""

import io
import json
import tarfile

import pytest

from facsim.errors import FormatError
from facsim.formats import Record, index_records, read_records, write_records


def shard(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def held(records):
    return sorted((r.name, r.image, r.expression, r.split, tuple(sorted(r.metadata.items()))) for r in records)


@pytest.mark.parametrize("name", ["one.tar", "shards"])
def test_what_is_written_is_read(tmp_path, noise, name):
    made = [
        Record(name=f"a/{i}.png", image=noise(i), expression=label, split="train", metadata={"age": i})
        for i, label in enumerate(["anger", None, "contempt"])
    ]
    write_records(made, tmp_path / name, format="webdataset")
    assert held(read_records(tmp_path / name)) == held(made)


def test_the_same_records_give_the_same_bytes(tmp_path, noise):
    for name in ("a.tar", "b.tar"):
        write_records([Record(name="x.png", image=noise(0))], tmp_path / name, format="webdataset")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_a_class_index_means_nothing_without_names(tmp_path, noise):
    place = shard(tmp_path / "a.tar", {"000.jpg": noise(0), "000.cls": b"3"})
    (found,) = index_records(place)
    assert found.expression is None and found.metadata == {"dataset_class": "3"}


def test_a_class_index_is_named_by_the_list_beside_the_shards(tmp_path, noise):
    shard(tmp_path / "in/train-000000.tar", {"000.jpg": noise(0), "000.cls": b"1"})
    (tmp_path / "in/classnames.txt").write_text("happy\nsad\n")
    (found,) = index_records(tmp_path / "in")
    assert (found.expression, found.split) == ("sadness", "train")


def test_an_index_beyond_the_names_is_refused(tmp_path, noise):
    shard(tmp_path / "in/train-000000.tar", {"000.jpg": noise(0), "000.cls": b"7"})
    (tmp_path / "in/classnames.txt").write_text("happy\nsad\n")
    with pytest.raises(FormatError, match="class 7; expected 0 to 1"):
        list(index_records(tmp_path / "in"))


def test_a_label_in_json_is_an_expression_and_the_rest_metadata(tmp_path, noise):
    note = json.dumps({"label": "Angry", "url": "x"}).encode()
    (found,) = index_records(shard(tmp_path / "a.tar", {"d/000.jpg": noise(0), "d/000.json": note}))
    assert found.expression == "anger" and found.metadata == {"url": "x"} and found.name == "d/000.jpg"


def test_a_caption_is_metadata_and_no_label(tmp_path, noise):
    (found,) = index_records(
        shard(tmp_path / "a.tar", {"0.jpg": noise(0), "0.txt": b"a smiling man"}), format="webdataset"
    )
    assert found.expression is None and found.metadata["dataset_class"] == "a smiling man"


@pytest.mark.parametrize(
    "files, words",
    [
        ({"a.cls": b"1"}, "expected one picture"),
        ({"a.jpg": b"x", "a.png": b"y", "a.cls": b"1"}, "expected one picture"),
        ({"a.jpg": b"x", "a.json": b"{"}, "cannot be read"),
        ({"a.jpg": b"x", "a.json": b"[1]"}, "expected an object"),
        ({"a.jpg": b"x", "a.json": b'{"expression": "bliss"}'}, "bliss"),
        ({"a.jpg": b"x", "a.cls": b"\xff"}, "not UTF-8"),
        ({"noend": b"x"}, "no key and suffix"),
    ],
)
def test_the_sample_at_fault_is_named(tmp_path, files, words):
    with pytest.raises(FormatError, match=words):
        list(index_records(shard(tmp_path / "a.tar", files), format="webdataset"))


def test_two_records_of_one_key_are_not_written(tmp_path, noise):
    made = [Record(name="a/b.png", image=noise(0)), Record(name="a-b.png", image=noise(1))]
    with pytest.raises(FormatError, match='the key "a-b"'):
        write_records(made, tmp_path / "a.tar", format="webdataset")
    assert not (tmp_path / "a.tar").exists()


def test_a_class_folder_with_notes_beside_its_pictures_is_not_guessed(tmp_path, noise):
    place = shard(tmp_path / "a.tar", {"happy/0.jpg": noise(0), "happy/0.json": b"{}"})
    with pytest.raises(FormatError, match=r"class_folder \(.*\) or webdataset"):
        list(index_records(place))

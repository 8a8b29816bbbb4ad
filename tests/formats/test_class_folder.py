"""Class folders: what other people's look like, what ours look like, and both read back."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.errors import FormatError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.formats.class_folder import read_class_folder, survey_class_folder, write_class_folder
from facsim.formats.record import Record
from facsim.pictures import decode_picture, encode_picture, encode_png

KINDS = ["folder", "a.zip", "a.tar", "a.tar.gz"]


def drawn(value):
    return encode_png(np.full((6, 5, 3), value, np.uint8))


def records(*, splits=(None,)):
    """Two pictures for each of three classes in each split, with metadata of several types."""
    return [
        Record(
            name="/".join(part for part in (split, expression, f"{number}.png") if part),
            image=drawn(40 * number + place),
            expression=expression,
            split=split,
            metadata={"AU12": 2.5 * number, "identity_id": f"i{number}", "landmarks": [1.0, 2.0 + place]},
        )
        for split in splits
        for place, expression in enumerate(("anger", "happiness", "surprise"))
        for number in range(2)
    ]


def tree(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(drawn(1))
    return root


def by_name(found):
    return sorted(found, key=lambda record: record.name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("splits", [(None,), ("train", "val"), ("fold1",), (None, "test")], ids=str)
def test_what_is_written_reads_back_equal(tmp_path, kind, splits):
    write_class_folder(records(splits=splits), tmp_path / kind)
    assert by_name(read_class_folder(tmp_path / kind)) == by_name(records(splits=splits))


@pytest.mark.parametrize("kind", KINDS[1:])
def test_archives_are_the_same_bytes_for_the_same_records(tmp_path, kind):
    write_class_folder(records(), tmp_path / kind)
    (tmp_path / "again").mkdir()
    write_class_folder(reversed(records()), tmp_path / "again" / kind, metadata=[{"row": 1}] * 6)
    write_class_folder(records(), tmp_path / "again" / f"b{kind}")
    first = (tmp_path / kind).read_bytes()
    assert first == (tmp_path / "again" / f"b{kind}").read_bytes() != (tmp_path / "again" / kind).read_bytes()


def test_archives_hold_no_trace_of_this_machine(tmp_path):
    write_class_folder(records(), tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert {(info.mtime, info.uid, info.uname, info.mode) for info in archive} == {(0, 0, "", 0o644)}
        assert archive.getnames() == ["metadata.parquet", *sorted(record.name for record in records())]


def test_the_metadata_table_starts_with_the_file_name(tmp_path):
    write_class_folder(records(), tmp_path / "a")
    table = pq.read_table(tmp_path / "a" / "metadata.parquet")
    assert table.column_names == ["file_name", "expression", "AU12", "identity_id", "landmarks"]
    assert table["file_name"][0].as_py() == "anger/0.png"


@pytest.mark.parametrize(
    "given", [[{"score": 1}] * 6, pa.table({"score": pa.array([1] * 6, pa.int8())})], ids=["rows", "table"]
)
def test_metadata_given_apart_is_written_instead(tmp_path, given):
    write_class_folder(records(), tmp_path / "a", metadata=given)
    assert [dict(record.metadata) for record in read_class_folder(tmp_path / "a")] == [{"score": 1}] * 6


def test_arrow_types_given_apart_are_kept(tmp_path):
    write_class_folder(records(), tmp_path / "a", metadata=pa.table({"score": pa.array([1] * 6, pa.int8())}))
    assert pq.read_schema(tmp_path / "a" / "metadata.parquet").field("score").type == pa.int8()


@pytest.mark.parametrize(
    "metadata, words",
    [
        ([{"a": 1}] * 5, "5 rows for 6 records"),
        ([{"file_name": "x"}] * 6, "file_name"),
        (pa.table({"split": ["x"] * 6}), "split"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(tmp_path, metadata, words):
    with pytest.raises(FormatError, match=words):
        write_class_folder(records(), tmp_path / "a", metadata=metadata)


def test_metadata_of_mixed_types_is_refused_by_key(tmp_path):
    rows = [{"score": 1}, {"score": "one"}] * 3
    with pytest.raises(FormatError, match="score"):
        write_class_folder(records(), tmp_path / "a", metadata=rows)


def test_hugging_face_reads_the_folder_with_its_metadata(tmp_path):
    datasets = pytest.importorskip("datasets")
    write_class_folder(records(), tmp_path / "a")
    found = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "a"), cache_dir=str(tmp_path / "c"))["train"]
    rows = {(row["expression"], row["identity_id"]): row for row in found}
    for record in records():
        row = rows[record.expression, record.metadata["identity_id"]]
        assert np.array_equal(np.array(row["image"]), decode_picture(record.image).array)
        assert row["AU12"] == record.metadata["AU12"] and row["landmarks"] == record.metadata["landmarks"]


@pytest.mark.parametrize("name", ["a", "a/data.zip"])
def test_hugging_face_reads_splits_and_archives(tmp_path, name):
    datasets = pytest.importorskip("datasets")
    is_archive = name.endswith("zip")
    write_class_folder(records(splits=(None,) if is_archive else ("train", "test")), tmp_path / name)
    found = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "a"), cache_dir=str(tmp_path / "c"))
    assert {split: len(rows) for split, rows in found.items()} == (
        {"train": 6} if is_archive else {"train": 6, "test": 6}
    )
    assert {"image", "expression", "AU12", "landmarks"} <= set(found["train"].column_names)


def test_a_folder_appears_only_when_it_is_whole(tmp_path):
    def breaking():
        yield records()[0]
        assert not (tmp_path / "a").exists()
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_class_folder(breaking(), tmp_path / "a")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_there_is_not_overwritten_unasked(tmp_path, kind):
    write_class_folder(records(), tmp_path / kind)
    with pytest.raises(FormatError, match="already"):
        write_class_folder(records()[:1], tmp_path / kind)
    assert len(list(read_class_folder(tmp_path / kind))) == 6
    write_class_folder(records()[:1], tmp_path / kind, overwrite=True)
    assert list(read_class_folder(tmp_path / kind)) == records()[:1] and os.listdir(tmp_path) == [kind]


def test_names_are_made_to_fit_the_layout(tmp_path):
    names = ["train/angry/x.jpg", "data/set/x.jpg", "y"]
    made = [Record(name=name, image=drawn(9), expression="anger", split="train") for name in names]
    write_class_folder(made, tmp_path / "a")
    assert [record.name for record in read_class_folder(tmp_path / "a")] == [
        "train/anger/data-set-x.jpg",
        "train/anger/x.jpg",
        "train/anger/y.png",
    ]


@pytest.mark.parametrize(
    "record, words",
    [
        (Record(name="x.png", image=drawn(0)), "expression None"),
        (Record(name="x.png", image=drawn(0), expression="happy"), "'happy'"),
        (Record(name="happy/0.png", image=drawn(0), expression="happiness"), "two records"),
        (Record(name="notes", image=b"text", expression="anger"), "not a picture"),
        (Record(name="._x.png", image=drawn(0), expression="anger"), "readers ignore"),
    ],
)
def test_records_that_cannot_be_placed_are_refused_by_name(tmp_path, record, words):
    first = Record(name="0.png", image=drawn(0), expression="happiness")
    with pytest.raises(FormatError, match=words):
        write_class_folder([first, record], tmp_path / "a")


def test_no_records_are_refused(tmp_path):
    with pytest.raises(FormatError, match="no record"):
        write_class_folder([], tmp_path / "a.zip")
    assert os.listdir(tmp_path) == []


# as found in the wild


@pytest.mark.parametrize(
    "names, splits",
    [
        (["angry/a.png", "happy/b.png"], {None}),
        (["faces/angry/a.png", "faces/happy/b.png"], {None}),
        (["publictest/angry/a.png", "publictest/happy/b.png"], {"publictest"}),
        (["x/Train/angry/a.png", "x/Val/happy/b.png"], {"Train", "Val"}),
        (["fold1/angry/a.png", "fold2/happy/b.png"], {"fold1", "fold2"}),
    ],
)
def test_splits_and_leading_folders_are_told_apart(tmp_path, names, splits):
    found = list(read_class_folder(tree(tmp_path / "a", *names)))
    assert {record.split for record in found} == splits and [record.name for record in found] == names
    assert [record.expression for record in found] == ["anger", "happiness"]


def test_mixed_spellings_are_read_and_reported(tmp_path):
    root = tree(tmp_path / "a", "happy/1.png", "Happiness/2.png", "0_surprise/3.png", "Suprised/4.png")
    assert survey_class_folder(root).spellings() == {
        "happiness": {"Happiness": 1, "happy": 1},
        "surprise": {"0_surprise": 1, "Suprised": 1},
    }


def test_all_unknown_class_folders_are_named_at_once_with_the_nearest(tmp_path):
    root = tree(tmp_path / "a", "hapiness/1.png", "anger/2.png", "3/3.png", "Angre/4.png")
    with pytest.raises(FormatError) as caught:
        read_class_folder(root)
    message = str(caught.value)
    assert "3 class folder(s)" in message and '"anger"' in message and '"happiness"' in message and '"3"' in message


@pytest.mark.parametrize(
    "names, words",
    [
        (["README.txt"], "no pictures"),
        (["a.png", "happy/b.png"], '"a.png".*no class folder'),
        (["x/train/s1/happy/a.png", "x/train/s2/happy/b.png"], "too deep"),
    ],
)
def test_other_layouts_are_refused(tmp_path, names, words):
    with pytest.raises(FormatError, match=words):
        read_class_folder(tree(tmp_path / "a", *names))


def test_files_that_are_known_not_to_matter_are_ignored(tmp_path):
    ignored = [
        "README.md",
        "LICENSE",
        ".DS_Store",
        "anger/Thumbs.db",
        "labels.csv",
        "__MACOSX/anger/._1.png",
        "anger/._1.png",
    ]
    root = tree(tmp_path / "a", "anger/1.png", "anger/readme.png", *ignored)
    survey = survey_class_folder(root)
    assert sorted(survey.ignored) == sorted(ignored) and set(survey.placements) == {"anger/1.png", "anger/readme.png"}


def test_other_files_are_kept_as_they_are(tmp_path):
    root = tree(tmp_path / "a", "anger/1.png")
    (root / "anger" / "half.png").write_bytes(b"\x89PNG")
    (root / "anger" / "video.mp4").write_bytes(b"mp4")
    assert {record.name: record.image[:4] for record in read_class_folder(root)} == {
        "anger/1.png": b"\x89PNG",
        "anger/half.png": b"\x89PNG",
        "anger/video.mp4": b"mp4",
    }


def foreign_metadata(tmp_path, **columns):
    root = tree(tmp_path / "a", "anger/1.png", "fear/2.png")
    pq.write_table(pa.table(columns), root / "metadata.parquet")
    return root


def test_a_table_that_misses_pictures_gives_them_no_metadata(tmp_path):
    root = foreign_metadata(tmp_path, file_name=["fear/2.png"], AU04=[1.5])
    assert [dict(record.metadata) for record in read_class_folder(root)] == [{}, {"AU04": 1.5}]


@pytest.mark.parametrize(
    "columns, words",
    [
        ({"name": ["anger/1.png"]}, "no column file_name"),
        ({"file_name": ["anger/3.png"]}, "anger/3.png.*not there"),
        ({"file_name": ["anger/1.png"] * 2}, "second row"),
        ({"file_name": ["anger/1.png"] * 9}, "9 rows for 2 pictures"),
        ({"file_name": ["anger/1.png"], "expression": ["fear"]}, "make the two agree"),
    ],
)
def test_metadata_that_does_not_match_the_pictures_is_refused(tmp_path, columns, words):
    with pytest.raises(FormatError, match=words):
        list(read_class_folder(foreign_metadata(tmp_path, **columns)))


def test_a_damaged_metadata_table_is_refused(tmp_path):
    root = tree(tmp_path / "a", "anger/1.png")
    (root / "metadata.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(FormatError, match=r"metadata\.parquet in .* cannot be read"):
        read_class_folder(root)


def test_metadata_that_is_not_text_is_refused_before_the_first_record(tmp_path):
    wrong = pa.array([b"ang\xe5", b"fear"], pa.binary()).view(pa.string())
    root = foreign_metadata(tmp_path, file_name=["anger/1.png", "fear/2.png"], note=wrong)
    with pytest.raises(FormatError, match="cannot be read"):
        read_class_folder(root)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8), min_size=1, max_size=4),
    st.binary(max_size=8),
)
def test_any_names_in_an_archive_are_refused_or_read(tmp_path_factory, parts, data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("/".join(parts) or "-", data)
    path = tmp_path_factory.getbasetemp() / "any.zip"
    path.write_bytes(file.getvalue())
    try:
        assert all(record.expression in EIGHT_EXPRESSIONS for record in read_class_folder(path))
    except FormatError as error:
        assert "any.zip" in str(error)


def test_fer2013_reads_as_classes_and_split():
    shared = Path(os.environ.get("FACSIM_SHARED") or Path(__file__).parents[3] / "shared")
    place = shared / "data" / "fer2013" / "publictest.zip"
    if not place.exists():
        pytest.skip(f"no FER2013 at {place}; set FACSIM_SHARED to the folder that holds data/")
    found = list(read_class_folder(place))
    assert len(found) == 3589 and {record.split for record in found} == {"publictest"}
    assert sum(record.expression == "happiness" for record in found) == 895  # PublicTest's, as published
    assert decode_picture(found[0].image).array.shape == (48, 48, 3)


def test_pictures_are_not_compressed_again(tmp_path):
    image = encode_picture(np.zeros((200, 200, 3), np.uint8))
    write_class_folder([Record(name="a.webp", image=image, expression="fear")], tmp_path / "a.zip")
    assert next(read_class_folder(tmp_path / "a.zip")).image == image

"""facsim.formats.places: an index says where pictures lie, and only what was listed is read."""

import contextlib
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facsim.errors import FormatError
from facsim.formats import Record, index_records, read_records, write_records
from facsim.formats.places import Container, Place, PlaceReader, container_at
from facsim.pictures import encode_png

SOURCES = [
    ("folder", "class_folder"),
    ("faces.zip", "class_folder"),
    ("faces.tar", "class_folder"),
    ("faces.tar.gz", "class_folder"),
    ("faces.parquet", "parquet"),
    ("tables", "parquet"),
    ("fer2013.csv", "fer2013"),
]


def drawn_records(count=40):
    rng = np.random.default_rng(0)
    places = [("train", "anger"), ("test", "fear")]
    return [
        Record(
            name=f"{places[i % 2][0]}/{places[i % 2][1]}/{i}.png",
            image=encode_png(rng.integers(0, 256, (48, 48), dtype=np.uint8)),
            expression=places[i % 2][1],
            split=places[i % 2][0],
            metadata={"skin_tone_monk": i % 10 + 1},
        )
        for i in range(count)
    ]


@pytest.fixture(params=SOURCES, ids=[name for name, _ in SOURCES])
def source(request, tmp_path):
    name, form = request.param
    write_records(drawn_records(), tmp_path / name, format=form)
    return tmp_path / name


def fields_of(record):
    return record.name, record.expression, record.split, dict(record.metadata), record.image


def test_an_index_holds_what_reading_gives_in_the_same_order(source):
    assert [fields_of(r) for r in index_records(source)] == [fields_of(r) for r in read_records(source)]


def test_places_can_be_read_in_any_order_by_one_reader_and_in_another_process(source):
    records = list(index_records(source))
    expected = [record.image for record in read_records(source)]
    places = pickle.loads(pickle.dumps([record.place for record in records]))
    with PlaceReader() as reader:
        for row in np.random.default_rng(1).permutation(len(records)):
            assert reader.read(places[row]) == expected[row]


def test_a_deflated_zip_is_read_where_it_lies(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("anger/a.png", b"A" * 5000)
    (record,) = index_records(tmp_path / "a.zip")
    assert record.place.kind == "deflated" and record.place.length < 100 and record.image == b"A" * 5000


def test_indexing_opens_no_picture(tmp_path, monkeypatch):
    write_records(drawn_records(), tmp_path / "folder", format="class_folder")
    (tmp_path / "folder" / "train" / "anger" / "0.png").chmod(0)
    monkeypatch.setattr("facsim.formats.tree._file_bytes", lambda path: (_ for _ in ()).throw(AssertionError(path)))
    (tmp_path / "folder" / "train" / "metadata.parquet").unlink()
    (tmp_path / "folder" / "test" / "metadata.parquet").unlink()
    assert len(list(index_records(tmp_path / "folder"))) == 40


def test_a_file_that_vanishes_after_the_listing_is_an_error(tmp_path):
    write_records(drawn_records(), tmp_path / "folder", format="class_folder")
    record = next(iter(index_records(tmp_path / "folder")))
    os.unlink(record.place.container.path)
    with pytest.raises(FormatError, match="cannot be read"):
        _ = record.image


def test_a_file_that_changes_after_the_listing_is_refused(source):
    record = next(iter(index_records(source)))
    with open(record.place.container.path, "ab") as file:
        file.write(b"more")
    with pytest.raises(FormatError, match="has changed since it was listed"):
        _ = record.image


def test_a_replaced_file_of_the_same_size_and_time_of_writing_is_refused(tmp_path):
    write_records(drawn_records(), tmp_path / "faces.zip", format="class_folder")
    record = next(iter(index_records(tmp_path / "faces.zip")))
    before = os.stat(tmp_path / "faces.zip")
    other = (tmp_path / "faces.zip").read_bytes()[::-1]
    (tmp_path / "faces.zip").write_bytes(other)
    os.utime(tmp_path / "faces.zip", ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(FormatError, match="has changed since it was listed"):
        _ = record.image


def test_a_zip_with_a_bad_checksum_is_an_error(tmp_path):
    write_records(drawn_records(), tmp_path / "faces.zip", format="class_folder")
    place = [record.place for record in index_records(tmp_path / "faces.zip")][3]
    data = bytearray((tmp_path / "faces.zip").read_bytes())
    data[place.start + 200] ^= 1
    (tmp_path / "faces.zip").write_bytes(data)
    record = list(index_records(tmp_path / "faces.zip"))[3]
    with pytest.raises(FormatError, match="do not match the zip's size"):
        _ = record.image


def test_a_member_that_unpacks_to_more_than_the_zip_says_is_not_unpacked_further(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("anger/a.png", bytes(50_000_000))
    data = bytearray((tmp_path / "a.zip").read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 1000)
    (tmp_path / "a.zip").write_bytes(data)
    (record,) = index_records(tmp_path / "a.zip")
    with pytest.raises(FormatError, match="1001 bytes that do not match"):
        _ = record.image


def test_a_csv_row_with_bad_pixels_is_named_when_it_is_read(tmp_path):
    path = tmp_path / "fer2013.csv"
    path.write_text("emotion,pixels,Usage\n0," + "1 " * 2303 + "300,Training\n")
    (record,) = index_records(path)
    with pytest.raises(FormatError, match="pixels are not whole numbers"):
        _ = record.image


def test_a_csv_with_quotes_crlf_and_a_byte_order_mark_is_indexed(tmp_path):
    path = tmp_path / "fer2013.csv"
    row = '"' + " ".join(["7"] * 2304) + '"'
    path.write_bytes(f"\ufeffUsage,pixels,emotion\r\nTraining,{row},3\r\nPublicTest,{row},0\r\n".encode())
    assert [fields_of(r) for r in index_records(path)] == [fields_of(r) for r in read_records(path)]


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    """Every kind of container there is, each with the places in it."""
    folder = tmp_path_factory.mktemp("blobs")
    found = []
    for name, form in SOURCES:
        write_records(drawn_records(6), folder / name, format=form)
        places = [record.place for record in index_records(folder / name)]
        found.append((places[0].container.path, places))
    return found


numbers = st.integers(-(2**40), 2**66) | st.integers(-3, 70_000)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_place_in_any_file_gives_bytes_or_a_format_error(blobs, tmp_path, data):
    path, places = data.draw(st.sampled_from(blobs))
    spoilt = bytearray(Path(path).read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(spoilt) - 1), max_size=8)):
        spoilt[at] ^= data.draw(st.integers(1, 255))
    (tmp_path / "spoilt").write_bytes(spoilt[: data.draw(st.integers(0, len(spoilt)) | st.just(len(spoilt)))])
    known = data.draw(st.sampled_from(places))
    place = Place(
        container=container_at(tmp_path / "spoilt"),
        kind=data.draw(
            st.sampled_from(["bytes", "stored", "deflated", "gzip", "parquet", "fer2013"]) | st.just(known.kind)
        ),
        start=data.draw(numbers | st.just(known.start)),
        length=data.draw(st.integers(-3, 70_000) | st.just(known.length)),
        extra=data.draw(st.just(known.extra) | st.lists(numbers, max_size=3).map(tuple)),
    )
    with PlaceReader() as reader, contextlib.suppress(FormatError):
        assert isinstance(reader.read(place), bytes)


def test_a_container_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        container_at(tmp_path / "nowhere")


def test_a_url_is_read_by_its_file_system_and_its_version_checked():
    import fsspec

    fs = fsspec.filesystem("memory")
    fs.pipe_file("/places/anger/a.png", b"first")
    try:
        (record,) = index_records("memory://places")
        assert record.image == b"first" and isinstance(record.place.container, Container)
        fs.pipe_file("/places/anger/a.png", b"other")
        with pytest.raises(FormatError, match="has changed"):
            _ = record.image
    finally:
        fs.rm("/places", recursive=True)

"""RecordIO without mxnet: records in parts, records of labels alone, and the first byte that is wrong."""

import struct

import pytest

from facsim.errors import FormatError
from facsim.formats import index_records

MAGIC = struct.pack("<I", 0xCED7230A)


def test_a_record_cut_at_the_magic_is_joined_again(tmp_path, recordio, files_written):
    data = b"\x89PNG" + MAGIC + b"1234" + MAGIC + MAGIC + b"end"
    files_written(tmp_path / "in", {"record/file.rec": recordio(3.0, 0, data, cut=True) + recordio(4.0, 1, b"whole")})
    found = list(index_records(tmp_path / "in", "dcface"))
    assert [record.image for record in found] == [data, b"whole"]
    assert [record.metadata["identity_id"] for record in found] == ["3", "4"]


def test_a_record_of_labels_alone_is_no_picture(tmp_path, recordio, files_written):
    labels = struct.pack("<IfQQ", 2, 0.0, 0, 0) + struct.pack("<2f", 5.0, 9.0)
    first = MAGIC + struct.pack("<I", len(labels)) + labels
    files_written(tmp_path / "in", {"file.rec": first + recordio(1.0, 1, b"picture!")})
    assert [record.image for record in index_records(tmp_path / "in", "dcface")] == [b"picture!"]


def test_several_labels_stand_before_the_picture(tmp_path, files_written):
    payload = struct.pack("<IfQQ", 2, 0.0, 0, 0) + struct.pack("<2f", 7.0, 9.0) + b"face"
    files_written(tmp_path / "in", {"file.rec": MAGIC + struct.pack("<I", len(payload)) + payload})
    (found,) = index_records(tmp_path / "in", "dcface")
    assert found.image == b"face" and found.metadata["identity_id"] == "7"


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda data: b"\0" + data[1:], "byte 0: 0x.*; expected RecordIO's magic 0xced7230a"),
        (lambda data: data[:-4], "ends beyond the file"),
        (lambda data: data[:4] + struct.pack("<I", 2 << 29 | 4) + data[8:], "a part with flag 2"),
        (lambda data: data[:8] + struct.pack("<I", 5000) + data[12:], "announces 5000 labels"),
        (lambda data: b"", "holds no picture"),
    ],
)
def test_the_first_byte_that_is_wrong_is_named(tmp_path, recordio, files_written, spoil, words):
    files_written(tmp_path / "in", {"file.rec": spoil(recordio(1.0, 0, b"picture!"))})
    with pytest.raises(FormatError, match=words):
        list(index_records(tmp_path / "in", "dcface"))


def test_an_index_that_leads_elsewhere_is_refused(tmp_path, recordio, files_written):
    files_written(tmp_path / "in", {"file.rec": recordio(1.0, 0, b"picture!"), "file.idx": "0\t4\n"})
    with pytest.raises(FormatError, match="byte 4"):
        list(index_records(tmp_path / "in", "dcface"))


def test_a_rec_in_a_tar_is_read_where_it_lies_and_in_a_zip_refused(tiny_set, packed):
    place = tiny_set("dcface")
    expected = [record.image for record in index_records(place, "dcface")]
    assert [record.image for record in index_records(packed(place, "tar"), "dcface")] == expected
    with pytest.raises(FormatError, match="unpack it"):
        list(index_records(packed(place, "zip"), "dcface"))

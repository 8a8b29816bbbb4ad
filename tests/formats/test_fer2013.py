"""FER2013's CSV, made here: gradients, no faces."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.errors import FormatError
from facsim.formats.fer2013 import fer2013_picture, read_fer2013, write_fer2013
from facsim.formats.record import Record
from facsim.pictures import decode_picture, encode_png

GREY = (np.arange(48 * 48) % 256).astype(np.uint8).reshape(48, 48)
PIXELS = " ".join(map(str, GREY.ravel()))


def csv(tmp_path, *rows, header="emotion,pixels,Usage"):
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_rows_become_records_in_fer2013s_order(tmp_path):
    rows = [f"{index},{PIXELS},Training" for index in range(7)]
    found = list(read_fer2013(csv(tmp_path, *rows)))
    names = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    assert [record.expression for record in found] == names and found[6].name == "fer0000006.png"
    assert np.array_equal(decode_picture(found[0].image).array, np.repeat(GREY[:, :, None], 3, axis=2))


def test_columns_may_stand_in_another_order_with_blanks(tmp_path):
    path = csv(tmp_path, f"3, PublicTest,{PIXELS}", header="emotion, Usage, pixels")
    assert [(record.expression, record.split) for record in read_fer2013(path)] == [("happiness", "PublicTest")]


@pytest.mark.parametrize(
    "row, words",
    [
        (f"7,{PIXELS},Training", "class '7'"),
        (f"happy,{PIXELS},Training", "class 'happy'"),
        (f"-1,{PIXELS},Training", "class '-1'"),
        (f"3,{PIXELS},Trainning", 'Did you mean "Training"'),
        (f"3,{PIXELS} 0,Training", "2305 pixels; expected 2304"),
        ("3,,Training", "0 pixels"),
        (f"3,{PIXELS[:-3]}256,Training", "0 to 255"),
        (f"3,{PIXELS[:-3]}1.5,Training", "0 to 255"),
        (f"3,{PIXELS}", "2 cells; expected 3"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, row, words):
    with pytest.raises(FormatError, match=f"row 2: .*{words}"):
        list(read_fer2013(csv(tmp_path, f"0,{PIXELS},Training", row)))


@pytest.mark.parametrize("header", ["", "emotion,pixels", "a,b,c", "emotion,pixels,Usage,Usage"])
def test_a_wrong_header_is_refused(tmp_path, header):
    with pytest.raises(FormatError, match="header"):
        list(read_fer2013(csv(tmp_path, header=header)))


@pytest.mark.parametrize(
    "data", [b"emotion,pixels,Usage\n3,\xff\xfe,Training", b'emotion,pixels,Usage\n3,"' + b"1 " * 70_000]
)
def test_what_is_not_text_of_this_kind_is_refused(tmp_path, data):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(FormatError, match="not CSV text"):
        list(read_fer2013(tmp_path / "a.csv"))


def test_what_is_written_reads_back_equal(tmp_path):
    rows = [f"{index % 7},{PIXELS},{usage}" for index, usage in enumerate(["Training", "PublicTest", "PrivateTest"])]
    records = list(read_fer2013(csv(tmp_path, *rows)))
    write_fer2013(records, tmp_path / "b.csv")
    assert list(read_fer2013(tmp_path / "b.csv")) == records
    assert (tmp_path / "b.csv").read_text() == (tmp_path / "fer2013.csv").read_text()


def test_splits_become_usages_by_name(tmp_path):
    splits = ["train", "Val", "publictest", "test", None]
    records = [Record(name=f"{n}", image=encode_png(GREY), expression="fear", split=s) for n, s in enumerate(splits)]
    write_fer2013(records, tmp_path / "a.csv")
    found = [record.split for record in read_fer2013(tmp_path / "a.csv")]
    assert found == ["Training", "PublicTest", "PublicTest", "PrivateTest", "Training"]


def test_larger_pictures_become_48_px_grey():
    array = np.zeros((96, 96, 3), np.uint8)
    array[:, 48:] = (0, 255, 0)
    found = fer2013_picture(array)
    assert found.shape == (48, 48) and found[0, 5] == 0 and abs(int(found[0, 40]) - 150) <= 1  # 0.587 of 255


@pytest.mark.parametrize(
    "change, words",
    [
        ({"expression": "contempt"}, "contempt"),
        ({"expression": None}, "None"),
        ({"split": "fold1"}, "fold1"),
        ({"image": encode_png(np.zeros((10, 20, 3), np.uint8))}, "not square"),
        ({"image": b"\x89PNG"}, "not_a_picture"),
    ],
)
def test_records_that_do_not_fit_are_refused_by_name(tmp_path, change, words):
    record = Record(**({"name": "x1", "image": encode_png(GREY), "expression": "fear"} | change))
    with pytest.raises(FormatError, match=f'"x1".*{words}'):
        write_fer2013([record], tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([b"emotion,pixels,Usage\n", b"", b"\xef\xbb\xbfemotion,pixels,Usage\r\n3,"]),
    st.binary(max_size=200),
)
def test_any_bytes_are_refused_or_read(tmp_path_factory, start, body):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(start + body)
    with contextlib.suppress(FormatError):
        assert all(isinstance(record, Record) for record in read_fer2013(path))

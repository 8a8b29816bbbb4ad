"""Lists beside pictures: found by the end of their names, read in pieces that change nothing."""

import pytest

from facsim.errors import FormatError
from facsim.formats import index_records
from facsim.formats.files import csv_table, files_at


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tgz"])
def test_lines_are_the_same_in_pieces_of_any_size(tmp_path, files_written, packed, monkeypatch, block, kind):
    monkeypatch.setattr("facsim.formats.files._BLOCK", block)
    place = files_written(tmp_path / "in", {"d/a.txt": "\ufeffone\r\nzwei ü\n\nlast"})
    files = files_at(place if kind == "folder" else packed(place, kind))
    assert list(files.lines("d/a.txt")) == ["one", "zwei ü", "", "last"]


def test_a_line_that_is_not_utf_8_is_named(tmp_path, files_written):
    files = files_at(files_written(tmp_path / "in", {"a.txt": b"good\nb\xffd\n"}))
    with pytest.raises(FormatError, match="line 2: not UTF-8"):
        list(files.lines("a.txt"))


@pytest.mark.parametrize("block", [1, 11, 1 << 20])
def test_ffhqs_json_is_read_an_entry_at_a_time(tiny_set, monkeypatch, block):
    place = tiny_set("ffhq")
    whole = [dict(record.metadata) for record in index_records(place, "ffhq")]
    monkeypatch.setattr("facsim.formats.files._BLOCK", block)
    assert [dict(record.metadata) for record in index_records(place, "ffhq")] == whole and any(whole)


def test_two_lists_of_one_name_are_refused(tiny_set, files_written):
    place = tiny_set("raf_db")
    files_written(place, {"old/list_patition_label.txt": "train_00001.jpg 5\n"})
    with pytest.raises(FormatError, match=r"has 2 .*expected one"):
        list(index_records(place, "raf_db"))


def test_a_dataset_in_further_folders_is_read_as_well(tiny_set, tmp_path):
    place = tiny_set("raf_db", "in")
    expected = [f"in/{record.name}" for record in index_records(place, "raf_db")]
    (place.parent / "outer").mkdir()
    place.rename(place.parent / "outer/in")
    assert [record.name for record in index_records(tmp_path / "outer", "raf_db")] == expected


@pytest.mark.parametrize(
    "lines, words",
    [
        (["a,c", "1,2"], r"missing: \['b'\]"),
        (["a,b,a", "1,2,3"], "each once"),
        (["a,b", "1"], "line 2: 1 cells; expected 2"),
        ([], "missing"),
    ],
)
def test_a_table_of_other_columns_is_refused(lines, words):
    with pytest.raises(FormatError, match=words):
        list(csv_table(lines, "list.csv", ("a", "b")))

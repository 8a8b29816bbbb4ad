"""The table of formats: each is found by looking, and each comes back as it was written."""

import subprocess
import sys

import fsspec
import numpy as np
import pytest

from facsim.errors import FormatError
from facsim.formats import FORMATS, Record, detect_format, read_records, write_records
from facsim.pictures import encode_png

GREY = (np.arange(48 * 48) % 251).astype(np.uint8).reshape(48, 48)
PLACES = [("class_folder", "a"), ("class_folder", "a.zip"), ("class_folder", "a.tar"), ("class_folder", "a.tgz")]
PLACES += [("parquet", "a.parquet"), ("parquet", "a"), ("fer2013", "a.csv")]


def records():
    """Records that every format can hold whole."""
    return [
        Record(name=f"fer{number:07d}.png", image=encode_png(np.roll(GREY, number)), expression=name, split="Training")
        for number, name in enumerate(["anger", "happiness", "happiness"])
    ]


def facts(found):
    return sorted((record.name.split("/")[-1], record.image, record.expression, record.split) for record in found)


@pytest.mark.parametrize("form, name", PLACES)
def test_every_format_is_detected_and_round_trips(tmp_path, form, name):
    write_records(records(), tmp_path / name, format=form)
    assert detect_format(tmp_path / name) == form
    assert facts(read_records(tmp_path / name)) == facts(read_records(tmp_path / name, form)) == facts(records())


@pytest.mark.parametrize("form, name", [place for place in PLACES if "." in place[1]])
def test_single_files_round_trip_through_an_object_store(form, name):
    url = f"memory://formats-{form}/{name}"
    write_records(records(), url, format=form)
    assert facts(read_records(url)) == facts(records())
    with pytest.raises(FormatError, match="already"):
        write_records(records(), url, format=form)
    write_records(records()[:1], url, format=form, overwrite=True)
    assert facts(read_records(url)) == facts(records()[:1])
    fsspec.filesystem("memory").rm(f"/formats-{form}", recursive=True)


def test_a_folder_on_an_object_store_is_refused_with_what_to_do():
    with pytest.raises(FormatError, match=r"\.zip"):
        write_records(records(), "memory://formats/a", format="class_folder")


def test_every_entry_of_the_table_resolves():
    assert all(name == entry.name and entry.summary for name, entry in FORMATS.items())


@pytest.mark.parametrize(
    "data, words",
    [(b"hello", "no known format"), (b"", "no known format"), (b"path,neutral,contempt,NF\n", "FER\\+ votes")],
)
def test_unknown_files_are_refused_with_what_is_known(tmp_path, data, words):
    (tmp_path / "a.bin").write_bytes(data)
    with pytest.raises(FormatError, match=words):
        detect_format(tmp_path / "a.bin")


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(FormatError, match="nothing at"):
        detect_format(tmp_path / "missing.zip")


def test_an_unknown_format_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(FormatError, match='Did you mean "parquet"'):
        write_records([], tmp_path / "a", format="parket")


def test_importing_the_table_loads_no_reader():
    code = "import sys, facsim.formats; sys.exit(any(m in sys.modules for m in ('pyarrow', 'PIL', 'torch', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

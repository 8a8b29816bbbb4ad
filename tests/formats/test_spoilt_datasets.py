"""Spoilt sets of every layout: a FormatError, or records of which each picture has bytes or a FormatError of its own.

FACSIM_FUZZ=50 makes fifty times as many. A failure names its seed.
"""

import contextlib
import os
import random
import shutil
import tarfile
import zipfile

import pytest

from facsim.errors import FormatError
from facsim.formats import detect_format, index_records
from facsim.formats.verification import verify_dataset
from facsim.inputs import input_batches
from facsim.recipe import Input

FORMS = [
    *("class_folder", "fer2013", "parquet", "webdataset", "pictures", "fer2013_folder", "ferplus", "raf_db"),
    *("affectnet_csv", "affectnet_npy", "ck_plus", "expw", "sfew", "digiface", "dcface", "emonet_face", "ffhq"),
    *("celeba_hq", "face_crops"),
]
ARCHIVED = ["face_crops", "class_folder", "raf_db", "affectnet_csv", "affectnet_npy", "expw", "ffhq", "pictures"]
FILES_ONLY = ("fer2013", "ferplus", "parquet", "emonet_face")
ROUNDS = 20 * int(os.environ.get("FACSIM_FUZZ", "1"))
WORDS = [b"", b"-1", b"8", b"99999999999999999999", b"nan", b"\xff\xfe", b"../../etc/passwd", b"/etc/passwd", b"a\\b"]
WORDS += [b"happines", b"0x3", b"1e400", b'"', b"\0", "²".encode(), b"train_00001.jpg"]


def flip(rng, data):
    for _ in range(rng.randint(1, 8)):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return data


def cut(rng, data):
    return data[: rng.randint(0, len(data))]


def swap_word(rng, data):
    """A cell of a list becomes another: a wrong spelling, a wrong number, a path that leads out."""
    parts = bytes(data).replace(b",", b" , ").replace(b"\t", b" \t ").split(b" ")
    parts[rng.randrange(len(parts))] = rng.choice(WORDS)
    return bytearray(b" ".join(parts).replace(b" , ", b",").replace(b" \t ", b"\t"))


def lose_line(rng, data):
    lines = bytes(data).split(b"\n")
    del lines[rng.randrange(len(lines))]
    return bytearray(b"\n".join(lines))


def double_line(rng, data):
    lines = bytes(data).split(b"\n")
    return bytearray(b"\n".join([*lines, rng.choice(lines)]))


def other_bytes(rng, data):
    return bytearray(rng.randbytes(rng.randint(0, 200)))


CHANGES = (flip, flip, cut, swap_word, swap_word, lose_line, double_line, other_bytes)


def spoil(rng, place):
    """One to three changes to the files of a set: their bytes, their names, whether they are there."""
    for _ in range(rng.randint(1, 3)):
        files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
        if not files:
            return
        lists = [path for path in files if path.suffix not in (".png", ".jpg")]
        path = rng.choice(lists if lists and rng.random() < 0.7 else files)
        what = rng.random()
        if what < 0.75 or path == place:
            path.write_bytes(rng.choice(CHANGES)(rng, bytearray(path.read_bytes())))
        elif what < 0.85:
            path.unlink()
        elif what < 0.95:
            path.rename(path.with_name(rng.choice(["0.png", "x", "Happines.jpg", "²³.png", path.name + "x", "9.tar"])))
        else:
            (path.parent / rng.choice(["a.zip", "extra.jpg", "label.lst", "b.csv"])).write_bytes(rng.randbytes(20))


def check(place, form):
    """Nothing but FormatError comes of it, and every row of an input is counted."""
    with contextlib.suppress(FormatError):
        assert isinstance(detect_format(place), str)
    pictures, lost = 0, 0
    try:
        for record in index_records(place, form):
            pictures += 1
            try:
                assert isinstance(record.image, bytes)
            except FormatError:
                lost += 1
    except FormatError as error:
        assert len(str(error)) > 10
        return
    with contextlib.suppress(FormatError):
        rows = [row for batch in input_batches([Input(path=str(place), format=form)]) for row in batch.to_pylist()]
        assert len(rows) == pictures and [row["source_sha256"] for row in rows].count(None) == lost
    with contextlib.suppress(FormatError):
        assert verify_dataset(place, format=form).pictures == pictures


@pytest.mark.parametrize("form", FORMS)
def test_a_spoilt_set_is_refused_or_its_pictures_are_counted(tiny_set, tmp_path, form):
    whole = tiny_set(form)
    for seed in range(ROUNDS):
        place = tmp_path / f"spoilt{whole.suffix}"
        shutil.copytree(whole, place) if whole.is_dir() else shutil.copy(whole, place)
        spoil(random.Random(f"{form}/{seed}"), place)
        try:
            check(place, form)
        except Exception as error:
            raise AssertionError(f"{form}, seed {seed}: {error!r}") from error
        shutil.rmtree(place) if place.is_dir() else place.unlink()


@pytest.mark.parametrize("kind", ["zip", "tar", "tgz"])
@pytest.mark.parametrize(
    "form", ["class_folder", "raf_db", "affectnet_csv", "affectnet_npy", "expw", "ffhq", "pictures", "face_crops"]
)
def test_a_spoilt_archive_is_refused_or_its_pictures_are_counted(tiny_set, packed, tmp_path, form, kind):
    whole = packed(tiny_set(form), kind)
    for seed in range(ROUNDS):
        rng = random.Random(f"{form}/{kind}/{seed}")
        place = tmp_path / f"spoilt.{kind}"
        data = bytearray(whole.read_bytes())
        place.write_bytes(rng.choice((flip, flip, cut))(rng, data))
        try:
            check(place, form)
        except Exception as error:
            raise AssertionError(f"{form}.{kind}, seed {seed}: {error!r}") from error


@pytest.mark.parametrize(
    "form", [form for form in FORMS if form not in ("fer2013", "ferplus", "parquet", "emonet_face")]
)
@pytest.mark.parametrize("name", ["../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg"])
def test_an_archive_that_leads_out_is_refused_by_every_reader(tmp_path, form, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"x")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    for place in (tmp_path / "a.zip", tmp_path / "a.tar"):
        with pytest.raises(FormatError):
            list(index_records(place, form))

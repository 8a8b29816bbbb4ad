"""The layout of cut-out faces: a list that is as it was written, crops that may be missing."""

import contextlib
import hashlib
import json
import os
import random

import pytest

from facsim.errors import FormatError
from facsim.formats import detect_format, index_records
from facsim.formats.face_crops import FaceCrop, write_face_crops
from facsim.formats.verification import verify_dataset

ROUNDS = 200 * int(os.environ.get("FACSIM_FUZZ", "1"))
VALUES = [None, True, 0, -1, 3, 10**40, 1.5, "", "x", "../x.png", "/x.png", "a\\b", "x\u0000", "\ud800", [], [1, 2], {}]
VALUES += [[1, 2, 3, "4"], [1, 2, 3, True], [0, 0, 0, 10**400], {"a": {"b": [1]}}]
TEXTS = ["", "{", "[]", "7", '"x"', '{"crop": NaN}', '{"face": 1e999}', "[" * 100_000, '{"a":' * 100_000, "\ufeff{}"]


def signed(place, text):
    """The list with this text, as if it had been written so."""
    data = text.encode("utf-8", "surrogatepass")
    (place / "face_crops.jsonl").write_bytes(data)
    account = json.loads((place / "face_crops.json").read_text())
    account["list_sha256"] = hashlib.sha256(data).hexdigest()
    (place / "face_crops.json").write_text(json.dumps(account))
    return place


def lines_of(place):
    return (place / "face_crops.jsonl").read_text().splitlines()


def test_a_changed_list_is_refused_with_what_to_do(tiny_set):
    place = tiny_set("face_crops")
    first, *rest = lines_of(place)
    for text in ("\n".join(rest) + "\n", "\n".join([first.replace("Köln", "Bonn"), *rest]) + "\n"):
        (place / "face_crops.jsonl").write_text(text)
        with pytest.raises(FormatError, match="has changed since it was written"):
            list(index_records(place))


def test_line_ends_of_another_system_are_no_change(tiny_set):
    place = tiny_set("face_crops")
    before = [record.name for record in index_records(place)]
    (place / "face_crops.jsonl").write_bytes((place / "face_crops.jsonl").read_bytes().replace(b"\n", b"\r\n"))
    assert [record.name for record in index_records(place)] == before


def test_a_list_without_its_account_and_one_of_another_version_are_refused(tiny_set):
    place = tiny_set("face_crops")
    account = json.loads((place / "face_crops.json").read_text())
    (place / "face_crops.json").write_text(json.dumps({**account, "version": 2}))
    with pytest.raises(FormatError, match="version 2; expected"):
        list(index_records(place))
    (place / "face_crops.json").unlink()
    assert detect_format(place) == "face_crops"
    with pytest.raises(FormatError, match=r"no face_crops\.json"):
        list(index_records(place))


def test_a_line_at_fault_is_named(tiny_set):
    place = tiny_set("face_crops")
    first, second, *_ = lines_of(place)
    changed = json.dumps({**json.loads(second), "face": 3})
    with pytest.raises(FormatError, match=r"line 2: face 3 of 2"):
        list(index_records(signed(place, f"{first}\n{changed}\n")))
    with pytest.raises(FormatError, match=r"line 2: .*a second time"):
        list(index_records(signed(place, f"{first}\n{first}\n")))


def test_a_missing_and_an_extra_crop_are_found_by_verification(tiny_set, noise):
    place = tiny_set("face_crops")
    (place / f"crops/00/{1:032x}.face2.png").unlink()
    (place / "crops/00/extra.png").write_bytes(noise(9))
    found = verify_dataset(place)
    assert (found.pictures, found.missing, found.extra_names) == (4, 1, ("crops/00/extra.png",))


def test_a_folder_within_others_is_read_as_well(tiny_set, tmp_path):
    place = tiny_set("face_crops")
    (tmp_path / "out/deep").mkdir(parents=True)
    place.rename(tmp_path / "out/deep/crops")
    found = list(index_records(tmp_path / "out"))
    assert [record.name.split("/")[:2] for record in found] == [["deep", "crops"]] * 4 and all(r.image for r in found)


def test_no_faces_are_no_set(tmp_path):
    with pytest.raises(FormatError, match=r'no face to cut out: \{"left_out": \{"no_face": 3\}\}'):
        write_face_crops([], tmp_path / "crops", account=lambda: {"left_out": {"no_face": 3}})
    assert not list(tmp_path.iterdir())


def test_a_crop_that_cannot_be_made_leaves_nothing(tmp_path):
    def crops():
        said = {"face": 1, "faces": 1, "face_box": [0, 0, 1, 1], "crop_box": [0, 0, 1, 1], "picture": "a"}
        yield FaceCrop(name="a" * 32, image=b"x", said=said)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        write_face_crops(crops(), tmp_path / "crops", account=dict)
    assert not list(tmp_path.iterdir())


def test_any_list_that_is_signed_is_read_or_refused(tiny_set):
    place = tiny_set("face_crops")
    whole = [json.loads(line) for line in lines_of(place)]
    for seed in range(ROUNDS):
        rng = random.Random(f"face_crops/{seed}")
        lines = [dict(line) for line in whole]
        for _ in range(rng.randint(1, 3)):
            rng.choice(lines)[rng.choice([*whole[0], "x"])] = rng.choice(VALUES)
        texts = [json.dumps(line, ensure_ascii=rng.random() < 0.5) for line in lines]
        if rng.random() < 0.3:
            texts[rng.randrange(len(texts))] = rng.choice(TEXTS)
        try:
            with contextlib.suppress(FormatError):
                assert len(list(index_records(signed(place, "\n".join(texts) + "\n"), "face_crops"))) == 4
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error

import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from facsim.errors import FacsimError, FormatError
from facsim.pictures import decode_picture
from facsim.recipe import parse_recipe
from facsim.runner import plan_run, run


def saved(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def drawn(seed=0, size=(40, 32)):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8))


def bomb(width=20_000, height=20_000):
    """A PNG header that declares a huge picture, in a few bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def collection(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {
        "angry/good.png": saved(drawn(1)),
        "angry/good.jpg": saved(drawn(2), "JPEG"),
        "happy/turned.jpg": saved(drawn(3), "JPEG", exif=exif),
        "happy/cmyk.jpg": saved(drawn(4).convert("CMYK"), "JPEG"),
        "happy/deep.png": saved(Image.fromarray((np.arange(900).reshape(30, 30) * 70).astype(np.uint16))),
        "happy/grey.png": saved(drawn(5).convert("L")),
        "sad/truncated.png": saved(drawn(6))[:200],
        "sad/empty.png": b"",
        "sad/text.png": b"not a picture at all",
        "sad/wide.png": bomb(),
        "sad/moving.gif": saved(drawn(7), "GIF", save_all=True, append_images=[drawn(8), drawn(9)]),
    }
    for name, data in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    return tmp_path / "in", files


def ingested(path, out):
    return run(parse_recipe(f'[[input]]\npath = "{path}"\n[[step]]\nuse = "ingest"'), str(out), executor="serial")


def by_path(done):
    columns = ["plan.source_path", "plan.expression_given", "ingest.problem", "ingest.image", "ingest.conversions"]
    return {row["plan.source_path"]: row for row in done.table(columns).to_pylist()}


def test_every_file_is_a_row_and_a_sick_one_has_its_reason(collection, tmp_path):
    place, files = collection
    found = by_path(ingested(place, tmp_path / "run"))
    assert set(found) == set(files)
    reasons = {name: row["ingest.problem"] for name, row in found.items() if row["ingest.problem"]}
    assert reasons == {
        "sad/truncated.png": "truncated",
        "sad/empty.png": "empty",
        "sad/text.png": "not_a_picture",
        "sad/wide.png": "too_large",
        "sad/moving.gif": "animated",
    }


def test_labels_come_from_folders_by_canonical_name(collection, tmp_path):
    found = by_path(ingested(collection[0], tmp_path / "run"))
    assert Counter(row["plan.expression_given"] for row in found.values()) == {"anger": 2, "happiness": 4, "sadness": 5}


def test_a_picture_that_needs_nothing_keeps_its_bytes(collection, tmp_path):
    place, files = collection
    found = by_path(ingested(place, tmp_path / "run"))
    for name in ("angry/good.png", "angry/good.jpg"):
        assert found[name]["ingest.image"]["bytes"] == files[name]
        assert found[name]["ingest.conversions"] == []


def test_what_reading_changed_is_written_down(collection, tmp_path):
    found = by_path(ingested(collection[0], tmp_path / "run"))
    for name in ("happy/turned.jpg", "happy/cmyk.jpg", "happy/deep.png"):
        assert found[name]["ingest.conversions"], name
    turned = decode_picture(found["happy/turned.jpg"]["ingest.image"]["bytes"]).array
    assert turned.shape == (40, 32, 3)


def test_a_zip_gives_the_same_rows_as_its_folder(collection, tmp_path):
    place, files = collection
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    one, other = by_path(ingested(place, tmp_path / "a")), by_path(ingested(tmp_path / "in.zip", tmp_path / "b"))
    assert one == other


def test_workers_change_no_row(collection, tmp_path):
    recipe = parse_recipe(f'[[input]]\npath = "{collection[0]}"\n[[step]]\nuse = "ingest"')
    one = run(recipe, str(tmp_path / "a"), executor="serial")
    two = run(recipe, str(tmp_path / "b"), workers=2)
    assert by_path(one) == by_path(two)


@pytest.mark.parametrize("name", ["../evil/angry/a.png", "/angry/a.png"])
def test_an_archive_that_reaches_outside_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(name, saved(drawn()))
    with pytest.raises(FormatError):
        ingested(tmp_path / "in.zip", tmp_path / "run")
    assert not (tmp_path / "run").exists() or not (tmp_path / "run/run.json").exists()


def test_an_unknown_class_folder_is_refused_with_the_nearest(tmp_path):
    (tmp_path / "in/hapiness").mkdir(parents=True)
    (tmp_path / "in/bliss").mkdir()
    (tmp_path / "in/hapiness/a.png").write_bytes(saved(drawn()))
    (tmp_path / "in/bliss/a.png").write_bytes(saved(drawn()))
    with pytest.raises(FacsimError, match="bliss"):
        ingested(tmp_path / "in", tmp_path / "run")


def test_a_file_that_changed_after_planning_is_a_problem(collection, tmp_path):
    place, _ = collection
    recipe = parse_recipe(f'[[input]]\npath = "{place}"\n[[step]]\nuse = "ingest"')
    from facsim.runner import plan_run

    plan_run(recipe, str(tmp_path / "run"))
    (place / "angry/good.png").write_bytes(saved(drawn(99)))
    (place / "angry/good.jpg").unlink()
    with pytest.raises(FacsimError):
        run(parse_recipe(f'[[input]]\npath = "{place}"\nsplit = "x"\n[[step]]\nuse = "ingest"'), str(tmp_path / "run"))
    found = by_path(run(recipe, str(tmp_path / "run"), executor="serial"))
    assert found["angry/good.png"]["ingest.problem"] == "unreadable"
    assert found["angry/good.jpg"]["ingest.problem"] == "unreadable"


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(FormatError):
        ingested(tmp_path / "in", tmp_path / "run")


# where pictures lie, what is said of them, on what terms


def raf_db(root):
    """RAF-DB's layout with two pictures, of which the list also names a third."""
    (root / "EmoLabel").mkdir(parents=True)
    (root / "Image/aligned").mkdir(parents=True)
    (root / "EmoLabel/list_patition_label.txt").write_text("train_00001.jpg 4\ntest_0001.jpg 1\ntest_0002.jpg 7\n")
    for i, stem in enumerate(["train_00001", "test_0001"]):
        (root / f"Image/aligned/{stem}_aligned.jpg").write_bytes(saved(drawn(i), "JPEG"))
    return root


def rows_of(done, *columns):
    return done.table(list(columns)).to_pylist()


def test_a_listed_picture_that_is_not_there_is_a_row_with_its_reason(tmp_path):
    done = ingested(raf_db(tmp_path / "in"), tmp_path / "run")
    found = rows_of(done, "plan.source_path", "plan.source_sha256", "ingest.problem", "ingest.problem_detail")
    (lost,) = [row for row in found if row["ingest.problem"]]
    assert lost["plan.source_path"].endswith("test_0002_aligned.jpg") and lost["plan.source_sha256"] is None
    assert lost["ingest.problem"] == "unreadable" and "a list names this picture" in lost["ingest.problem_detail"]


def test_every_row_carries_its_datasets_terms_and_metadata(tmp_path):
    root = raf_db(tmp_path / "in")
    (first, *_) = rows_of(
        ingested(root, tmp_path / "run"),
        *("plan.source_dataset", "plan.source_terms", "plan.source_commercial", "plan.source_metadata"),
    )
    assert first["plan.source_dataset"] == "RAF-DB" and first["plan.source_commercial"] == "no"
    assert "no redistribution" in first["plan.source_terms"] and first["plan.source_metadata"] is None


def test_labels_outside_the_expressions_are_kept_as_json(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {"image": {"bytes": saved(drawn()), "path": "a.png"}, "prompt": "p", "demographics": "d"}
    pq.write_table(pa.Table.from_pylist([{**row, "annotations": {"Awe": 0.5}}]), tmp_path / "a.parquet")
    (found,) = rows_of(ingested(tmp_path / "a.parquet", tmp_path / "run"), "plan.source_metadata", "plan.source_format")
    assert json.loads(found["plan.source_metadata"])["annotations"] == {"Awe": 0.5}
    assert found["plan.source_format"] == "emonet_face"


def test_an_input_says_other_terms(tmp_path, collection):
    recipe = f'[[input]]\npath = "{collection[0]}"\nterms = "yes: my own"\n[[step]]\nuse = "ingest"'
    done = run(parse_recipe(recipe), str(tmp_path / "run"), executor="serial")
    assert set(done.column("plan.source_commercial")) == {"yes"} and set(done.column("plan.source_terms")) == {"my own"}


def test_terms_of_an_exported_run_stay_with_its_pictures(tmp_path):
    from facsim.export import export_run

    ingested(raf_db(tmp_path / "in"), tmp_path / "run")
    export_run(str(tmp_path / "run"), str(tmp_path / "out"))
    again = ingested(tmp_path / "out", tmp_path / "again")
    assert set(again.column("plan.source_dataset")) == {"RAF-DB"}


@pytest.mark.parametrize("kind", ["zip", "tar", "tgz"])
def test_a_batch_reads_its_own_pictures_and_no_listing(collection, tmp_path, monkeypatch, kind):
    place, files = collection
    archive = tmp_path / f"in.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, data in files.items():
                packed.writestr(name, data)
    else:
        with tarfile.open(archive, "w:gz" if kind == "tgz" else "w") as packed:
            packed.add(place, ".")
    recipe = parse_recipe(f'[[input]]\npath = "{archive}"\n[[step]]\nuse = "ingest"')
    plan_run(recipe, str(tmp_path / "run"))
    monkeypatch.setattr("facsim.formats.tree._members", lambda *_: pytest.fail("the archive was listed again"))
    found = by_path(run(recipe, str(tmp_path / "run"), executor="serial"))
    assert {name: row["ingest.problem"] for name, row in found.items()} == {
        name: row["ingest.problem"] for name, row in by_path(ingested_later(monkeypatch, place, tmp_path)).items()
    }


def ingested_later(monkeypatch, place, tmp_path):
    monkeypatch.undo()
    return ingested(place, tmp_path / "plain")


def test_a_moved_copy_of_an_archive_serves_as_well(collection, tmp_path):
    place, files = collection
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    recipe = parse_recipe(f'[[input]]\npath = "{tmp_path / "in.zip"}"\n[[step]]\nuse = "ingest"')
    plan_run(recipe, str(tmp_path / "run"))
    data = (tmp_path / "in.zip").read_bytes()
    (tmp_path / "in.zip").unlink()
    (tmp_path / "in.zip").write_bytes(data)
    assert by_path(run(recipe, str(tmp_path / "run"), executor="serial")) == by_path(ingested(place, tmp_path / "b"))


def test_a_run_listed_by_an_earlier_facsim_is_refused_with_the_cause_and_stays_readable(collection, tmp_path):
    recipe = parse_recipe(f'[[input]]\npath = "{collection[0]}"\n[[step]]\nuse = "ingest"')
    done = plan_run(recipe, str(tmp_path / "run"))
    header = json.loads((tmp_path / "run/run.json").read_text())
    del header["source"]["input"][0]["terms"]
    (tmp_path / "run/run.json").write_text(json.dumps(header))
    assert plan_run(recipe, str(tmp_path / "run")).num_rows == done.num_rows
    step = json.loads((tmp_path / "run/rounds/00/plan/step.json").read_text())
    step["writes"].remove("source_place")
    (tmp_path / "run/rounds/00/plan/step.json").write_text(json.dumps(step))
    with pytest.raises(FacsimError, match=r"wrote no plan\.source_place"):
        plan_run(recipe, str(tmp_path / "run"))

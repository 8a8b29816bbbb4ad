"""Five faces of one photograph become five rows, with all that is known of where they came from."""

import io
import json

import numpy as np
import pytest
from PIL import Image

import facsim
from facsim.crops import CROP_SCALE, crop_faces
from facsim.dataset import open_dataset
from facsim.errors import FormatError, ManifestError
from facsim.export import export_run
from facsim.formats import read_records
from facsim.labels import detect
from facsim.learn.data import chooser_split
from facsim.learn.selfsupervised.unlabelled import load_unlabelled
from facsim.models.face_finder import FoundFace
from facsim.pictures import decode_picture, encode_png
from facsim.recipe import parse_recipe
from facsim.records import LEARNING_COLUMNS, run_index, run_records
from facsim.runner import run

BOXES = [(10, 12, 40, 44), (60, 10, 90, 45), (110, 20, 140, 52), (20, 70, 60, 116), (100, 80, 124, 110)]
SCORES = [0.7, 0.9, 0.5, 0.8, 0.6]
ORDER = [3, 1, 0, 4, 2]
"""The largest counts; then the strongest."""

STEPS = '[[step]]\nuse = "ingest"\n[[step]]\nuse = "detect"\npasses = 1\n'


def noise(seed, width=160, height=120):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def turned_jpeg(array):
    """A JPEG that says that it lies on its side."""
    sink, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(array).save(sink, "JPEG", exif=exif)
    return sink.getvalue()


def found_in(picture):
    """All five in landscape pictures, one in upright ones, none in black ones."""
    if not picture.any():
        return []
    boxes = BOXES if picture.shape[1] > picture.shape[0] else BOXES[:1]
    return [FoundFace(box=np.array(box, dtype=float), score=s) for box, s in zip(boxes, SCORES, strict=False)]


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """A finished run of two photographs of five people, one that is turned, one of nobody and two that are broken."""
    monkeypatch.setattr(detect, "find_faces", lambda labeller, pictures, **_: [found_in(one) for one in pictures])
    files = {
        "party/a.png": encode_png(noise(0)),
        "party/b.png": encode_png(noise(1)),
        "turned.jpg": turned_jpeg(noise(2)),
        "empty.png": encode_png(np.zeros((120, 160, 3), np.uint8)),
        "broken.png": encode_png(noise(3))[:200],
        "text.png": b"no picture",
    }
    for name, data in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    head = f'[[input]]\npath = "{tmp_path}/in"\nformat = "pictures"\nterms = "yes: my own"\n'
    run(parse_recipe(head + STEPS), str(tmp_path / "run"), executor="serial")
    return str(tmp_path / "run")


def ingested(place, out):
    text = f'[[input]]\npath = "{place}"\n[[step]]\nuse = "ingest"\n'
    return run(parse_recipe(text), str(out), executor="serial")


def rows_of(done):
    names = ("source_path", "source_metadata", "source_terms", "source_commercial", "source_format")
    rows = done.table([*(f"plan.{name}" for name in names), "ingest.image", "ingest.problem"]).to_pylist()
    return [{**row, "said": json.loads(row["plan.source_metadata"])} for row in rows]


def test_five_faces_in_one_photograph_are_five_rows_with_the_boxes_asked_for(photographs, tmp_path):
    account = crop_faces(photographs, str(tmp_path / "crops"))
    assert (account["pictures"], account["faces"]) == (3, 11)
    rows = rows_of(ingested(tmp_path / "crops", tmp_path / "faces"))
    assert len(rows) == 11 and {row["plan.source_format"] for row in rows} == {"face_crops"}
    party = sorted((row["said"] for row in rows if row["said"]["picture"] == "party/a.png"), key=lambda s: s["face"])
    assert [tuple(said["face_box"]) for said in party] == [BOXES[at] for at in ORDER]
    assert [said["face_score"] for said in party] == pytest.approx([SCORES[at] for at in ORDER])
    assert [(said["face"], said["faces"]) for said in party] == [(number, 5) for number in range(1, 6)]


def test_a_crop_is_the_photographs_own_pixels_about_the_box(photographs, tmp_path):
    crop_faces(photographs, str(tmp_path / "crops"))
    for row in rows_of(ingested(tmp_path / "crops", tmp_path / "faces")):
        left, top, right, bottom = row["said"]["crop_box"]
        box, image = row["said"]["face_box"], decode_picture(row["ingest.image"]["bytes"]).array
        assert image.shape == (right - left, right - left, 3) and right - left == bottom - top
        assert right - left == round(CROP_SCALE * max(box[2] - box[0], box[3] - box[1]))
        if row["said"]["picture"] == "party/a.png":
            whole = np.pad(noise(0), ((100, 100), (100, 100), (0, 0)), mode="edge")
            assert np.array_equal(image, whole[top + 100 : bottom + 100, left + 100 : right + 100])


def test_a_turned_photograph_is_cut_upright(photographs, tmp_path):
    crop_faces(photographs, str(tmp_path / "crops"))
    done = ingested(tmp_path / "crops", tmp_path / "faces")
    (row,) = [row for row in rows_of(done) if row["said"]["picture"] == "turned.jpg"]
    (whole,) = [
        decode_picture(record.image).array
        for record in run_records(open_dataset(photographs))
        if record.metadata["source_path"] == "turned.jpg"
    ]
    left, top, right, bottom = row["said"]["crop_box"]
    assert whole.shape == (160, 120, 3)
    assert np.array_equal(
        decode_picture(row["ingest.image"]["bytes"]).array[-top:, -left:], whole[max(top, 0) : bottom, : max(right, 0)]
    )


def test_what_is_not_cut_out_is_counted_by_its_reason(photographs, tmp_path):
    account = crop_faces(photographs, str(tmp_path / "crops"))
    assert account["left_out"] == {"no_face": 1, "not_a_picture": 1, "truncated": 1}
    written = json.loads((tmp_path / "crops/face_crops.json").read_text())
    assert written["left_out"] == account["left_out"] and written["faces"] == 11


def test_every_face_names_its_photograph_and_carries_its_terms(photographs, tmp_path):
    crop_faces(photographs, str(tmp_path / "crops"))
    sources = open_dataset(photographs).run.table(["plan.source_path", "plan.source_sha256"]).to_pylist()
    digests = {row["plan.source_path"]: row["plan.source_sha256"] for row in sources}
    for row in rows_of(ingested(tmp_path / "crops", tmp_path / "faces")):
        assert (row["plan.source_terms"], row["plan.source_commercial"]) == ("my own", "yes")
        assert row["said"]["picture_sha256"] == digests[row["said"]["picture"]]
        assert row["said"]["picture_format"] == "pictures" and row["said"]["picture_input"] == str(tmp_path / "in")


def test_faces_of_one_photograph_stay_together_in_a_split(photographs, tmp_path):
    crop_faces(photographs, str(tmp_path / "crops"))
    ingested(tmp_path / "crops", tmp_path / "faces")
    export_run(str(tmp_path / "faces"), str(tmp_path / "faces.parquet"), format="parquet")
    for source in ("crops", "faces", "faces.parquet"):
        pictures = load_unlabelled(tmp_path / source, size_px=16)
        assert len(pictures) == 11 and len(set(pictures.identities or ())) == 3, source
        sides = [set(part.identities or ()) for part in chooser_split(pictures)]
        assert not sides[0] & sides[1]


def test_the_records_that_learning_reads_of_a_run_say_what_stays_together(photographs, tmp_path):
    crop_faces(photographs, str(tmp_path / "crops"))
    ingested(tmp_path / "crops", tmp_path / "faces")
    dataset = open_dataset(str(tmp_path / "faces"))
    groups = [record.metadata["split_group"] for record in run_index(dataset, columns=LEARNING_COLUMNS)]
    assert len(groups) == 11 and len(set(groups)) == 3
    assert all("split_group" not in record.metadata for record in run_records(dataset))


def test_a_rejected_photograph_is_counted_and_not_cut(photographs, tmp_path, monkeypatch):
    head = f'[[input]]\npath = "{tmp_path}/in"\nformat = "pictures"\n'
    text = head + STEPS + '[[step]]\nuse = "hash"\n[[step]]\nuse = "dedupe"\n[[step]]\nuse = "select"\n'
    (tmp_path / "in/party/copy.png").write_bytes((tmp_path / "in/party/a.png").read_bytes())
    run(parse_recipe(text + 'by = "source_input"\n'), str(tmp_path / "chosen"), executor="serial")
    account = crop_faces(str(tmp_path / "chosen"), str(tmp_path / "crops"))
    assert account["left_out"]["rejected"] == 1 and account["faces"] == 11


def test_a_face_whose_middle_is_outside_and_one_beyond_the_list_are_counted(photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(detect, "_MOST_LISTED", 3)
    far = FoundFace(box=np.array([-90.0, 0.0, -10.0, 60.0]), score=0.95)
    monkeypatch.setattr(detect, "find_faces", lambda _, pictures, **__: [[*found_in(one), far] for one in pictures])
    text = f'[[input]]\npath = "{tmp_path}/in/party"\nformat = "pictures"\n{STEPS}faces = "centre"'
    run(parse_recipe(text), str(tmp_path / "few"), executor="serial")
    account = crop_faces(str(tmp_path / "few"), str(tmp_path / "crops"))
    assert account["faces"] == 4 and account["faces_left_out"] == {"no_place": 2, "not_listed": 6}


def test_a_folder_that_is_not_empty_is_refused_and_kept(photographs, tmp_path):
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops/mine.txt").write_text("mine")
    with pytest.raises(FormatError, match="something at"):
        crop_faces(photographs, str(tmp_path / "crops"))
    assert [path.name for path in (tmp_path / "crops").iterdir()] == ["mine.txt"]


def test_nothing_is_left_where_it_is_stopped(photographs, tmp_path):
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crop_faces(photographs, str(tmp_path / "crops"), on_progress=stop)
    assert not [path for path in tmp_path.iterdir() if "crops" in path.name]


def test_a_run_without_faces_is_refused_with_what_to_do(photographs, tmp_path):
    done = ingested(tmp_path / "in/party", tmp_path / "plain")
    with pytest.raises(ManifestError, match='use = "detect"'):
        crop_faces(done.folder.root, str(tmp_path / "crops"))


def test_a_run_in_which_crops_were_given_says_that_nothing_was_searched_for(photographs, tmp_path):
    text = f'[[input]]\npath = "{tmp_path}/in/party"\nformat = "pictures"\n{STEPS}given = "crop"'
    run(parse_recipe(text), str(tmp_path / "given"), executor="serial")
    with pytest.raises(FormatError, match="not_searched"):
        crop_faces(str(tmp_path / "given"), str(tmp_path / "crops"))
    assert not (tmp_path / "crops").exists()


def test_renders_have_one_group_a_render(tmp_path, monkeypatch):
    monkeypatch.setattr(detect, "find_faces", lambda labeller, pictures, **_: [found_in(one) for one in pictures])
    text = '[plan]\ncount = 7\n[[step]]\nuse = "render"\nsize_px = 48\n[[step]]\nuse = "detect"\npasses = 1\n'
    run(parse_recipe(text), str(tmp_path / "run"), executor="serial")
    assert crop_faces(str(tmp_path / "run"), str(tmp_path / "crops"))["faces"] == 7
    records = list(read_records(tmp_path / "crops"))
    assert len({record.metadata["split_group"] for record in records}) == 7
    assert all("picture_sha256" not in record.metadata for record in records)


def test_five_rendered_faces_are_found_cut_out_and_found_again(tmp_path):
    canvas = np.full((224, 336, 3), 90, np.uint8)
    true = []
    for number in range(5):
        shown = facsim.render(size_px=96, seed=number)
        top, left = 8 + 112 * (number // 3), 8 + 112 * (number % 3)
        canvas[top : top + 96, left : left + 96] = shown.picture
        true.append(np.array(shown.labels["face_box"]) + np.tile([left, top], 2))
    (tmp_path / "in").mkdir()
    (tmp_path / "in/group.png").write_bytes(encode_png(canvas))
    find = '[[step]]\nuse = "ingest"\n[[step]]\nuse = "detect"\n'
    run(parse_recipe(f'[[input]]\npath = "{tmp_path}/in"\n{find}'), str(tmp_path / "run"), executor="serial")
    assert crop_faces(str(tmp_path / "run"), str(tmp_path / "crops"))["faces"] == 5
    text = f'[[input]]\npath = "{tmp_path}/crops"\n{find}faces = "centre"\n[[step]]\nuse = "align"\n'
    done = run(parse_recipe(text), str(tmp_path / "again"), executor="serial")
    rows = done.table(["plan.source_metadata", "detect.face_box", "align.face_aligned"]).to_pylist()
    middles = []
    for row in rows:
        corner = np.tile(json.loads(row["plan.source_metadata"])["crop_box"][:2], 2)
        box = np.array(row["detect.face_box"]) + corner
        middles.append((box[:2] + box[2:]) / 2)
        assert row["align.face_aligned"] is not None
    apart = [min(np.linalg.norm((box[:2] + box[2:]) / 2 - middle) for middle in middles) for box in true]
    assert max(apart) < 12

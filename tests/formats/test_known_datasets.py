"""Every known layout, on a tiny set of exactly that layout: what is read, how it is found, what refuses it."""

import ast
import json

import pytest

from facsim.errors import FormatError
from facsim.formats import FORMATS, detect_format, format_named, index_records, read_records

# What each tiny set holds: (end of the name, expression, split) of every record.
HELD = {
    "fer2013": [
        ("fer0000000.png", "anger", "Training"),
        ("fer0000001.png", "happiness", "Training"),
        ("fer0000002.png", "neutral", "PublicTest"),
        ("fer0000003.png", "sadness", "PrivateTest"),
    ],
    "ferplus": [
        ("fer0000000.png", None, "Training"),
        ("fer0000001.png", "happiness", "Training"),
        ("fer0000002.png", None, "PublicTest"),
        ("fer0000003.png", "contempt", "PrivateTest"),
    ],
    "fer2013_folder": [
        ("PrivateTest_3.jpg", "sadness", "test"),
        ("Training_1.jpg", "anger", "train"),
        ("Training_2.jpg", "happiness", "train"),
    ],
    "sfew": [("a.png", "anger", "Train"), ("b.png", "happiness", "Train"), ("c.png", "sadness", "Val")],
    "raf_db": [
        ("train_00001_aligned.jpg", "sadness", "train"),
        ("train_00002_aligned.jpg", "happiness", "train"),
        ("test_0001_aligned.jpg", "surprise", "test"),
    ],
    "affectnet_csv": [
        ("1/aa.jpg", "happiness", "training"),
        ("2/bb.jpg", None, "training"),
        ("1/cc.jpg", "contempt", "validation"),
    ],
    "affectnet_npy": [
        ("images/0.jpg", "happiness", "train_set"),
        ("images/12.jpg", None, "train_set"),
        ("images/3.jpg", "anger", "val_set"),
    ],
    "ck_plus": [
        ("S005_001_00000003.png", "disgust", None),
        ("S010_002_00000002.png", "happiness", None),
        ("S010_003_00000002.png", None, None),
    ],
    "expw": [
        ("angry_actor_104.face0.jpg", "anger", None),
        ("angry_actor_104.face1.jpg", "neutral", None),
        ("happy_13.face0.jpg", "happiness", None),
    ],
    "digiface": [(f"{subject}/{k}.png", None, None) for subject in (0, 1, 100000) for k in (0, 1)],
    "dcface": [("0/0.png", None, None), ("0/1.png", None, None), ("1/0.png", None, None), ("1/1.png", None, None)],
    "emonet_face": [("0.png", None, "train"), ("1.png", None, "train"), ("2.png", None, "train")],
    "ffhq": [
        ("00000/00000.png", None, "training"),
        ("00000/00007.png", None, "training"),
        ("65000/65999.png", None, "validation"),
    ],
    "face_crops": [(f"{photograph}.face{face}.png", None, "train") for photograph in (0, 1) for face in (1, 2)],
    "celeba_hq": [("0.jpg", None, None), ("29999.jpg", None, None), ("7.jpg", None, None)],
    "pictures": [("a.png", None, None), ("d.jpg", None, None), ("e.png", None, None)],
}
AMBIGUOUS = {"celeba_hq": "celeba_hq or pictures"}
AS_CLASS_FOLDER = ("fer2013_folder", "sfew")
ARCHIVED = [form for form in HELD if form not in ("fer2013", "ferplus", "emonet_face", "dcface")]


def facts(records):
    return [(record.name, record.expression, record.split) for record in records]


@pytest.mark.parametrize("form", HELD)
def test_the_layout_is_read_with_names_classes_and_splits(tiny_set, form):
    found = facts(read_records(tiny_set(form), form))
    assert len(found) == len(HELD[form])
    for (name, *rest), (end, *expected) in zip(found, HELD[form], strict=True):
        assert name.endswith(end) and rest == expected


@pytest.mark.parametrize("form", HELD)
def test_the_index_is_what_reading_gives(tiny_set, form):
    place = tiny_set(form)
    read = [(*facts([r])[0], dict(r.metadata), r.image) for r in read_records(place, form)]
    assert [(*facts([r])[0], dict(r.metadata), r.image) for r in index_records(place, form)] == read
    assert all(image for *_, image in read)


@pytest.mark.parametrize("form", HELD)
def test_metadata_is_what_json_holds(tiny_set, form):
    for record in index_records(tiny_set(form), form):
        assert json.loads(json.dumps(dict(record.metadata), allow_nan=False)) == record.metadata


@pytest.mark.parametrize("form", HELD)
def test_the_layout_is_found_by_its_content_or_its_candidates_are_named(tiny_set, form):
    place = tiny_set(form)
    if form in AMBIGUOUS:
        with pytest.raises(FormatError, match=AMBIGUOUS[form]):
            detect_format(place)
        return
    expected = "class_folder" if form in AS_CLASS_FOLDER else form
    if form == "pictures":
        return  # below: folders that name no expression may be misspelt classes
    assert detect_format(place) == expected


@pytest.mark.parametrize("form", ARCHIVED)
@pytest.mark.parametrize("kind", ["zip", "tar", "tgz"])
def test_an_archive_of_the_layout_holds_the_same(tiny_set, packed, form, kind):
    if form == "digiface":
        return  # its zips are archives themselves
    place = tiny_set(form)
    expected = sorted((*facts([r])[0], r.image) for r in read_records(place, form))
    assert sorted((*facts([r])[0], r.image) for r in read_records(packed(place, kind), form)) == expected


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "ck_plus_neutral"])
def test_every_other_layout_is_refused_with_what_was_expected(tiny_set, form):
    place = tiny_set("ck_plus" if form != "ck_plus" else "raf_db")
    if form == "pictures":
        return  # any pictures are pictures
    with pytest.raises(FormatError) as refused:
        list(index_records(place, form))
    assert len(str(refused.value)) > 30


def test_flat_pictures_are_pictures_and_misspelt_classes_are_not(tmp_path, files_written, noise):
    flat = files_written(tmp_path / "flat", {"face_a.png": noise(0), "face_b.png": noise(1)})
    assert detect_format(flat) == "pictures"
    deep = files_written(tmp_path / "deep", {"hapines/a.png": noise(0), "bliss/b.png": noise(1)})
    assert detect_format(deep) == "class_folder"
    numbered = files_written(tmp_path / "subjects", {"1/0.png": noise(0), "2/0.png": noise(1)})
    with pytest.raises(FormatError, match="digiface or celeba_hq or dcface or pictures"):
        detect_format(numbered)


def test_marks_of_two_layouts_are_refused_by_name(tiny_set, tmp_path, files_written):
    place = tiny_set("raf_db")
    files_written(place, {"label.lst": "x"})
    with pytest.raises(FormatError, match=r"expw \(.*\) or raf_db \(.*\)"):
        detect_format(place)


def test_a_tar_among_class_folders_is_not_taken_for_all_there_is(tiny_set, files_written):
    place = tiny_set("sfew")
    files_written(place, {"old.tar": b"x"})
    with pytest.raises(FormatError, match=r"class_folder \(.*\) or webdataset"):
        detect_format(place)


def test_rows_of_two_tables_without_names_have_names_of_their_own(tmp_path, noise):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "in").mkdir()
    for number in range(2):
        table = pa.Table.from_pylist([{"image": noise(number), "label": "happy"}])
        pq.write_table(table, tmp_path / f"in/train-{number:05d}.parquet")
    assert [record.name for record in index_records(tmp_path / "in")] == ["train-00000/0000000", "train-00001/0000000"]


def test_a_format_that_is_only_read_says_so(tmp_path):
    with pytest.raises(FormatError, match="reads raf_db and does not write it; expected one of class_folder"):
        format_named("raf_db").write([], tmp_path / "out")


@pytest.mark.parametrize(
    "form, lost",
    [
        ("raf_db", "Image/aligned/train_00002_aligned.jpg"),
        ("affectnet_csv", "Manually_Annotated_Images/2/bb.jpg"),
        ("affectnet_npy", "train_set/images/12.jpg"),
        ("ck_plus", "cohn-kanade-images/S010/002/S010_002_00000002.png"),
        ("expw", "image/origin/happy_13.jpg"),
        ("face_crops", f"crops/00/{1:032x}.face2.png"),
    ],
)
def test_a_listed_picture_that_is_not_there_is_a_record_without_bytes(tiny_set, form, lost):
    place = tiny_set(form)
    before = len(list(index_records(place, form)))
    (place / lost).unlink()
    missing = [record for record in index_records(place, form) if record.place.kind == "missing"]
    assert len(list(index_records(place, form))) == before and len(missing) == 1
    with pytest.raises(FormatError, match="a list names this picture"):
        _ = missing[0].image
    assert [record.image for record in read_records(place, form)].count(b"") == 1


@pytest.mark.parametrize("form", ["raf_db", "affectnet_csv", "expw"])
def test_a_list_of_which_no_picture_is_there_is_refused_whole(tiny_set, form):
    place = tiny_set(form)
    for found in [*place.rglob("*.jpg")]:
        found.unlink()
    with pytest.raises(FormatError, match="none of the"):
        list(index_records(place, form))


# what the layouts hold beside names, classes and splits


def test_affectnets_classes_that_are_no_expressions_are_kept_as_words(tiny_set):
    first, second, third = index_records(tiny_set("affectnet_csv"), "affectnet_csv")
    assert second.metadata["dataset_class"] == "no face" and "dataset_class" not in third.metadata
    assert first.metadata["face_box"] == [1, 2, 31, 42] and first.metadata["facial_landmarks"] == [1.5, 2.5, 3.5, 4.5]
    assert (first.metadata["valence"], first.metadata["arousal"]) == (0.5, -0.25)
    npy = list(index_records(tiny_set("affectnet_npy", "npy"), "affectnet_npy"))
    assert npy[1].metadata["dataset_class"] == "uncertain" and len(npy[0].metadata["facial_landmarks"]) == 136


def test_ck_plus_gives_first_frames_as_neutral_when_asked(tiny_set):
    found = list(index_records(tiny_set("ck_plus"), "ck_plus_neutral"))
    assert [record.expression for record in found].count("neutral") == 3 and len(found) == 6
    assert found[0].name.endswith("00000001.png") and found[0].metadata["identity_id"] == "S005"


def test_emonets_forty_categories_stay_in_metadata(tiny_set):
    found = list(index_records(tiny_set("emonet_face"), "emonet_face"))
    assert found[1].metadata["annotations"] == {"Awe": 0.5, "Teasing": 0.0}
    assert found[1].metadata["prompt"] == "a portrait, 1" and found[1].metadata["demographics"]["age"] == "adult"


def test_expw_gives_a_record_for_each_face_with_its_box(tiny_set):
    found = list(index_records(tiny_set("expw"), "expw"))
    assert found[0].metadata["face_box"] == [113, 28, 226, 141] and found[0].image == found[1].image


def test_identities_are_kept(tiny_set):
    digiface = {record.metadata["identity_id"] for record in index_records(tiny_set("digiface"), "digiface")}
    dcface = {record.metadata["identity_id"] for record in index_records(tiny_set("dcface", "dc"), "dcface")}
    assert digiface == {"0", "1", "100000"} and dcface == {"0", "1"}


def test_ferplus_keeps_votes_and_says_what_was_removed(tiny_set):
    found = list(index_records(tiny_set("ferplus"), "ferplus"))
    assert found[0].metadata["ferplus_votes"]["neutral"] == 4
    assert found[2].metadata == {"dataset_class": "removed by FER+"}


def test_ffhq_takes_the_large_pictures_and_thumbnails_by_their_own_path(tiny_set):
    place = tiny_set("ffhq")
    large = list(index_records(place, "ffhq"))
    assert all(record.name.startswith("images1024x1024/") for record in large)
    assert large[0].metadata == {"category": "training", "licence": "Attribution License"}
    small = list(index_records(place / "thumbnails128x128", "ffhq"))
    assert [record.split for record in small] == [record.split for record in large]


@pytest.mark.parametrize(
    "array, words",
    [
        (b"\x93NUMPY\x01\x00", "no array"),
        ("('<U1', '1e9')", "no array"),
        ("('<f8', '99999999999999999999, ')", "no array"),
        ("('<f3', '')", "no array"),
        ("('|O', '')", "no array"),
        ("('<U1', '2, ')", "no array|holds 2 values"),
        ("('<U1', '')", "class 'x'"),
    ],
)
def test_an_annotation_that_is_no_class_is_named(tiny_set, array, words):
    """NumPy's own reader raises what the Python tokeniser, or unpickling, does."""
    place = tiny_set("affectnet_npy")
    if isinstance(array, str):
        descr, shape = ast.literal_eval(array)
        header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n".encode()
        array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + "x".encode("utf-32-le")
    (place / "train_set/annotations/0_exp.npy").write_bytes(array)
    with pytest.raises(FormatError, match=words):
        list(index_records(place, "affectnet_npy"))

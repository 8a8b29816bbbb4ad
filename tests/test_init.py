"""The names that `import facsim` offers."""

import importlib

import pytest

import facsim
from facsim.recipe import load_recipe

RECIPE = """
[plan]
count = 14
[[step]]
use = "painted"
"""


@pytest.mark.parametrize("name", facsim.__all__)
def test_every_public_name_is_there(name):
    assert getattr(facsim, name) is not None
    assert name in dir(facsim)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        importlib.import_module("facsim").nonsense  # noqa: B018


def test_run_takes_a_path_or_a_recipe(fakes, tmp_path, monkeypatch):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    first = facsim.run(path, out=tmp_path / "a", executor="serial")
    second = facsim.run(load_recipe(path), out=tmp_path / "b", executor="serial")
    assert first.column("painted.AU12") == second.column("painted.AU12")


def test_an_opened_dataset_gives_pictures_and_expressions(fakes, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    facsim.run(path, out=tmp_path / "run", executor="serial")
    rows = [row for batch in facsim.open_dataset(tmp_path / "run").batches() for row in batch.to_pylist()]
    assert len(rows) == 14
    assert {row["expression"] for row in rows} >= {"anger", "surprise"}
    assert rows[0]["image"]["bytes"].startswith(b"\x89PNG")

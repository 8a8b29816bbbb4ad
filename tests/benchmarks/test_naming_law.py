from pathlib import Path

import pytest

from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.manifest import open_manifest
from facsim.models.naming_law import load_law
from facsim.recipe import parse_recipe
from facsim.runner import run

LAW = Path(__file__).parents[2] / "recipes" / "namings" / "fer2013.json"
RECIPE = """
[plan]
count = 14
seed = 4
quotas = { expression = { neutral = "100%" } }

[[step]]
use = "render"
size_px = 16
"""


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    import naming_law

    return naming_law


def test_a_coding_changes_the_stronger_side(script):
    assert script.units_changed("6C+L12B+R12D") == {"AU6": 3.0, "AU12": 4.0}


def test_the_law_beside_the_recipes_reads_what_is_changed(script, tmp_path):
    run(parse_recipe(RECIPE), str(tmp_path / "run"), executor="serial")
    law = load_law(str(LAW))
    faces = script.faces_at_rest(open_manifest(str(tmp_path / "run")), law, count=3)
    assert 0 < len(faces) <= 3 and all({*law.columns} <= {*face} for face in faces)
    changed = {name for change in script.CHANGES.values() for name in change}
    assert changed <= {*law.columns}
    share = {
        words: law.answer([{**face, **script.CHANGES[words]} for face in faces]).mean(axis=0)
        for words in ("at rest", "6C+12C", "4C+10C+25C+26C")
    }
    at = EIGHT_EXPRESSIONS.index
    assert share["6C+12C"][at("happiness")] > share["at rest"][at("happiness")] + 0.2
    assert share["4C+10C+25C+26C"][at("anger")] > share["at rest"][at("anger")] + 0.2

"""What the README and the tutorial show works as shown."""

import re
from pathlib import Path

import pytest

import facsim.stage
from facsim.recipe import parse_recipe
from facsim.stage import field_meanings

ROOT = Path(__file__).resolve().parents[1]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_tutorials_recipe_is_one():
    recipe = parse_recipe(blocks(TUTORIAL, "toml")[0])
    assert [step.name for step in recipe.steps] == ["render", "hash", "dedupe", "select"]


def test_the_tutorials_stage_keeps_the_laws(tmp_path, monkeypatch):
    stage, check = blocks(TUTORIAL, "python")[1:3]
    (tmp_path / "brightness.py").write_text(stage)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(facsim.stage.BUILT_IN, "brightness", "brightness:Brightness")
    exec("from brightness import Brightness\n" + check, {})
    import brightness

    assert field_meanings(brightness.Brightness) == [("gain", "float", "1.0")]


@pytest.mark.parametrize("text", [README, TUTORIAL], ids=["readme", "tutorial"])
def test_every_command_shown_exists_with_its_options(text):
    from facsim.documentation import cli_page

    page = cli_page()
    for line in "\n".join(blocks(text, "sh")).splitlines():
        words = line.split("#")[0].split()
        if words and words[0] == "facsim":
            section = page.split(f"## facsim {words[1]}\n")[1].split("\n## ")[0]
            for option in (word for word in words if word.startswith("--")):
                assert f"`{option}`" in section, line


@pytest.mark.parametrize("recipe", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_that_ships_is_valid(recipe):
    assert parse_recipe(recipe.read_text(encoding="utf-8")).steps


def test_the_quickstart_is_what_is_promised():
    recipe = parse_recipe((ROOT / "recipes" / "quickstart.toml").read_text(encoding="utf-8"))
    assert recipe.plan is not None
    assert recipe.plan.count == 2100
    assert recipe.steps[0].stage.size_px == 112
    assert list(recipe.products) == ["export", "train", "report"]

"""Contact sheets on the command line: of a recipe, and of people by what they show."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from facsim import cli
from facsim.commands.grid import invent_people

RECIPE = """
[plan]
count = 28
seed = 3
rows_per_shard = 14
[[step]]
use = "painted"
[[step]]
use = "select"
reject_duplicates = false
"""


@pytest.fixture
def recipe(fakes, tmp_path, monkeypatch):
    """A recipe with a cheap source."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path / "recipe.toml"


def called(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


# of a recipe


def test_preview_draws_every_cell_the_same_each_time(recipe, tmp_path):
    first = called("preview", recipe, "--out", "a.png", "--json")
    assert first.exit_code == 0, first.output
    called("preview", recipe, "--out", "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    cells = json.loads(first.stdout)["cells"]
    assert {cell["expression"] for cell in cells} == set(options_of_expression())
    assert not (tmp_path / "rounds").exists()


def options_of_expression():
    from facsim.expressions import SEVEN_EXPRESSIONS

    return SEVEN_EXPRESSIONS


def test_preview_has_no_row_without_a_picture(recipe, tmp_path):
    called("preview", recipe, "--out", "a.png", "--count", "4")
    called("preview", recipe, "--out", "b.png", "--count", "30")
    few, many = (Image.open(tmp_path / name).size for name in ("a.png", "b.png"))
    assert few == many  # 28 samples, 4 of each expression


def test_preview_draws_the_pictures_that_the_run_makes(recipe):
    from facsim.commands.drawing import draw, planned_rows
    from facsim.manifest import open_manifest
    from facsim.recipe import load_recipe

    assert called("run", recipe, "--out", "run", "--executor", "serial").exit_code == 0
    loaded = load_recipe(recipe)
    drawn = draw(loaded, planned_rows(loaded)[5:9], device="cpu", on_progress=lambda progress: None)
    made = open_manifest("run").column("painted.image")[5:9]
    assert [entry.image for entry in drawn] == [picture["bytes"] for picture in made]


def test_preview_takes_two_axes(recipe):
    result = called("preview", recipe, "--per", "expression,apparent_gender", "--json")
    cells = json.loads(result.stdout)["cells"]
    assert len({(cell["expression"], cell["apparent_gender"]) for cell in cells}) == len(cells) == 14


def test_preview_of_ages_goes_by_the_plans_ranges(recipe):
    result = called("preview", recipe, "--per", "apparent_age_years", "--count", "2", "--json")
    assert {cell["apparent_age_years"] for cell in json.loads(result.stdout)["cells"]} == {
        "5-12", "13-19", "20-39", "40-59", "60-85",
    }  # fmt: skip


def test_a_column_shows_ages_and_skin_tones_of_all_the_plan(recipe):
    from facsim.commands.drawing import planned_rows
    from facsim.recipe import load_recipe

    recipe.write_text(RECIPE.replace("count = 28", "count = 1400"))
    planned = {row["sample_id"]: row for row in planned_rows(load_recipe(recipe))}
    cells = json.loads(called("preview", recipe, "--count", "5", "--json").stdout)["cells"]
    column = [planned[cell["sample_id"]] for cell in cells if cell["expression"] == "anger"]
    tones, ages = ([row[name] for row in column] for name in ("skin_tone_monk", "apparent_age_years"))
    assert tones == sorted(tones)
    assert np.ptp(tones) >= 6
    assert min(ages) < 20
    assert max(ages) > 59


def test_preview_of_a_recipe_without_pictures_says_what_to_add(recipe):
    recipe.write_text("[plan]\ncount = 7\n")
    result = called("preview", recipe)
    assert result.exit_code == 1
    assert "add one" in result.stderr


# people by what they show


def test_a_grid_has_a_row_for_each_person_and_a_column_for_each_coding(tmp_path):
    out = tmp_path / "grid.png"
    result = called("preview", "--people", "2", "--action-units", "0, 6+12D", "--out", out, "--json")
    assert result.exit_code == 0, result.output
    cells = json.loads(result.stdout)["cells"]
    assert [cell["action_units"] for cell in cells] == ["0", "6C+12D"] * 2
    assert len({cell["row"] for cell in cells}) == 2
    assert Image.open(out).size > (2 * 192, 2 * 192)


def test_a_grid_is_the_same_each_time(tmp_path):
    for name in ("a.png", "b.png"):
        called("preview", "--people", "1", "--action-units", "12C", "--out", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_grid_of_expressions_draws_their_prototypes(tmp_path):
    result = called(
        "preview", "--people", "1", "--expressions", "happiness,surprise", "--out", tmp_path / "g.png", "--json"
    )
    happy, surprised = json.loads(result.stdout)["cells"]
    assert "12" in happy["action_units"]
    assert "26" in surprised["action_units"] or "27" in surprised["action_units"]
    assert happy["person"] == surprised["person"]


def test_people_of_a_grid_go_from_light_skin_to_dark():
    tones = [person.tone for person in invent_people(5)]
    assert tones == sorted(tones)
    assert np.ptp(tones) >= 6
    assert {person.gender for person in invent_people(4)} == {"feminine", "masculine"}
    assert len({person.identity_id for person in invent_people(12)}) == 12


@pytest.mark.parametrize(
    "arguments",
    [
        ["preview"],
        ["preview", "--action-units", "12C"],
        ["preview", "recipe.toml", "--people", "3"],
        ["preview", "recipe.toml", "--action-units", "12C"],
        ["preview", "--people", "99"],
    ],
    ids=" ".join,
)
def test_a_grid_asked_for_in_a_wrong_way_exits_with_2(recipe, arguments):
    assert called(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--action-units", "12C,99"], "no action unit"),
        (["--action-units", "19C"], "cannot show"),
        (["--expressions", "hapiness"], 'Did you mean "happiness"'),
    ],
)
def test_what_no_face_can_show_exits_with_1_and_a_hint(tmp_path, arguments, hint):
    result = called("preview", "--people", "1", "--out", tmp_path / "g.png", *arguments)
    assert result.exit_code == 1
    assert hint in result.stderr

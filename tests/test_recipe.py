import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.errors import FacsimError, RecipeError
from facsim.recipe import load_recipe, parse_recipe, recipe_schema, recipe_text

GOOD = """
[plan]
count = 70
seed = 2
[plan.quotas]
expression = { anger = 35, happiness = 35 }
apparent_gender = { feminine = "40%", masculine = "60%" }
[[step]]
use = "painted"
name = "first"
size_px = 20
terms = "no: theirs"
[[step]]
use = "painted"
[[step]]
use = "crashing"
prefix = "z"
reads = { image = "first.image" }
[[step]]
use = "select"
reject_duplicates = false
quotas = { anger = 3 }
"""


@pytest.mark.usefixtures("fakes")
class TestRecipe:
    def test_a_recipe_survives_its_own_text(self):
        recipe = parse_recipe(GOOD)
        assert parse_recipe(recipe_text(recipe)) == recipe

    def test_a_recipe_as_run_says_its_defaults(self):
        """Else another default in a later version would pass for the same settings."""
        assert "size_px = 16" in recipe_text(parse_recipe('[plan]\ncount = 7\n[[step]]\nuse = "painted"'))

    def test_a_column_is_read_from_the_latest_step_unless_said_otherwise(self):
        bindings = {step.name: bound for step, bound in parse_recipe(GOOD).bound_steps()}
        assert bindings["crashing"] == {"image": "first.image"}
        without = parse_recipe(GOOD.replace('reads = { image = "first.image" }', ""))
        assert {s.name: b for s, b in without.bound_steps()}["crashing"] == {"image": "painted.image"}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[plan\n", "not TOML"),
            ("", "neither"),
            ("[plan]\ncount = 7\n[[input]]\npath = 'x'", "both"),
            ("[plna]\ncount = 7", 'no table "plna".*Did you mean "plan"'),
            ("[plan]\ncount = 7\nsede = 1", 'no setting "sede".*Did you mean "seed"'),
            ("[plan]\nseed = 7", "plan.count is missing"),
            ("[plan]\ncount = '7'", "plan.count is '7': input should be a valid integer"),
            ("[plan]\ncount = true", "plan.count is True"),
            ("plan = 3", r"expected a table, \[plan\]"),
            ("[plan]\ncount = 7\n[step]\nuse = 'painted'", r"write \[\[step\]\]"),
            ("[plan]\ncount = 7\n[[step]]\nsize_px = 4", "says no stage"),
            ("[plan]\ncount = 7\n[[step]]\nuse = 'paintd'", 'Did you mean "painted"'),
            (
                "[plan]\ncount = 7\n[[step]]\nuse = 'painted'\nsize = 4",
                'step "painted" has no setting "size".*"size_px"',
            ),
            ("[plan]\ncount = 7\n[[step]]\nuse = 'painted'\nsize_px = 4.5", "size_px is 4.5"),
            ("[plan]\ncount = 7\n[[step]]\nuse = 'painted'\nname = 'a b'", "letters, digits"),
            ("[plan]\ncount = 7\n[[step]]\nuse = 'painted'\nterms = 3", "step 1.terms is 3"),
            ("[plan]\ncount = 7\n[[step]]\nuse = 'painted'\nterms = 'free'", 'step 1: the terms "free" say neither'),
            ("[plan]\ncount = 7\n[[step]]\nuse = 'painted'\n[[step]]\nuse = 'painted'", "two steps are called"),
            (
                "[plan]\ncount = 7\n[[step]]\nuse = 'crashing'",
                'reads "image", which no earlier step writes; add .*such as `use = "',
            ),
            (GOOD.replace("first.image", "frist.image"), 'Did you mean "first.image"'),
            (GOOD.replace("{ image =", "{ imaeg ="), 'does not read "imaeg"'),
            (GOOD.replace("anger = 3 }", "anger = -3 }"), "expected 0 or more"),
        ],
    )
    def test_a_wrong_recipe_is_refused_with_what_to_do(self, text, message):
        with pytest.raises(RecipeError, match=message):
            parse_recipe(text)

    @settings(max_examples=150, deadline=None)
    @given(
        st.text(max_size=80)
        | st.sampled_from(["count", "seed", "[plan]", "[[step]]", "use"]).flatmap(
            lambda word: st.text(max_size=30).map(
                lambda rest: f"[plan]\ncount = 7\n[[step]]\nuse = 'painted'\n{word}{rest}"
            )
        )
    )
    def test_no_text_gives_anything_but_a_recipe_or_a_refusal(self, text):
        try:
            recipe = parse_recipe(text)
        except FacsimError:
            return
        assert parse_recipe(recipe_text(recipe)) == recipe

    def test_a_relative_input_is_relative_to_the_recipe(self, tmp_path):
        (tmp_path / "r.toml").write_text('[[input]]\npath = "faces"\n[[input]]\npath = "memory://faces"')
        recipe = load_recipe(tmp_path / "r.toml")
        assert [entry.path for entry in recipe.inputs] == [str(tmp_path / "faces"), "memory://faces"]

    def test_a_recipe_that_cannot_be_read_is_named(self, tmp_path):
        with pytest.raises(RecipeError, match=r"nowhere.toml cannot be read"):
            load_recipe(tmp_path / "nowhere.toml")


def test_the_schema_names_every_stage_and_forbids_unknown_keys():
    schema = recipe_schema()
    uses = {option["properties"]["use"]["const"] for option in schema["properties"]["step"]["items"]["oneOf"]}
    assert {"render", "select", "dedupe", "hash", "ingest"} <= uses
    assert schema["properties"]["plan"]["additionalProperties"] is False
    json.dumps(schema)

import json

import pytest

from facsim.errors import FormatError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.labels.naming import Naming
from facsim.learn.sources import load_pictures
from facsim.measured import FORMAT
from facsim.recipe import parse_recipe
from facsim.runner import run
from facsim.sample import Problem, Sample

SHARES = {"fear": {"fear: terror": 0.5, "surprise: raised brows": 0.5}, "surprise": {"surprise: raised brows": 1.0}}


@pytest.fixture
def table(tmp_path):
    said = {"format": FORMAT, "fitted_on": "drawings", "natural": {"fear": 0.2, "surprise": 0.3}, "shares": SHARES}
    (tmp_path / "table.json").write_text(json.dumps(said))
    return str(tmp_path / "table.json")


def say(stage, prototype, expression):
    (row,) = stage.open("cpu")(
        [Sample(sample_id="a", values={"prototype": prototype, "expression_target": expression})]
    )
    return row


def named(row):
    return {name: share for name, share in zip(EIGHT_EXPRESSIONS, row["expression_soft"], strict=True) if share}


def test_a_variant_is_named_by_bayes_rule(table):
    stage = Naming(table=table)
    assert named(say(stage, "terror", "fear")) == {"fear": 1.0}
    # of a hundred pictures 20 are fear, half of them raised brows; 30 are surprise, all of them raised brows
    assert named(say(stage, "raised brows", "surprise")) == {"fear": 0.25, "surprise": 0.75}


def test_a_measured_variant_is_named_whatever_was_asked_for(table):
    stage = Naming(table=table)
    assert say(stage, "surprise: raised brows", "fear") == say(stage, "raised brows", "surprise")


@pytest.mark.parametrize("prototype", ["scattered", "rest", "", None])
def test_a_variant_that_the_table_lacks_is_a_problem(table, prototype):
    found = say(Naming(table=table), prototype, "neutral")
    assert isinstance(found, Problem) and found.reason == "missing_input" and "neutral: " in found.detail


def test_the_photographs_behind_the_table_are_named(table):
    assert "fitted to statistics of drawings" in Naming(table=table).weights[0]
    with pytest.raises(FormatError, match="cannot be read"):
        Naming(table="nowhere.json")


RECIPE = """
[plan]
count = 6
seed = 1

[plan.quotas]
expression = { fear = "50%", surprise = "50%" }

[[step]]
use = "render"
size_px = 16

[[step]]
use = "naming"
"""


def test_learning_reads_the_names_and_the_origin_says_whose(tmp_path):
    run(parse_recipe(RECIPE), str(tmp_path / "run"), executor="serial")
    pictures = load_pictures(tmp_path / "run")
    assert "naming: namings" in pictures.origin and "fitted to statistics of FER2013" in pictures.origin
    assert pictures.targets.shape == (6, 7) and ((pictures.targets > 0).sum(axis=1) > 1).all()

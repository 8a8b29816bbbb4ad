import json
from pathlib import Path

import pytest

from facsim.errors import FormatError, RecipeError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.labels.naming import Naming
from facsim.learn.sources import load_pictures
from facsim.manifest import open_manifest
from facsim.measured import FORMAT
from facsim.models.naming_law import FORMAT as LAW_FORMAT
from facsim.recipe import parse_recipe
from facsim.records import check_run_commercial
from facsim.runner import run
from facsim.sample import Problem, Sample

FER2013_LAW = Path(__file__).parents[2] / "recipes" / "namings" / "fer2013.json"
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


LAW = {
    "format": LAW_FORMAT,
    "fitted_on": "what a teacher calls drawings",
    "stands_on": [{"name": "teacher", "agreement": "research use", "commercial": "no"}],
    "names": ["happiness", "neutral"],
    "numbers": [{"column": "AU12", "mean": 2.0, "sd": 1.0}],
    "choices": {"occluder": ["hand_mouth"]},
    "layers": [{"weights": [[1.0, 0.0], [-9.0, 0.0]], "bias": [0.0, 0.0]}],
}


@pytest.fixture
def law(tmp_path):
    (tmp_path / "law.json").write_text(json.dumps(LAW))
    return str(tmp_path / "law.json")


def test_a_law_names_by_what_was_drawn(law):
    stage = Naming(table=law)
    assert stage.reads == ("AU12", "occluder")
    rows = [
        {"AU12": 2.0, "occluder": "none"},
        {"AU12": 5.0, "occluder": "none"},
        {"AU12": 5.0, "occluder": "hand_mouth"},
    ]
    found = stage.open("cpu")([Sample(sample_id=str(n), values=row) for n, row in enumerate(rows)])
    assert [named(row)["happiness"] for row in found] == [0.5, 0.9526, 0.0025]


def test_a_share_of_the_label_stays_with_what_was_asked_for(law, table):
    stage = Naming(table=law, asked=0.3)
    assert stage.reads == ("AU12", "occluder", "expression_target")
    row = {"AU12": 2.0, "occluder": "none"}
    asked, unasked = stage.open("cpu")(
        [Sample(sample_id=str(n), values=row | {"expression_target": name}) for n, name in enumerate(("disgust", None))]
    )
    assert named(asked) == {"disgust": 0.3, "happiness": 0.35, "neutral": 0.35}
    assert named(unasked) == {"happiness": 0.5, "neutral": 0.5}
    assert named(say(Naming(table=table, asked=0.2), "raised brows", "surprise")) == {"fear": 0.2, "surprise": 0.8}
    with pytest.raises(RecipeError, match="a share"):
        Naming(asked=1.5)


def test_a_law_s_terms_and_photographs_come_with_its_names(law):
    stage = Naming(table=law)
    assert "what a teacher calls drawings" in stage.weights[0]
    assert [(terms.name, terms.commercial) for terms in stage.model_terms] == [("teacher", "no")]
    assert Naming().model_terms == ()


def test_a_file_that_is_neither_is_refused(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "bad.json").write_text(json.dumps(LAW | {"names": ["joy"]}))
    with pytest.raises(FormatError, match="facsim measured codings 1"):
        Naming(table=str(tmp_path / "other.json"))
    with pytest.raises(FormatError, match='"joy"'):
        Naming(table=str(tmp_path / "bad.json"))


def test_renders_named_by_fer2013_s_law_are_no_commercial_matter(tmp_path):
    """The law that lies beside the recipes: it reads what a render says, and its terms go all the way."""
    text = RECIPE.replace('use = "naming"', f'use = "naming"\ntable = "{FER2013_LAW}"')
    run(parse_recipe(text), str(tmp_path / "run"), executor="serial")
    pictures = load_pictures(tmp_path / "run")
    assert pictures.targets.shape == (6, 7) and (pictures.targets.max(axis=1) < 0.999).all()
    assert [terms.commercial for terms in pictures.terms] == ["no"]
    assert "trained on 12222 photographs" in pictures.origin
    with pytest.raises(FormatError, match="commercial: no"):
        check_run_commercial(open_manifest(str(tmp_path / "run")))


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

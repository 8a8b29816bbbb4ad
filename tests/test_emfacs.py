"""facsim.emfacs: prototypes say their expression, noise lowers the score, sides matter for contempt alone."""

import ast
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facsim import emfacs
from facsim.emfacs import RULES, read_expression
from facsim.errors import FacsimError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import lateral_keys, mirrored_key
from facsim.models.action_units import SUPPORTED_AUS


def shown(text: str, value: float = 1.0) -> dict[str, float]:
    return {key: value for code in text.split("+") for key in lateral_keys(code)}


@pytest.mark.parametrize(
    ("units", "expression"),
    [
        ("6+12", "happiness"),
        ("12+25", "happiness"),
        ("1+4+15", "sadness"),
        ("1+4+15+17", "sadness"),
        ("1+2+5+26", "surprise"),
        ("1+2+5+25+27", "surprise"),
        ("1+2+4+5+20+25", "fear"),
        ("4+5+7+23", "anger"),
        ("4+7+24", "anger"),
        ("9+17", "disgust"),
        ("9+10+25", "disgust"),
    ],
)
def test_a_prototype_says_its_expression(units, expression):
    assert read_expression(shown(units)).expression == expression


def test_a_dimple_on_one_side_is_contempt_and_on_both_is_not():
    assert read_expression({"14L": 0.0, "14R": 0.9}).expression == "contempt"
    assert read_expression({"14L": 0.9, "14R": 0.9}).expression is None


def test_a_face_without_units_is_neutral_and_parted_lips_leave_it_so():
    assert read_expression({}).expression == "neutral"
    assert read_expression(shown("25+26+43")).expression == "neutral"


def test_units_of_no_rule_say_nothing():
    found = read_expression(shown("24"))
    assert (found.expression, found.score) == (None, 0.0)


def test_a_whole_prototype_scores_one_and_units_beside_it_lower_the_score():
    assert read_expression(shown("6+12")).score == 1.0
    assert read_expression(shown("6+12+4+15")).score < 0.8


def test_a_unit_less_likely_than_not_does_not_make_a_rule_hold():
    assert read_expression(shown("6+12", 0.49)).expression == "neutral"


def test_left_and_right_do_not_matter():
    one = {"14L": 0.9, "14R": 0.1, "12L": 0.7, "4R": 0.6, "17": 0.3}
    assert read_expression(one) == read_expression({mirrored_key(key): value for key, value in one.items()})


def test_every_rule_has_a_source_and_says_one_of_the_eight():
    assert all(rule.source and rule.expression in EIGHT_EXPRESSIONS for rule in RULES)
    assert {rule.expression for rule in RULES} == set(EIGHT_EXPRESSIONS) - {"neutral"}


@given(st.dictionaries(st.sampled_from(SUPPORTED_AUS), st.floats(0, 1)))
def test_any_units_give_one_of_the_eight_or_none_and_a_score_within_0_and_1(presence):
    found = read_expression(presence)
    assert found.expression in (None, *EIGHT_EXPRESSIONS)
    assert 0.0 <= found.score <= 1.0


def test_an_unknown_key_is_refused():
    with pytest.raises(FacsimError, match="12"):
        read_expression({"12": 1.0})


def test_the_rules_need_the_standard_library_alone():
    tree = ast.parse(Path(emfacs.__file__).read_text())
    names = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert names <= {*sys.stdlib_module_names, "facsim"}

"""facsim.report.evaluation_figure: an evaluation's JSON as one SVG file."""

import xml.etree.ElementTree as ElementTree

import pytest

from facsim.errors import FacsimError
from facsim.report.evaluation_figure import draw_evaluation


def figure(value):
    return {"value": value, "n": 100, "low": value - 0.05, "high": value + 0.05}


CALIBRATION = {
    "ece": figure(0.1),
    "reliability": [
        {"low": 0.4, "high": 0.5, "n": 10, "confidence": 0.45, "accuracy": 0.5},
        {"low": 0.5, "high": 0.6, "n": 0, "confidence": None, "accuracy": None},
        {"low": 0.8, "high": 0.9, "n": 10, "confidence": 0.85, "accuracy": 0.6},
    ],
    "tempered": None,
}
GROUPS = {
    "gender": {
        "groups": {"feminine & <b>": {"n": 50, "small": False, "uar": figure(0.6)}},
        "gaps": {"uar": {"difference": figure(0.1), "p": 0.04}},
    }
}
ROBUSTNESS = {
    "clean": {"accuracy": figure(0.7)},
    "curves": {"jpeg": {"1": {"accuracy": figure(0.6)}, "5": {"accuracy": figure(0.4)}}},
}


def texts(document):
    return [element.text for element in ElementTree.fromstring(document).iter() if element.text]


def test_each_thing_has_a_panel_in_one_well_formed_document():
    shown = texts(draw_evaluation({"on": "x", "calibration": CALIBRATION, "groups": GROUPS, "robustness": ROBUSTNESS}))
    assert {"Accuracy by confidence: error 0.100", "UAR by gender: gap 0.100, p = 0.040", "jpeg"} <= set(shown)
    assert "feminine & <b> (50)" in shown


def test_a_temperature_is_drawn_beside():
    tempered = {"after": {**CALIBRATION, "ece": figure(0.02)}}
    shown = texts(draw_evaluation({"calibration": {**CALIBRATION, "tempered": tempered}}))
    assert "tempered" in shown and "Accuracy by confidence: error 0.100, tempered 0.020" in shown


def test_a_group_without_a_figure_is_not_drawn():
    undefined = {"value": None, "n": 0, "low": None, "high": None}
    groups = {"gender": {"groups": {"none": {"n": 0, "small": True, "uar": undefined}}, "gaps": {}}}
    assert "none (0)" not in texts(draw_evaluation({"groups": groups}))


def test_an_evaluation_with_nothing_to_draw_is_refused():
    with pytest.raises(FacsimError, match="neither calibration, groups nor corruption curves"):
        draw_evaluation({"on": "x", "groups": {}, "robustness": None})

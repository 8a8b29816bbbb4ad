"""facsim.learn.calibration: the temperature, what it is fitted on, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize
from scipy.special import softmax

from facsim.errors import FacsimError, WeightsError
from facsim.learn.calibration import (
    TEMPERATURE_FILE,
    calibration_of,
    fit_temperature,
    load_temperature,
    save_temperature,
    tempered,
)
from facsim.learn.data import take


def sharpened(pictures, *, by: float, seed: int = 0) -> np.ndarray:
    """Scores of a classifier that is right as often as it should say, and says it with logits `by` times as large."""
    rng = np.random.default_rng(seed)
    truth = pictures.targets.argmax(axis=1)
    logits = rng.normal(0, 1, (len(pictures), len(pictures.classes)))
    # Truth is drawn from the softmax of the logits by moving a class's logit to where the truth is.
    drawn = np.array([rng.choice(len(row), p=softmax(row)) for row in logits])
    rows = np.arange(len(pictures))
    swapped = logits.copy()
    swapped[rows, truth], swapped[rows, drawn] = logits[rows, drawn], logits[rows, truth]
    return softmax(swapped * by, axis=1).astype(np.float32)


def fitted(pictures, scores, model="abc"):
    return fit_temperature(scores, pictures, classes=pictures.classes, model=model)


def test_an_overconfident_classifier_gets_the_temperature_it_was_sharpened_by(drawn):
    pictures = drawn(2100, size_px=16)
    assert fitted(pictures, sharpened(pictures, by=2.5)).value == pytest.approx(2.5, rel=0.15)


def test_the_temperature_is_the_one_that_a_plain_search_finds(drawn):
    pictures = drawn(420, size_px=16)
    scores = sharpened(pictures, by=2.0)
    truth = pictures.targets.argmax(axis=1)

    def loss(temperature: float) -> float:
        return -np.log(softmax(np.log(scores) / temperature, axis=1)[np.arange(420), truth]).mean()

    expected = optimize.minimize_scalar(loss, bounds=(0.1, 10), method="bounded").x
    assert fitted(pictures, scores).value == pytest.approx(expected, abs=1e-3)


def test_tempering_changes_no_answer_and_mends_the_error(drawn):
    pictures = drawn(1400, size_px=16)
    scores = sharpened(pictures, by=3.0)
    mended = tempered(scores, fitted(pictures, scores).value)
    before, after = (calibration_of(one, pictures, classes=pictures.classes) for one in (scores, mended))
    assert (mended.argmax(axis=1) == scores.argmax(axis=1)).all() and np.allclose(mended.sum(axis=1), 1, atol=1e-5)
    assert after.ece.value < before.ece.value / 2 and after.nll.value < before.nll.value


def test_a_temperature_of_1_is_the_scores_themselves(drawn):
    scores = sharpened(drawn(70, size_px=16), by=1.0)
    assert np.allclose(tempered(scores, 1.0), scores, atol=1e-6)


def test_a_temperature_comes_back_with_what_it_was_fitted_on(drawn, tmp_path):
    pictures = replace(drawn(210, size_px=16), origin="the validation part")
    save_temperature(tmp_path, fitted(pictures, sharpened(pictures, by=2.0)))
    back = load_temperature(tmp_path, model="abc")
    assert back.fitted_on["source"] == "the validation part" and back.fitted_on["n"] == 210
    assert back.fitted_on["nll_after"] < back.fitted_on["nll_before"]
    assert back.hashes.tolist() == sorted(set(pictures.hashes.tolist()))


def test_no_temperature_is_none(tmp_path):
    assert load_temperature(tmp_path, model="abc") is None


def test_a_temperature_of_other_weights_is_refused(drawn, tmp_path):
    pictures = drawn(210, size_px=16)
    save_temperature(tmp_path, fitted(pictures, sharpened(pictures, by=2.0)))
    with pytest.raises(WeightsError, match="was made for weights abc, found xyz"):
        load_temperature(tmp_path, model="xyz")


@pytest.mark.parametrize("text", ["", "[1]", '{"temperature": "warm"}', '{"temperature": 1}'])
def test_a_damaged_temperature_is_refused(tmp_path, text):
    (tmp_path / TEMPERATURE_FILE).write_text(text)
    with pytest.raises(WeightsError, match="cannot be read"):
        load_temperature(tmp_path, model="abc")


def test_a_temperature_out_of_range_is_refused(drawn, tmp_path):
    pictures = drawn(210, size_px=16)
    file = save_temperature(tmp_path, fitted(pictures, sharpened(pictures, by=2.0)))
    file.write_text(json.dumps({**json.loads(file.read_text()), "temperature": -1}))
    with pytest.raises(WeightsError, match="calibrate again"):
        load_temperature(tmp_path, model="abc")


def test_too_few_pictures_are_refused(drawn):
    pictures = drawn(70, size_px=16)
    with pytest.raises(FacsimError, match="found 70 pictures of 7 classes to fit a temperature on"):
        fitted(pictures, sharpened(pictures, by=1.0))


def test_one_class_alone_is_refused(drawn):
    pictures = drawn(1400, size_px=16)
    alone = take(pictures, np.flatnonzero(np.array(pictures.labels) == "anger"))
    with pytest.raises(FacsimError, match="200 pictures of 1 classes"):
        fitted(alone, sharpened(alone, by=1.0))


def test_a_classifier_that_is_always_right_has_no_best_temperature(drawn):
    pictures = drawn(140, size_px=16)
    scores = (pictures.targets * 0.3 + 0.1).astype(np.float32)
    with pytest.raises(FacsimError, match="always right"):
        fitted(pictures, scores / scores.sum(axis=1, keepdims=True))

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from facsim.learn.labellers.attributes import (
    AttributesTask,
    attributes_task,
    calibrated_attributes,
    calibration_half,
    figures_of,
    fit_calibration,
    truth_of,
)
from facsim.learn.labellers.fitting import fit_labeller
from facsim.learn.training_config import TrainingConfig
from facsim.models.apparent import AGE_MIDDLE, AGE_UNIT, WIDTH, read_apparent, sliced


@pytest.fixture(scope="module")
def task(people_run):
    made = attributes_task(people_run)
    held = made.faces.person % 3 == 0  # of twelve people four
    return AttributesTask(faces=replace(made.faces, held_out=held), widths=(8, 8, 8, 8))


def drawn(count=4000, seed=0):
    """Outputs whose deviations are half of what they should be, and the truth."""
    rng = np.random.default_rng(seed)
    outputs = np.zeros((count, WIDTH), dtype=np.float32)
    outputs[:, sliced("age")] = np.stack([rng.normal(0, 0.5, count), np.full(count, np.log(0.25))], axis=1)
    outputs[:, sliced("gender")] = rng.normal(0, 4.0, (count, 1))
    outputs[:, sliced("tone")] = rng.normal(0, 3.0, (count, 10))
    said = read_apparent(outputs)
    cool = read_apparent(outputs, {"age_sd": 1.0, "gender": 2.0, "ancestry_sd": 1.0, "tone": 3.0, "ita_sd": 1.0})
    tones = np.array([rng.choice(10, p=chances) for chances in cool.tones]) + 1
    truth = {
        "apparent_age_years": said.age_years + rng.normal(0, 2 * 0.25 * AGE_UNIT, count),
        "masculine": (rng.random(count) < cool.masculine).astype(float),
        "apparent_ancestry": rng.dirichlet([1, 1, 1], count),
        "skin_tone_monk": tones.astype(float),
        "ita_deg": rng.normal(10, 30, count),
    }
    return outputs, truth


def test_calibration_finds_the_factors_and_temperatures_that_the_truth_was_drawn_with():
    found = fit_calibration(*drawn())
    assert found["age_sd"] == pytest.approx(2.0, abs=0.08)
    assert found["gender"] == pytest.approx(2.0, abs=0.25)
    assert found["tone"] == pytest.approx(3.0, abs=0.35)


def test_calibrated_deviations_hold_two_thirds_of_the_truth():
    outputs, truth = drawn()
    figures = figures_of(read_apparent(outputs, fit_calibration(*drawn(seed=1))), truth)
    assert figures["age_within_one_sd"] == pytest.approx(0.683, abs=0.03)
    assert figures["ita_within_one_sd"] == pytest.approx(0.683, abs=0.03)


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    outputs, truth = drawn(300)
    said = read_apparent(outputs)
    found = figures_of(said, truth)["gender_auc"]
    assert found == pytest.approx(roc_auc_score(truth["masculine"] > 0.5, said.masculine))


def test_the_true_answer_has_the_least_loss(task):
    _, truth = task.batch(np.arange(24), seed=None)
    right = torch.zeros(24, WIDTH)
    right[:, 0] = (truth["apparent_age_years"] - AGE_MIDDLE) / AGE_UNIT
    right[:, sliced("gender")] = (truth["masculine"][:, None] * 2 - 1) * 6
    right[:, sliced("ancestry")][:, :3] = truth["apparent_ancestry"].clamp(min=1e-4).log()
    right[torch.arange(24), sliced("tone").start + truth["skin_tone_monk"].long() - 1] = 12.0
    for part in ("age", "gender", "ancestry", "tone"):
        wrong = right.clone()
        wrong[:, sliced(part)] = wrong[:, sliced(part)].roll(7, dims=0) + torch.randn(24, 1)
        assert task.loss(right, truth) < task.loss(wrong, truth), part


def test_a_tone_missed_by_one_costs_less_than_by_five(task):
    _, truth = task.batch(np.arange(24), seed=None)
    costs = []
    for step in (0, 1, 5):
        outputs = torch.zeros(24, WIDTH)
        tones = (truth["skin_tone_monk"].long() - 1 + step) % 10
        kept = truth["skin_tone_monk"] <= 5
        outputs[torch.arange(24), sliced("tone").start + tones] = 8.0
        some = {name: value[kept] for name, value in truth.items()}
        costs.append(float(task.loss(outputs[kept], some)))
    assert costs[0] < costs[1] < costs[2]


def test_figures_are_of_people_that_nothing_was_calibrated_on(task):
    half, person = calibration_half(task), task.faces.person[task.held_out]
    assert not set(person[half]) & set(person[~half]) and half.any() and not half.all()


def test_a_taught_model_is_calibrated_and_says_so(task, tmp_path):
    config = TrainingConfig(steps=4, batch_size=8, ema=0.5, validation="none", threads=1)
    labeller = fit_labeller(task, config, out=tmp_path).labeller
    finished = calibrated_attributes(labeller, task)
    assert finished.settings["calibration"] != labeller.settings["calibration"]
    assert finished.settings["template"] == "wide"


def test_what_is_true_comes_from_the_run(task):
    truth = truth_of(task.faces, np.arange(24))
    assert set(np.unique(truth["masculine"])) <= {0.0, 1.0}
    assert truth["apparent_ancestry"].sum(axis=1) == pytest.approx(np.ones(24), abs=1e-3)

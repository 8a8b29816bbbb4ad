"""facsim.learn.labellers.action_units: sides in mirror images, grey pictures, the loss by hand, honest deviations."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from facsim.facs import column_name, mirrored_key
from facsim.learn.labellers.action_units import (
    ActionUnitTask,
    calibrated_action_units,
    calibration_rows,
)
from facsim.learn.labellers.cropping import Crop
from facsim.learn.labellers.faces import Faces
from facsim.learn.labellers.tasks import find_task
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.face_crop import template_points
from facsim.models.intensities import LOG_VARIANCE, intensities_of, split_outputs
from facsim.models.labeller import Labeller, initialised_label_network

COUNT = 24


@pytest.fixture
def task():
    """Coloured noise with landmarks in the middle, and random intensities."""
    rng = np.random.default_rng(0)
    five = np.broadcast_to(template_points("wide", size_px=48), (COUNT, 5, 2)).astype(np.float32)
    points = np.repeat(five.mean(axis=1, keepdims=True), 68, axis=1) + rng.uniform(-10, 10, (COUNT, 68, 2))
    columns = {column_name(key): rng.uniform(0, 5, COUNT).astype(np.float32) for key in SUPPORTED_AUS}
    faces = Faces(
        pictures=rng.integers(0, 256, (COUNT, 48, 48, 3)).astype(np.uint8),
        parts=None,
        columns={"landmarks_68": points.astype(np.float32), "landmarks_5": five, **columns},
        names={},
        person=np.arange(COUNT) // 2,
        held_out=np.arange(COUNT) >= COUNT // 2,
        origin="noise",
        fingerprint="0",
    )
    return ActionUnitTask(faces=faces, crop=Crop(size_px=32), widths=(4, 4, 8, 8), depths=(1, 1, 1, 1), grid=2)


def labeller_of(task):
    name, shape = task.network
    network = initialised_label_network(name, shape, generator=torch.Generator().manual_seed(0)).eval()
    return Labeller(
        task="action_units", network=network, preprocessing=task.preprocessing, settings=dict(task.settings)
    )


def test_a_batch_that_is_cut_exactly_has_the_rows_own_intensities(task):
    rows = np.arange(6)
    pictures, targets = task.batch(rows, seed=None)
    assert pictures.shape == (6, 3, 32, 32)
    assert np.array_equal(targets.numpy(), task.intensities(rows))


def test_in_mirror_images_the_sides_of_the_intensities_are_swapped(task):
    rows = np.arange(12)
    _, targets = task.batch(rows, seed=1)
    own = task.intensities(rows)
    swapped = own[:, [SUPPORTED_AUS.index(mirrored_key(key)) for key in SUPPORTED_AUS]]
    kept = (targets.numpy() == own).all(axis=1)
    turned = (targets.numpy() == swapped).all(axis=1)
    assert (kept ^ turned).all() and kept.any() and turned.any()


def test_some_pictures_lose_their_colours_in_training_alone(task):
    def grey(pictures):
        return (pictures.std(dim=1).amax(dim=(1, 2)) < 1e-5).numpy()

    assert not grey(task.batch(np.arange(COUNT), seed=None)[0]).any()
    share = np.mean([grey(task.batch(np.arange(COUNT), seed=seed)[0]).mean() for seed in range(8)])
    assert 0.1 < share < 0.5


def test_the_loss_is_beta_nll_as_computed_by_hand(task):
    mean, log_variance = 1.0, 0.5
    low, high = LOG_VARIANCE
    raw = math.log((log_variance - low) / (high - log_variance))
    outputs = torch.tensor([[mean] * 45 + [raw] * 45])
    expected = math.exp(0.5 * log_variance) * ((2.0 - mean) ** 2 / math.exp(log_variance) + log_variance) / 2
    assert task.loss(outputs, torch.full((1, 45), 2.0)).item() == pytest.approx(expected, rel=1e-5)


def test_variances_stay_within_their_range_whatever_the_network_says():
    _, log_variance = split_outputs(torch.tensor([[0.0, -1e9], [0.0, 1e9]]))
    assert log_variance.flatten().tolist() == pytest.approx(LOG_VARIANCE)


def test_calibrated_deviations_are_as_large_as_errors_are(task):
    taught = labeller_of(task)
    calibrated = calibrated_action_units(taught, task)
    rows = task.held_out[calibration_rows(task)]
    with torch.inference_mode():
        outputs = taught.network((task.batch(rows, seed=None)[0] - 0.5) / 0.25).numpy()
    mean, deviation = intensities_of(outputs, calibrated.settings)
    ratio = (mean - task.intensities(rows)) / deviation
    assert np.allclose(np.sqrt((ratio**2).mean(axis=0)), 1, atol=1e-2)


def test_nobody_that_a_scale_is_fitted_on_is_measured(task):
    people = task.faces.person[task.held_out]
    fitted = calibration_rows(task)
    assert not set(people[fitted]) & set(people[~fitted]) and fitted.any() and (~fitted).any()


def test_the_figures_are_1_for_the_truth_itself(task):
    truth = task.intensities(task.held_out)
    found = task.examine({"outputs": np.concatenate([truth, np.zeros_like(truth)], axis=1)})
    assert found["icc_3_1_mean"] == pytest.approx(1) and found["mean_absolute_error"] == 0


def test_the_table_of_tasks_calibrates_what_it_taught(task):
    entry = find_task("action_units")
    assert entry.finished(labeller_of(task), task).settings["deviation_scales"] != [1.0] * 45
    assert replace(entry, finish="").finished(labeller_of(task), task).settings["deviation_scales"] == [1.0] * 45

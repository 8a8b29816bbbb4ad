import math

import numpy as np
import pytest
import torch

from facsim.learn.checkpoint import CHECKPOINT_FILE
from facsim.learn.labellers.fitting import CompanionTask, fit_labeller
from facsim.learn.labellers.identity import (
    IdentityTask,
    differing_pairs,
    identity_task,
    margin_logits,
    partly_grey,
    verification_pairs,
)
from facsim.learn.training_config import TrainingConfig
from facsim.models.labeller import load_labeller

CONFIG = TrainingConfig(steps=8, batch_size=8, lr=2e-3, ema=0.9, validation="none", threads=1, checkpoint_steps=3)


@pytest.fixture(scope="module")
def task(people_run):
    made = identity_task(people_run)
    return IdentityTask(faces=made.faces, size=16, widths=(8, 8, 8, 8))


def test_without_a_margin_the_logits_are_scaled_cosines():
    embeddings, classes = torch.randn(5, 7), torch.randn(4, 7)
    found = margin_logits(embeddings, classes, torch.tensor([0, 1, 2, 3, 0]), margin=0.0, scale=10.0)
    cosines = torch.nn.functional.cosine_similarity(embeddings[:, None], classes[None], dim=2)
    assert torch.allclose(found, 10 * cosines, atol=1e-4)


def test_the_margin_is_added_to_the_angle_of_the_true_class_alone():
    angles = torch.tensor([0.2, 1.0, 2.5])
    embeddings = torch.stack([angles.cos(), angles.sin()], dim=1) * 3.0
    classes = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = margin_logits(embeddings, classes, torch.zeros(3, dtype=torch.long), margin=0.5, scale=1.0)
    assert found[:, 0].tolist() == pytest.approx([math.cos(0.7), math.cos(1.5), math.cos(3.0)], abs=1e-5)
    assert found[:, 1].tolist() == pytest.approx(angles.sin().tolist(), abs=1e-5)


def test_the_true_logit_falls_with_the_angle_to_the_end():
    angles = torch.linspace(0.01, math.pi - 0.01, 60)
    embeddings = torch.stack([angles.cos(), angles.sin()], dim=1)
    found = margin_logits(
        embeddings, torch.tensor([[1.0, 0.0]]), torch.zeros(60, dtype=torch.long), margin=0.5, scale=1
    )
    assert (found[1:, 0] < found[:-1, 0]).all()


def test_people_held_out_are_no_classes(task):
    companion = task.companion(torch.Generator().manual_seed(0))
    rows = task.training[:8]
    outputs = torch.randn(8, 16, requires_grad=True)
    task.joint_loss(outputs, torch.from_numpy(task.faces.person[rows]), companion, progress=0.5).backward()
    held = np.unique(task.faces.person[task.held_out])
    assert companion.weight.grad[held].abs().max() == 0 and companion.weight.grad.abs().max() > 0


def test_the_margin_grows_from_nothing(task):
    companion = task.companion(torch.Generator().manual_seed(0))
    rows = task.training[:8]
    outputs = torch.randn(8, 16)
    targets = torch.from_numpy(task.faces.person[rows])
    losses = [float(task.joint_loss(outputs, targets, companion, progress=p).detach()) for p in (0, 0.1, 0.4, 0.9, 1)]
    assert losses[0] == losses[1] < losses[2] < losses[3] == losses[4]


def test_the_classes_ride_in_the_checkpoint_and_are_no_part_of_the_model(task, tmp_path):
    assert isinstance(task, CompanionTask)

    class Stop(Exception):
        pass

    def stop(step, *_):
        raise Stop

    whole = fit_labeller(task, CONFIG, out=tmp_path / "whole")
    from facsim.learn.labellers import fitting

    before, fitting._LOG_STEPS = fitting._LOG_STEPS, 4
    try:
        with pytest.raises(Stop):
            fit_labeller(task, CONFIG, out=tmp_path / "cut", on_step=stop)
    finally:
        fitting._LOG_STEPS = before
    assert (tmp_path / "cut" / CHECKPOINT_FILE).exists()
    again = fit_labeller(task, CONFIG, out=tmp_path / "cut")
    assert again.labeller.sha256 == whole.labeller.sha256
    loaded = load_labeller("identity", tmp_path / "whole")
    assert not [name for name in loaded.network.state_dict() if "companion" in name]
    assert loaded.network.get_parameter("head.weight").shape[0] == 16


def test_pairs_of_one_person_are_all_there_and_impostors_are_two():
    person = np.repeat([3, 5, 9], 4)
    embeddings = np.random.default_rng(0).normal(0, 1, (12, 6))
    pairs, (one, other) = verification_pairs(embeddings, person, impostors=200)
    assert pairs.same.sum() == 3 * 6 and (~pairs.same).sum() <= 3 * 16
    cosines = (embeddings @ embeddings.T) / np.outer(*[np.linalg.norm(embeddings, axis=1)] * 2)
    assert pairs.scores == pytest.approx(cosines[one, other])
    by_distance, _ = verification_pairs(embeddings, person, impostors=200, by="distance")
    assert by_distance.scores == pytest.approx(-np.linalg.norm(embeddings[one] - embeddings[other], axis=1))


def test_a_picture_does_not_differ_from_itself(task):
    rows = np.arange(24)
    assert not any(differs.any() for differs in differing_pairs(task.faces, rows, rows).values())


def test_a_share_of_the_pictures_loses_its_colour():
    pictures = torch.rand(400, 3, 4, 4)
    found = partly_grey(pictures, share=0.3, seed=1)
    grey = (found[:, 0] == found[:, 1]).flatten(1).all(dim=1)
    assert 80 < int(grey.sum()) < 160
    assert torch.equal(found[~grey], pictures[~grey])

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from facsim.errors import FacsimError, ManifestError
from facsim.learn.checkpoint import CHECKPOINT_FILE
from facsim.learn.labellers.fitting import fit_labeller, predict_rows
from facsim.learn.training_config import TrainingConfig
from facsim.models.classifier import Preprocessing
from facsim.models.labeller import load_labeller


def blobs(count=200):
    rng = np.random.default_rng(0)
    places = rng.integers(4, 28, (count, 2))
    pictures = np.zeros((count, 1, 32, 32), np.float32)
    for picture, (x, y) in zip(pictures, places, strict=True):
        picture[0, y - 3 : y + 3, x - 3 : x + 3] = 1
    return pictures, (places / 32).astype(np.float32)


@dataclass(kw_only=True)
class Places:
    """Where a white square lies."""

    name: ClassVar = "blobs"
    network: ClassVar = ("face_net", {"outputs": 2, "channels": 1, "widths": (8, 16), "depths": (1, 1), "grid": 4})
    preprocessing: ClassVar = Preprocessing(size_px=32, colour="grey", mean=(0.1,), std=(0.3,))
    settings: ClassVar = {"outputs": ["x", "y"]}
    provenance: ClassVar = {"trained_on": "squares", "selected_on": "nothing"}
    identity: ClassVar = {"squares": 200}
    training: ClassVar = np.arange(160)
    held_out: ClassVar = np.arange(160, 200)
    scale: float = 1.0
    data: tuple = field(default_factory=blobs)

    def batch(self, rows, *, seed):
        pictures, places = self.data
        return torch.from_numpy(pictures[rows]), torch.from_numpy(places[rows])

    def loss(self, outputs, targets):
        return ((outputs - targets) ** 2).mean() * self.scale

    def examine(self, outputs):
        return {"miss": np.abs(outputs["outputs"] - self.data[1][self.held_out]).mean()}


CONFIG = TrainingConfig(steps=120, batch_size=32, lr=5e-3, ema=0.9, validation="none", threads=1, checkpoint_steps=50)


def test_a_task_is_learnt_and_its_figures_are_on_the_card(tmp_path):
    fitted = fit_labeller(Places(), CONFIG, out=tmp_path)
    assert fitted.scores["miss"] < 0.06
    assert "trained_on: squares" in (tmp_path / "card.md").read_text()
    loaded = load_labeller("blobs", tmp_path)
    assert predict_rows(loaded, Places(), np.arange(5))["outputs"].shape == (5, 2)


def test_a_stopped_run_taken_up_again_equals_an_unbroken_one(tmp_path):
    whole = fit_labeller(Places(), CONFIG, out=tmp_path / "whole")

    class Stop(Exception):
        pass

    def stop(step, *_):
        if step >= 60:
            raise Stop

    with pytest.raises(Stop):
        fit_labeller(Places(), CONFIG, out=tmp_path / "cut", on_step=stop)
    assert (tmp_path / "cut" / CHECKPOINT_FILE).exists()
    assert fit_labeller(Places(), CONFIG, out=tmp_path / "cut").labeller.sha256 == whole.labeller.sha256


def test_a_finished_model_is_found_again(tmp_path):
    first = fit_labeller(Places(), CONFIG, out=tmp_path)
    steps = []
    again = fit_labeller(Places(), CONFIG, out=tmp_path, on_step=lambda *said: steps.append(said))
    assert again.labeller.sha256 == first.labeller.sha256 and not steps


def test_another_training_in_the_folder_is_refused(tmp_path):
    fit_labeller(Places(), replace(CONFIG, time_budget_s=0.001), out=tmp_path)
    with pytest.raises(ManifestError, match="another training"):
        fit_labeller(Places(), replace(CONFIG, lr=1e-3), out=tmp_path)


def test_every_row_is_seen_as_often(tmp_path):
    seen = []

    class Counted(Places):
        def batch(self, rows, *, seed):
            if seed is not None:
                seen.extend(rows.tolist())
            return super().batch(rows, seed=seed)

    fit_labeller(Counted(), CONFIG, out=tmp_path)
    counts = np.bincount(seen, minlength=160)
    assert counts[:160].tolist() == [24] * 160 and counts[160:].sum() == 0


def test_a_loss_that_is_not_finite_stops_with_what_to_do(tmp_path):
    with pytest.raises(FacsimError, match="lower lr"):
        fit_labeller(Places(scale=float("inf")), CONFIG, out=tmp_path)

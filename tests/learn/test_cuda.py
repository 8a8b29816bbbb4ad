"""Training and pre-training on a GPU against the same on a CPU; skipped, saying so, where there is none."""

import numpy as np
import pytest
import torch

from facsim.learn.predict import predict
from facsim.learn.selfsupervised.pretraining import pretrain
from facsim.learn.train import train
from facsim.learn.training_config import TrainingConfig
from facsim.models.weights import load_classifier

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

SMALL = {"widths": (8, 16), "depths": (1, 1)}
KINDS = {
    "plain": {},
    "sam": {"sam_rho": 0.05, "optimiser": "adam"},
    "mixed": {"mixup_alpha": 0.4, "cutmix_alpha": 1.0, "erasing_p": 0.5, "accumulation": 2},
    "contiguous": {"channels_last": False},
}


def small(**changes) -> TrainingConfig:
    settings = {"steps": 12, "batch_size": 16, "network_config": SMALL, "lr": 5e-4, "threads": 1}
    return TrainingConfig(**{**settings, **changes})


def losses_of(done) -> np.ndarray:
    return np.array([entry["loss"] for entry in done.curve if "loss" in entry])


@pytest.mark.parametrize("name", KINDS)
def test_a_gpus_losses_are_a_cpus_but_for_rounding(tmp_path, drawn, name):
    pictures = drawn(70)
    cpu = train(pictures, small(**KINDS[name]), out=tmp_path / "cpu")
    cuda = train(pictures, small(device="cuda", **KINDS[name]), out=tmp_path / "cuda")
    assert np.allclose(losses_of(cpu), losses_of(cuda), rtol=2e-2)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_narrow_precision_learns_what_fp32_learns(tmp_path, drawn, precision):
    pictures = drawn(70)
    wide = train(pictures, small(device="cuda"), out=tmp_path / "fp32")
    narrow = train(pictures, small(device="cuda", precision=precision), out=tmp_path / precision)
    assert np.allclose(losses_of(wide), losses_of(narrow), rtol=5e-2)


def test_a_run_stopped_on_a_gpu_goes_on_there(tmp_path, drawn, monkeypatch):
    pictures = drawn(70)
    whole = train(pictures, small(device="cuda"), out=tmp_path / "whole")
    stopped = train(pictures, small(device="cuda", time_budget_s=1e-6), out=tmp_path / "parts")
    assert stopped.stopped == "time_budget"
    resumed = train(pictures, small(device="cuda"), out=tmp_path / "parts")
    assert np.allclose(losses_of(whole), losses_of(resumed), rtol=1e-3)


def test_what_was_trained_on_a_gpu_answers_on_a_cpu(tmp_path, drawn):
    pictures = drawn(70)
    done = train(pictures, small(device="cuda"), out=tmp_path / "model")
    on_cpu = predict(load_classifier(tmp_path / "model"), pictures)
    on_gpu = predict(load_classifier(tmp_path / "model", device="cuda"), pictures)
    assert done.stopped == "finished" and np.allclose(on_cpu, on_gpu, atol=2e-2)


@pytest.mark.parametrize("method", ["simclr", "byol", "moco-v3", "mae"])
def test_pretraining_runs_on_a_gpu(tmp_path, drawn, pretraining_of, method):
    done = pretrain(drawn(64), pretraining_of(method, device="cuda"), out=tmp_path / method)
    assert done.stopped == "finished"

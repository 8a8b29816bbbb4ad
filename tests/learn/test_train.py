"""facsim.learn.train: learning, exact resume, the time budget, and what is refused."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from facsim.errors import FacsimError, ManifestError
from facsim.learn import train as training
from facsim.learn.checkpoint import CHECKPOINT_FILE
from facsim.learn.data import chooser_split, is_chooser
from facsim.learn.leaks import load_training_hashes
from facsim.learn.predict import predict
from facsim.learn.train import train
from facsim.learn.training_config import TrainingConfig
from facsim.models.weights import WEIGHTS_FILE, load_classifier


def small(**changes) -> TrainingConfig:
    shape = {"widths": (8, 16), "depths": (1, 1)}
    settings = {"steps": 24, "batch_size": 16, "network_config": shape, "threads": 1, "ema": 0.9}
    return TrainingConfig(**{**settings, **changes})


class Killed(Exception):
    pass


def kill_at(step: int):
    def on_progress(done: int, total: int, rate: float, loss: float) -> None:
        if done >= step:
            raise Killed

    return on_progress


def weights_of(folder) -> bytes:
    return (folder / WEIGHTS_FILE).read_bytes()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, drawn):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("unbroken")
    return folder, train(drawn(150), small(), out=folder)


@pytest.mark.parametrize("checkpoint_steps", [3, 7, 11])
def test_resumed_run_equals_unbroken_run_bit_for_bit(tmp_path, drawn, unbroken, checkpoint_steps):
    config = small(checkpoint_steps=checkpoint_steps)
    for step in (10, 20):
        with pytest.raises(Killed):
            train(drawn(150), config, out=tmp_path, on_progress=kill_at(step))
    model = train(drawn(150), config, out=tmp_path)
    assert weights_of(tmp_path) == weights_of(unbroken[0])
    assert model.curve == unbroken[1].curve


def test_a_run_killed_before_its_first_checkpoint_starts_again(tmp_path, drawn, unbroken):
    with pytest.raises(Killed):
        train(drawn(150), small(), out=tmp_path, on_progress=kill_at(10))
    train(drawn(150), small(), out=tmp_path)
    assert weights_of(tmp_path) == weights_of(unbroken[0])


def test_the_time_budget_stops_at_a_checkpoint_and_says_so(tmp_path, drawn):
    model = train(drawn(150), small(steps=100_000, time_budget_s=0.5), out=tmp_path)
    assert model.stopped == "time_budget" and 0 < model.step < model.total_steps == 100_000
    assert (tmp_path / CHECKPOINT_FILE).exists() and (tmp_path / WEIGHTS_FILE).exists()


def test_a_run_stopped_by_its_budget_and_resumed_equals_an_unbroken_one(tmp_path, drawn, unbroken, monkeypatch):
    steps = iter(range(10**6))
    monkeypatch.setattr(training.time, "monotonic", lambda: next(steps) * 0.1)
    first = train(drawn(150), small(time_budget_s=0.95), out=tmp_path)
    assert first.stopped == "time_budget" and first.step == 10
    train(drawn(150), small(), out=tmp_path)
    assert weights_of(tmp_path) == weights_of(unbroken[0])


def test_a_finished_run_is_returned_as_it_is(tmp_path, drawn):
    train(drawn(60), small(steps=4), out=tmp_path)
    before = (tmp_path / WEIGHTS_FILE).stat().st_mtime_ns
    again = train(drawn(60), small(steps=4, time_budget_s=0.001), out=tmp_path)
    assert again.stopped == "finished" and (tmp_path / WEIGHTS_FILE).stat().st_mtime_ns == before


def test_a_checkpoint_of_other_settings_is_refused_naming_them(tmp_path, drawn):
    train(drawn(60), small(steps=1000, time_budget_s=0.0), out=tmp_path)
    with pytest.raises(ManifestError, match=r"lr was 0\.002, is 0\.1"):
        train(drawn(60), small(steps=1000, lr=0.1), out=tmp_path)


def test_a_checkpoint_of_other_pictures_is_refused(tmp_path, drawn):
    train(drawn(60), small(steps=1000, time_budget_s=0.0), out=tmp_path)
    with pytest.raises(ManifestError, match="pictures was"):
        train(drawn(61), small(steps=1000), out=tmp_path)


def test_a_finished_model_of_another_training_is_refused(tmp_path, drawn):
    train(drawn(60), small(steps=2), out=tmp_path)
    with pytest.raises(ManifestError, match="another training"):
        train(drawn(60), small(steps=2, seed=1), out=tmp_path)


def test_without_resume_a_run_starts_afresh(tmp_path, drawn):
    train(drawn(60), small(steps=2), out=tmp_path)
    assert train(drawn(60), small(steps=3), out=tmp_path, resume=False).step == 3


def test_a_damaged_checkpoint_is_refused(tmp_path, drawn):
    train(drawn(60), small(steps=1000, time_budget_s=0.0), out=tmp_path)
    file = tmp_path / CHECKPOINT_FILE
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(ManifestError, match="damaged"):
        train(drawn(60), small(steps=1000), out=tmp_path)


def test_it_learns_what_can_be_learnt(tmp_path, drawn):
    wide = {"widths": (16, 32, 64), "depths": (1, 1, 1)}
    model = train(drawn(350), small(steps=70, batch_size=32, network_config=wide), out=tmp_path)
    unseen = drawn(140, seed=1)
    right = predict(model.classifier, unseen).argmax(axis=1) == unseen.targets.argmax(axis=1)
    assert right.mean() > 0.9


def test_another_seed_gives_another_model(tmp_path, drawn, unbroken):
    train(drawn(150), small(seed=1), out=tmp_path)
    assert weights_of(tmp_path) != weights_of(unbroken[0])


def test_the_global_generator_is_neither_read_nor_moved(tmp_path, drawn, unbroken):
    torch.manual_seed(123)
    before = torch.get_rng_state()
    train(drawn(150), small(), out=tmp_path)
    assert torch.equal(torch.get_rng_state(), before)
    assert weights_of(tmp_path) == weights_of(unbroken[0])


def test_the_number_of_threads_is_put_back(tmp_path, drawn):
    torch.set_num_threads(2)
    train(drawn(60), small(steps=1, threads=1), out=tmp_path)
    assert torch.get_num_threads() == 2


def test_soft_labels_can_be_trained_on(tmp_path, drawn):
    pictures = drawn(70)
    blurred = dataclasses.replace(pictures, targets=(pictures.targets * 0.8 + 0.2 / 7).astype(np.float32))
    curve = train(blurred, small(steps=10), out=tmp_path).curve
    assert [np.isfinite(entry["loss"]) for entry in curve if "loss" in entry] == [True]


def test_validation_pictures_are_never_trained_on(tmp_path, drawn):
    pictures = drawn(150)
    train(pictures, small(steps=2), out=tmp_path)
    held_out = {int(h) for name, h in zip(pictures.ids, pictures.hashes, strict=True) if is_chooser(name)}
    assert held_out and not held_out & set(load_training_hashes(tmp_path).tolist())


def test_the_curve_holds_losses_and_validation(unbroken):
    entries = unbroken[1].curve
    assert [entry["step"] for entry in entries if "loss" in entry] == [10, 20, 24]
    assert entries[-1].keys() == {"step", "validation_accuracy", "validation_uar"}


def test_without_validation_every_picture_is_trained_on(tmp_path, drawn):
    train(drawn(60), small(steps=1, validation="none"), out=tmp_path)
    assert len(load_training_hashes(tmp_path)) == 60


def test_the_model_says_what_it_was_trained_on(unbroken, drawn):
    folder, _ = unbroken
    known = load_classifier(folder).provenance
    assert known["pictures"] == len(chooser_split(drawn(150))[0]) and known["steps"] == 24
    assert json.loads((folder / "training.json").read_text())["stopped"] == "finished"


def test_progress_is_told_to_the_end(tmp_path, drawn):
    told = []
    train(drawn(60), small(steps=15), out=tmp_path, on_progress=lambda *news: told.append(news))
    assert [news[:2] for news in told] == [(10, 15), (15, 15)] and all(news[2] > 0 for news in told)


def test_a_single_class_is_refused(tmp_path, drawn):
    with pytest.raises(FacsimError, match="at least two classes"):
        train(drawn(1), small(validation="none"), out=tmp_path)


def test_a_loss_that_is_not_finite_is_refused(tmp_path, drawn):
    with pytest.raises(FacsimError, match="lower lr"):
        train(drawn(60), small(lr=1e30), out=tmp_path)


def test_rgb_pictures_train_too(tmp_path, drawn):
    pictures = drawn(70)
    coloured = dataclasses.replace(pictures, images=np.repeat(pictures.images[..., None], 3, axis=3))
    model = train(coloured, small(steps=2), out=tmp_path)
    assert predict(model.classifier, coloured).shape == (70, 7)

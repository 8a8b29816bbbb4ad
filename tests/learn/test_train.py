"""facsim.learn.train: learning, exact resume, the time budget, and what is refused."""

import dataclasses
import functools
import json

import numpy as np
import pytest
import safetensors.torch
import torch

from facsim.errors import FacsimError, ManifestError
from facsim.learn import train as training
from facsim.learn.alignment import moment_gap
from facsim.learn.checkpoint import CHECKPOINT_FILE
from facsim.learn.data import chooser_split, is_chooser, take
from facsim.learn.leaks import load_chosen_on, load_training_hashes
from facsim.learn.predict import predict
from facsim.learn.train import train
from facsim.learn.training_config import TrainingConfig
from facsim.models.classifier import nchw, prepare
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


VARIANTS = {
    "sam": {"sam_rho": 0.05, "optimiser": "adam", "loss": "poster", "schedule": "exponential", "warmup": 0.0},
    "adaptive_sam": {"sam_rho": 0.5, "sam_adaptive": True},
    "momentum": {"optimiser": "sgd", "lr": 0.01, "schedule": "constant"},
    "half": {"precision": "fp16"},
    "bfloat": {"precision": "bf16"},
    "mixing": {"mixup_alpha": 0.4, "cutmix_alpha": 1.0, "erasing_p": 0.5, "accumulation": 2},
    "aligned": {"alignment": 0.5, "alignment_kernel": "rbf"},
    "units": {"action_units": 1.0},
    "units_mixed": {"action_units": 1.0, "mixup_alpha": 0.4, "sam_rho": 0.05, "accumulation": 2},
    "best": {"selection": "best", "validations": 6},
    "head": {"freeze_backbone": True},
    "planes": {"channels_last": False},
    "no_average": {"ema": 0.0},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_training_resumes_to_the_bit(tmp_path, drawn, with_units, name):
    config = small(steps=12, checkpoint_steps=5, **VARIANTS[name])
    beside = {"reference": drawn(40, seed=2)} if config.alignment else {}
    whole = train(with_units(drawn(150)), config, out=tmp_path / "whole", **beside)
    with pytest.raises(Killed):
        train(with_units(drawn(150)), config, out=tmp_path / "cut", on_progress=kill_at(10), **beside)
    assert (tmp_path / "cut" / CHECKPOINT_FILE).exists()
    resumed = train(with_units(drawn(150)), config, out=tmp_path / "cut", **beside)
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")
    assert resumed.curve == whole.curve and all(np.isfinite(entry.get("loss", 0)) for entry in whole.curve)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "best"])
def test_every_setting_changes_the_weights(tmp_path, drawn, with_units, name):
    beside = {"reference": drawn(40, seed=2)} if "alignment" in VARIANTS[name] else {}
    train(with_units(drawn(60)), small(steps=4), out=tmp_path / "plain")
    train(with_units(drawn(60)), small(steps=4, **VARIANTS[name]), out=tmp_path / name, **beside)
    plain, other = (load_classifier(tmp_path / folder).network.state_dict() for folder in ("plain", name))
    assert any(not torch.equal(plain[key], other[key]) for key in plain) or name == "planes"


def test_a_batch_in_pieces_gives_the_batchs_gradient(tmp_path, drawn):
    # Batch normalisation sees a piece and not the batch, so the statistics must be fixed: the head alone learns.
    whole, pieces = (
        train(drawn(60), small(steps=4, freeze_backbone=True, accumulation=count), out=tmp_path / str(count))
        for count in (1, 4)
    )
    one, other = (model.classifier.network.state_dict() for model in (whole, pieces))
    assert max(float((one[key].float() - other[key].float()).abs().max()) for key in one) < 1e-5
    first, second = ([entry["loss"] for entry in model.curve if "loss" in entry] for model in (whole, pieces))
    assert first == pytest.approx(second, rel=1e-5)


def test_a_frozen_backbone_keeps_weights_and_statistics(tmp_path, drawn):
    initial = tmp_path / "initial"
    train(drawn(60), small(steps=4), out=initial)
    train(drawn(60), small(steps=8, freeze_backbone=True, initial=str(initial)), out=tmp_path / "probe")
    before, after = (load_classifier(folder).network.state_dict() for folder in (initial, tmp_path / "probe"))
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"head.weight", "head.bias"}


def test_the_best_weights_are_kept_and_the_model_says_by_what(tmp_path, drawn):
    model = train(drawn(150), small(steps=24, selection="best", validations=8), out=tmp_path)
    looks = [entry for entry in model.curve if "validation_uar" in entry]
    best = max(looks, key=lambda entry: entry["validation_uar"])
    held_out = chooser_split(drawn(150))[1]
    right = predict(model.classifier, held_out).argmax(axis=1) == held_out.targets.argmax(axis=1)
    assert right.mean() == pytest.approx(best["validation_accuracy"])
    assert f"the weights after step {best['step']}" in model.classifier.provenance["selected_on"]
    assert load_chosen_on(tmp_path).counts(held_out) == (len(held_out), 0)


def test_what_initial_weights_were_chosen_on_goes_on_counting(tmp_path, drawn):
    held_out = drawn(21, seed=4)
    best = small(steps=4, selection="best", validations=2)
    train(drawn(60), best, out=tmp_path / "best", validation=held_out)
    train(drawn(60), small(steps=2, initial=str(tmp_path / "best")), out=tmp_path / "on")
    train(drawn(60), small(steps=2), out=tmp_path / "last", validation=held_out)
    known = [load_chosen_on(tmp_path / name).counts(held_out) for name in ("best", "on", "last")]
    assert known == [(21, 0), (21, 0), (0, 0)]


def test_a_validation_set_is_looked_at_and_not_trained_on(tmp_path, drawn):
    held_out = drawn(21, seed=4)
    model = train(drawn(60), small(steps=10), out=tmp_path, validation=held_out)
    assert model.classifier.provenance["validation_pictures"] == 21
    assert not set(held_out.hashes.tolist()) & set(load_training_hashes(tmp_path).tolist())


def test_reference_pictures_count_as_seen_and_their_labels_are_not_read(tmp_path, drawn):
    reference = drawn(21, seed=4)
    relabelled = dataclasses.replace(reference, targets=np.ones((21, 1), np.float32), classes=("unlabelled",))
    model = train(drawn(60), small(steps=2, alignment=1.0), out=tmp_path, reference=relabelled)
    assert set(reference.hashes.tolist()) <= set(load_training_hashes(tmp_path).tolist())
    assert "features aligned with 21 unlabelled pictures" in model.classifier.provenance["trained_on"]


def test_alignment_draws_features_to_those_of_the_reference(tmp_path, drawn):
    dark = dataclasses.replace(drawn(90, seed=4), images=drawn(90, seed=4).images // 3)
    gaps = []
    for weight in (0.0, 30.0):
        beside = {"reference": dark} if weight else {}
        model = train(drawn(90), small(steps=30, alignment=weight, ema=0.0), out=tmp_path / str(weight), **beside)
        network = model.classifier.network
        batches = [
            prepare(nchw(torch.from_numpy(part.images)), model.classifier.preprocessing) for part in (drawn(90), dark)
        ]
        with torch.no_grad():
            gaps.append(float(moment_gap(*(network.features(batch) for batch in batches))))
    assert gaps[1] < gaps[0] / 2


def test_a_second_head_puts_action_units_into_the_features(tmp_path, drawn, with_units):
    pictures, explained = with_units(drawn(90)), []
    shuffled = dataclasses.replace(pictures, targets=pictures.targets[np.random.default_rng(0).permutation(90)])
    for weight in (0.0, 3.0):  # labels say nothing of these pictures, their units do
        asked = small(steps=60, action_units=weight, ema=0.0, validation="none")
        model = train(shuffled, asked, out=tmp_path / str(weight))
        batch = prepare(nchw(torch.from_numpy(pictures.images)), model.classifier.preprocessing)
        with torch.no_grad():
            features = model.classifier.network.features(batch).double()
        wanted = torch.tensor([value or 0.0 for value in pictures.attributes["AU12"]], dtype=torch.float64)[:, None]
        rows = torch.cat([features, torch.ones(90, 1, dtype=torch.float64)], dim=1)
        known = torch.tensor([value is not None for value in pictures.attributes["AU12"]])
        fitted = rows @ torch.linalg.lstsq(rows[known], wanted[known]).solution
        explained.append(float(((fitted - wanted)[known] ** 2).mean()))
    assert explained[1] < explained[0] * 0.7
    assert model.classifier.provenance["action_units"] == ["AU4", "AU12"]
    assert not any("companion" in name for name in model.classifier.network.state_dict())


def test_other_networks_train_too(tmp_path, drawn):
    pictures = drawn(16, size_px=32)
    coloured = dataclasses.replace(pictures, images=np.repeat(pictures.images[..., None], 3, axis=3))
    config = TrainingConfig(steps=1, batch_size=4, network="resnet18", validation="none", threads=1)
    model = train(coloured, config, out=tmp_path)
    assert predict(model.classifier, coloured).shape == (16, 7)


def test_a_compiled_network_gives_the_same_but_for_rounding(tmp_path, drawn, monkeypatch):
    # torch's own code generation takes minutes on a CPU; capturing the graphs, which is what can fail here, does not.
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    config = {"steps": 3, "optimiser": "sgd", "sam_rho": 0.05, "alignment": 0.1}
    models = [
        train(drawn(60), small(**config, compile=flag), out=tmp_path / str(flag), reference=drawn(20, seed=1))
        for flag in (False, True)
    ]
    plain, compiled = (model.classifier.network.state_dict() for model in models)
    assert plain.keys() == compiled.keys()
    assert max(float((plain[key] - compiled[key]).abs().max()) for key in plain) < 1e-4


def test_fp16_passes_over_a_step_that_overflows(tmp_path, drawn):
    config = small(steps=3, precision="fp16", loss=((1e4, 0.0),))
    model = train(drawn(60), config, out=tmp_path)
    assert all(torch.isfinite(tensor).all() for tensor in model.classifier.network.state_dict().values())
    assert model.step == 3


def test_a_checkpoint_of_another_network_is_refused_naming_it(tmp_path, drawn):
    train(drawn(60), small(steps=1000, time_budget_s=0.0), out=tmp_path)
    with pytest.raises(ManifestError, match=r"network_config was .*8, 16.* is .*8, 24"):
        train(drawn(60), small(steps=1000, network_config={"widths": (8, 24), "depths": (1, 1)}), out=tmp_path)
    with pytest.raises(ManifestError, match=r"network was 'small_cnn', is 'resnet18'"):
        train(drawn(60), small(steps=1000, network="resnet18", network_config={}), out=tmp_path)


def test_a_checkpoint_whose_tensors_are_not_the_networks_is_refused(tmp_path, drawn):
    train(drawn(60), small(steps=1000, time_budget_s=0.0), out=tmp_path)
    file = tmp_path / CHECKPOINT_FILE
    with safetensors.safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    tensors = safetensors.torch.load_file(file)
    tensors["network.head.weight"] = torch.zeros(3, 3)
    safetensors.torch.save_file(tensors, file, metadata=metadata)
    with pytest.raises(ManifestError, match=r"another network: .*network\.head\.weight.*\(3, 3\), expected \(7, 16\)"):
        train(drawn(60), small(steps=1000), out=tmp_path)


def test_a_loss_that_is_not_finite_names_its_step(tmp_path, drawn):
    with pytest.raises(FacsimError, match=r"the loss became (nan|inf) at step \d+; train with a lower lr than 1e\+30"):
        train(drawn(60), small(lr=1e30), out=tmp_path)


def test_a_class_without_pictures_keeps_its_output(tmp_path, drawn):
    pictures = drawn(60)
    kept = take(pictures, np.array([label != "fear" for label in pictures.labels]))
    model = train(kept, small(steps=2), out=tmp_path)
    assert model.classifier.classes == pictures.classes
    assert model.classifier.provenance["classes_without_pictures"] == ["fear"]


def test_a_single_picture_is_refused(tmp_path, drawn):
    with pytest.raises(FacsimError, match="found 1 training pictures"):
        train(drawn(1), small(validation="none"), out=tmp_path)


def test_rgb_pictures_train_too(tmp_path, drawn):
    pictures = drawn(70)
    coloured = dataclasses.replace(pictures, images=np.repeat(pictures.images[..., None], 3, axis=3))
    model = train(coloured, small(steps=2), out=tmp_path)
    assert predict(model.classifier, coloured).shape == (70, 7)

"""facsim.learn.selfsupervised.pretraining: exact resume, the time budget, what is saved, and what is refused."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from facsim.errors import FacsimError, ManifestError, WeightsError
from facsim.learn.augment import NO_AUGMENTATION
from facsim.learn.leaks import load_seen, load_training_hashes
from facsim.learn.selfsupervised import loop
from facsim.learn.selfsupervised.loop import Optimisation, warmed_cosine
from facsim.learn.selfsupervised.pretraining import METHODS, PretrainingConfig, method_named, pretrain
from facsim.learn.selfsupervised.progress import PROGRESS_FILE
from facsim.learn.selfsupervised.views import Views, view_generator, view_of
from facsim.learn.train import train
from facsim.learn.training_config import TrainingConfig
from facsim.models.backbones import adopt_backbone, fresh_backbone, load_backbone
from facsim.models.classifier import nchw, prepare
from facsim.models.weights import WEIGHTS_FILE


class Killed(Exception):
    pass


def kill_at(step):
    def on_steps(done, total, rate, loss):
        if done >= step:
            raise Killed

    return on_steps


def weights_of(folder):
    return (folder / WEIGHTS_FILE).read_bytes()


@pytest.mark.parametrize("method", METHODS)
def test_a_resumed_pretraining_equals_an_unbroken_one_bit_for_bit(tmp_path, drawn, pretraining_of, method):
    config = pretraining_of(method, steps=24, checkpoint_steps=7)
    whole = pretrain(drawn(64), config, out=tmp_path / "whole")
    for step in (10, 20):
        with pytest.raises(Killed):
            pretrain(drawn(64), config, out=tmp_path / "broken", on_steps=kill_at(step))
    again = pretrain(drawn(64), config, out=tmp_path / "broken")
    assert weights_of(tmp_path / "broken") == weights_of(tmp_path / "whole")
    assert again.curve == whole.curve and again.stopped == "finished"


def test_lars_resumes_exactly_too(tmp_path, drawn, pretraining_of):
    optimisation = Optimisation(optimiser="lars", lr=0.3, weight_decay=1e-6)
    config = pretraining_of("byol", steps=20, checkpoint_steps=7, optimisation=optimisation)
    pretrain(drawn(64), config, out=tmp_path / "whole")
    with pytest.raises(Killed):
        pretrain(drawn(64), config, out=tmp_path / "broken", on_steps=kill_at(10))
    pretrain(drawn(64), config, out=tmp_path / "broken")
    assert weights_of(tmp_path / "broken") == weights_of(tmp_path / "whole")


def test_a_run_stopped_by_its_budget_and_resumed_equals_an_unbroken_one(tmp_path, drawn, pretraining_of, monkeypatch):
    config = pretraining_of("moco-v3")
    pretrain(drawn(64), config, out=tmp_path / "whole")
    ticks = iter(range(10**6))
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(ticks) * 0.1)
    stopped = pretrain(drawn(64), dataclasses.replace(config, time_budget_s=0.45), out=tmp_path / "cut")
    assert stopped.stopped == "time_budget" and 0 < stopped.step < 12
    pretrain(drawn(64), config, out=tmp_path / "cut")
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")


def test_labels_are_never_read(tmp_path, drawn, pretraining_of):
    pictures = drawn(64)
    turned = dataclasses.replace(pictures, targets=np.roll(pictures.targets, 3, axis=0))
    config = pretraining_of("simclr", steps=6)
    first, second = (pretrain(given, config, out=tmp_path / name) for given, name in ((pictures, "a"), (turned, "b")))
    for one, other in zip(
        first.backbone.network.state_dict().values(), second.backbone.network.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns(tmp_path, drawn, pretraining_of, method):
    done = pretrain(drawn(64), pretraining_of(method, steps=60), out=tmp_path)
    losses = [entry["loss"] for entry in done.curve]
    assert losses[-1] < losses[0] and not done.collapsed


@pytest.mark.parametrize("method", METHODS)
def test_bf16_resumes_exactly_and_keeps_weights_and_losses_wide(tmp_path, drawn, pretraining_of, method):
    config = pretraining_of(method, steps=12, checkpoint_steps=5, precision="bf16")
    whole = pretrain(drawn(64), config, out=tmp_path / "whole")
    with pytest.raises(Killed):
        pretrain(drawn(64), config, out=tmp_path / "broken", on_steps=kill_at(10))
    pretrain(drawn(64), config, out=tmp_path / "broken")
    assert weights_of(tmp_path / "broken") == weights_of(tmp_path / "whole")
    assert {one.dtype for one in whole.backbone.network.parameters()} == {torch.float32}
    wide = pretrain(drawn(64), dataclasses.replace(config, precision="fp32"), out=tmp_path / "wide")
    near, exact = ([entry["loss"] for entry in one.curve] for one in (whole, wide))
    assert near != exact and near[0] == pytest.approx(exact[0], rel=0.03)


def test_an_unknown_precision_is_answered_with_the_nearest():
    with pytest.raises(FacsimError, match='precision = "bf15", expected fp32 or bf16'):
        PretrainingConfig(steps=1, precision="bf15")
    with pytest.raises(FacsimError, match="expected fp32 or bf16"):  # its small gradients would need scaling
        PretrainingConfig(steps=1, precision="fp16")


def test_a_saved_backbone_gives_the_features_that_it_gave(tmp_path, drawn, pretraining_of):
    pictures = drawn(64)
    done = pretrain(pictures, pretraining_of("byol"), out=tmp_path)
    loaded = load_backbone(tmp_path)
    batch = prepare(nchw(torch.from_numpy(pictures.images[:9])), loaded.preprocessing)
    with torch.inference_mode():
        ours, theirs = (b.network.eval().features(batch) for b in (done.backbone, loaded))
    assert torch.equal(ours, theirs) and loaded.sha256 == done.backbone.sha256
    assert loaded.provenance["trained_on"].endswith("without labels")
    assert "classes" not in (tmp_path / "card.md").read_text()
    assert set(load_training_hashes(tmp_path).tolist()) == set(pictures.hashes.tolist())
    assert load_seen(tmp_path).counts(pictures) == (len(pictures), 0)
    assert load_seen(tmp_path).signatures is not None


def test_a_backbone_is_adopted_by_a_classifier_and_its_last_layer_is_not(tmp_path, drawn, pretraining_of):
    pretrain(drawn(64), pretraining_of("simclr"), out=tmp_path)
    backbone = load_backbone(tmp_path)
    network = fresh_backbone(
        "small_cnn",
        {"widths": (8, 16), "depths": (1, 1), "classes": 7},
        channels=1,
        generator=torch.Generator().manual_seed(9),
    )
    head = network.head.weight.clone()
    adopt_backbone(network, backbone)
    assert torch.equal(network.head.weight, head) and head.shape[0] == 7
    for name, tensor in backbone.network.state_dict().items():
        if not name.startswith("head."):
            assert torch.equal(network.state_dict()[name], tensor)


def test_a_backbone_of_another_shape_is_not_adopted(tmp_path, drawn, pretraining_of):
    pretrain(drawn(64), pretraining_of("simclr"), out=tmp_path)
    other = fresh_backbone("small_cnn", {}, channels=1, generator=torch.Generator().manual_seed(9))
    with pytest.raises(WeightsError, match="network_config"):
        adopt_backbone(other, load_backbone(tmp_path))


def test_a_classifier_is_trained_on_from_a_backbone(tmp_path, drawn, pretraining_of):
    """Fine-tuning: the first weights are the backbone's, the last layer's are new."""
    pretrain(drawn(64), pretraining_of("simclr"), out=tmp_path / "backbone")
    shape = {"widths": (8, 16), "depths": (1, 1)}
    config = TrainingConfig(steps=1, lr=1e-12, batch_size=16, network_config=shape, initial=str(tmp_path / "backbone"))
    tuned = train(drawn(64, seed=1), config, out=tmp_path / "tuned")
    backbone = load_backbone(tmp_path / "backbone")
    stem = "stem.0.weight"
    held, start = tuned.classifier.network.state_dict()[stem], backbone.network.state_dict()[stem]
    torch.testing.assert_close(held, start)
    assert tuned.classifier.network.head.out_features == 7


def test_a_resnet_pretrains_too(tmp_path, drawn, pretraining_of):
    config = pretraining_of("byol", network="resnet18", network_config={"stem_px": 3}, steps=1, batch_size=4)
    done = pretrain(drawn(8, size_px=16), config, out=tmp_path)
    assert load_backbone(tmp_path).network.feature_width == 512 and done.stopped == "finished"


def test_a_finished_pretraining_given_again_is_read_and_another_one_refused(tmp_path, drawn, pretraining_of):
    config = pretraining_of("simclr")
    first = pretrain(drawn(64), config, out=tmp_path)
    assert pretrain(drawn(64), config, out=tmp_path).backbone.sha256 == first.backbone.sha256
    with pytest.raises(ManifestError, match="another training"):
        pretrain(drawn(64), dataclasses.replace(config, seed=1), out=tmp_path)


def test_a_checkpoint_of_other_settings_is_refused_saying_what_differs(tmp_path, drawn, pretraining_of):
    with pytest.raises(Killed):
        pretrain(drawn(64), pretraining_of("simclr", steps=24, checkpoint_steps=5), out=tmp_path, on_steps=kill_at(10))
    with pytest.raises(ManifestError, match="seed was 0, is 1"):
        pretrain(drawn(64), pretraining_of("simclr", steps=24, checkpoint_steps=5, seed=1), out=tmp_path)


def test_a_damaged_checkpoint_is_named(tmp_path, drawn, pretraining_of):
    (tmp_path / PROGRESS_FILE).write_bytes(b"\x80\x04 not safetensors")
    with pytest.raises(ManifestError, match="damaged"):
        pretrain(drawn(64), pretraining_of("simclr"), out=tmp_path)


def test_a_loss_that_is_not_finite_is_named_and_no_weights_are_touched(tmp_path, drawn, pretraining_of):
    config = pretraining_of("simclr", optimisation=Optimisation(lr=1e18, warmup=0.0), checkpoint_steps=1)
    with pytest.raises(FacsimError, match=r"the loss of simclr became (nan|inf) at step \d+; train with a lower lr"):
        pretrain(drawn(64), config, out=tmp_path)
    assert not (tmp_path / WEIGHTS_FILE).exists()


def test_too_few_pictures_for_a_batch_are_refused(tmp_path, drawn, pretraining_of):
    with pytest.raises(FacsimError, match="found 10 pictures for a batch of 16"):
        pretrain(drawn(10), pretraining_of("simclr"), out=tmp_path)


def test_an_unknown_method_is_answered_with_the_nearest():
    with pytest.raises(FacsimError, match='Did you mean "simclr"'):
        method_named("simcrl")


def test_exactly_one_of_steps_and_epochs_is_given():
    with pytest.raises(FacsimError, match="exactly one"):
        PretrainingConfig()


def test_the_configuration_is_plain_json():
    config = PretrainingConfig(epochs=1, method=method_named("mae"), network="vit")
    assert json.loads(json.dumps(config.to_json())) == config.to_json()
    assert config.to_json()["method"]["name"] == "mae"


def test_the_rate_warms_up_and_falls_to_0():
    settings = Optimisation(lr=1.0, warmup=0.1)
    rates = [warmed_cosine(step, 100, settings) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == rates[10] == 1.0 and rates[100] == pytest.approx(0)


# views


def test_views_are_a_function_of_seed_and_step(drawn):
    batch = nchw(torch.from_numpy(drawn(8).images))
    first = view_of(batch, Views(), generator=view_generator(1, 4, "view 0"))
    assert torch.equal(first, view_of(batch, Views(), generator=view_generator(1, 4, "view 0")))
    assert not torch.equal(first, view_of(batch, Views(), generator=view_generator(1, 4, "view 1")))
    assert first.shape == batch.shape and float(first.min()) >= 0 and float(first.max()) <= 1


def test_a_view_without_change_is_the_picture(drawn):
    batch = nchw(torch.from_numpy(drawn(8).images))
    still = Views(least_area=1.0, log_ratio=0.0, rotation_deg=0.0, light=NO_AUGMENTATION)
    found = view_of(batch, still, generator=view_generator(1, 4, "view 0"))
    torch.testing.assert_close(found, batch, atol=1e-5, rtol=0)


def test_a_crop_shows_what_lies_at_its_place():
    """A ramp from left to right stays a ramp whose slope is the crop's share of the width."""
    ramp = torch.linspace(0, 1, 64).expand(32, 1, 64, 64)
    settings = Views(least_area=0.25, log_ratio=0.0, rotation_deg=0.0, light=NO_AUGMENTATION)
    found = view_of(ramp, settings, generator=view_generator(0, 0, "view 0"))
    slopes = found[:, 0, 32, 48] - found[:, 0, 32, 16]
    assert float(slopes.min()) >= 0.5 * 32 / 63 - 1e-3 and float(slopes.max()) <= 32 / 63 + 1e-3


def test_a_greyed_view_has_no_colour_and_a_grey_picture_no_colour_to_change():
    rgb = torch.rand((16, 3, 24, 24), generator=torch.Generator().manual_seed(0))
    still = {"least_area": 1.0, "log_ratio": 0.0, "rotation_deg": 0.0, "light": NO_AUGMENTATION}
    found = view_of(rgb, Views(**still, grey_p=1.0), generator=view_generator(0, 0, "view 0"))
    assert float((found - found.mean(dim=1, keepdim=True)).abs().max()) < 1e-6
    coloured = view_of(rgb, Views(**still, grey_p=0.0), generator=view_generator(0, 0, "view 0"))
    assert float((coloured - rgb).abs().max()) > 0.05

"""Self-supervised and few-shot protocols: a probe is a classifier, backbones are found again, leaks are refused."""

import numpy as np
import pytest

from facsim.errors import RecipeError
from facsim.learn.predict import predict
from facsim.learn.probes import extract_features, fit_linear_probe, linear_scores
from facsim.learn.protocols.backbones import pretraining_config
from facsim.learn.protocols.learners import Material, learn_by_probe
from facsim.learn.protocols.sets import single
from facsim.learn.sources import load_pictures
from facsim.learn.train import train
from facsim.learn.training_config import TrainingConfig
from facsim.models.backbones import load_backbone

SELF = '[self_supervised]\nlabelled = "a"\non = ["b"]\nways = ["linear", "fine-tune"]\n'
PRETRAINING = "[{table}.pretraining]\nsteps = 2\nbatch_size = 16\n"


def test_a_probed_backbone_is_a_classifier_with_the_probes_scores(folders, tmp_path):
    pictures, test = (load_pictures(folders[name], size_px=16) for name in ("a", "test"))
    config = TrainingConfig(steps=20, batch_size=16, validation="none", threads=1)
    folder = train(load_pictures(folders["b"], size_px=16), config, out=tmp_path / "backbone").folder
    material = Material(mixture=single("a", pictures), initial=str(folder))
    found = learn_by_probe(material, config, tmp_path / "probe", lambda *_: None)
    backbone = load_backbone(folder)
    features = extract_features(backbone, pictures)
    penalty = found.classifier.provenance["config"]["penalty"]
    probe = fit_linear_probe(features, pictures.targets, classes=pictures.classes, penalty=penalty)
    wanted = linear_scores(probe, extract_features(backbone, test))
    assert np.abs(predict(found.classifier, test) - wanted).max() < 1e-4


def test_rows_of_pre_training_beside_what_the_architecture_is_worth(results_of, tmp_path):
    results = results_of("self-supervised", SELF + PRETRAINING.format(table="self_supervised"))
    assert [one.row for one in results.measurements] == [
        "supervised",
        "untrained",
        "simclr on b, linear",
        "simclr on b, fine-tune",
    ]
    supervised, fresh, linear, tuned = results.trainings
    assert supervised.extractor["initial_sha256"] == ""
    assert len({one.extractor["initial_sha256"] for one in results.trainings}) == 3
    assert linear.extractor["initial_sha256"] == tuned.extractor["initial_sha256"]
    assert (
        linear.facts["backbone_trained_on"] == "b, without labels" and fresh.facts["backbone_trained_on"] == "nothing"
    )
    assert (linear.steps, tuned.steps) == (0, 2)


def test_a_backbone_is_pre_trained_once(results_of, monkeypatch):
    results_of("self-supervised", SELF + PRETRAINING.format(table="self_supervised"))
    monkeypatch.setattr(
        "facsim.learn.selfsupervised.pretraining.run_course", lambda *_, **__: pytest.fail("pre-trained again")
    )
    results_of("self-supervised", SELF + PRETRAINING.format(table="self_supervised"))


def test_pictures_that_pre_training_saw_count_as_seen(results_of, folders):
    tables = f'[[set]]\nname = "leak"\nsource = "{folders["test"]}"\n' + SELF.replace('["b"]', '["leak"]')
    results = results_of("self-supervised", tables + PRETRAINING.format(table="self_supervised"))
    assert [one.seen for one in results.measurements] == [(0,), (0,), (70,), (70,)]
    assert all(one.near[0] is not None for one in results.measurements)


def test_a_method_may_have_a_network_of_its_own():
    settings = {"steps": 3, "mae": {"network": "vit", "masked": 0.5}}
    found = pretraining_config("mae", settings, seed=1)
    assert (found.network, found.method.masked, found.seed) == ("vit", 0.5, 1)
    assert pretraining_config("simclr", settings, seed=1).network == "small_cnn"


@pytest.mark.parametrize(
    ("method", "settings", "hint"),
    [
        ("simclr", {"stesp": 3}, "steps"),
        ("simcrl", {"steps": 3}, 'Did you mean "simclr"'),
        ("simclr", {"steps": 3, "simclr": {"temprature": 1}}, "temprature"),
        ("simclr", {}, "exactly one"),
    ],
)
def test_wrong_settings_of_a_pre_training_are_refused(method, settings, hint):
    with pytest.raises(RecipeError, match=hint):
        pretraining_config(method, settings, seed=0)


FEW = '[few_shot]\npool = "a"\nsets = ["b"]\non = ["b"]\nshots = [1, 3]\nper_cent = [10.0]\nepisodes = 3\n'


def test_few_shot_rows_are_curves_over_labels(results_of):
    results = results_of("few-shot", FEW + PRETRAINING.format(table="few_shot"), seeds=(0, 1))
    rows = [one for one in results.measurements if one.group]
    assert {one.group for one in rows} == {
        f"{backbone}, {classifier}{kind}"
        for backbone in ("trained on b", "untrained", "simclr on b")
        for classifier in ("linear", "nearest-mean")
        for kind in ("", ", %")
    }
    assert sorted({one.x for one in rows}) == [7, 14, 21]
    assert all(one.figures["accuracy"].low <= one.figures["accuracy"].mean for one in rows)
    assert {len(one.figures["accuracy"].values) for one in rows} == {2}
    assert results.findings[0].facts["accuracy"]["over_episodes"][0] is not None


def test_a_pool_that_shares_pictures_with_a_test_is_refused(results_of, folders):
    leak = f'[[set]]\nname = "leak"\nsource = "{folders["test"]}"\n'
    with pytest.raises(RecipeError, match=r'without = \["test"\]'):
        results_of("few-shot", leak + FEW.replace('pool = "a"', 'pool = "leak"') + PRETRAINING.format(table="few_shot"))

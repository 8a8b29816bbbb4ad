"""facsim.learn.probes, logistic and few_shot, against scikit-learn and against cases by hand."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid

from facsim.errors import FacsimError
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.learn.data import chooser_split
from facsim.learn.evaluate import PREPROCESSING_VERSION
from facsim.learn.few_shot import FewShotSize, LabelledFeatures, check_pool, episode_rows, few_shot
from facsim.learn.leaks import SeenPictures
from facsim.learn.logistic import fit_logistic, logistic_logits
from facsim.learn.probes import (
    PENALTIES,
    chosen_penalty,
    class_means,
    extract_features,
    fit_linear_probe,
    linear_scores,
    nearest_mean_scores,
    neighbour_scores,
)
from facsim.learn.probing import ProbeSettings, probe
from facsim.learn.selfsupervised.pretraining import pretrain
from facsim.learn.signatures import signatures_of
from facsim.models.backbones import Backbone, fresh_backbone
from facsim.models.classifier import fit_preprocessing

NAMES = ("anger", "fear", "sadness")


def clouds(count, *, seed=0, width=12, apart=1.5, classes=NAMES):
    """Features in one cloud a class, their labels and one-hot targets; the clouds' centres are the same for all
    seeds."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(0, apart, size=(len(classes), width))
    labels = np.arange(count) % len(classes)
    values = (centres[labels] + rng.normal(size=(count, width)) * np.linspace(0.3, 3, width) + 5).astype(np.float32)
    return values, labels, np.eye(len(classes), dtype=np.float32)[labels]


def labelled(count, **settings):
    values, labels, _ = clouds(count, **settings)
    return LabelledFeatures(values=values, labels=tuple(NAMES[i] for i in labels), classes=NAMES)


# logistic regression


@pytest.mark.parametrize("penalty", [1e-4, 1e-2, 1.0])
def test_logistic_regression_is_scikit_learns(penalty):
    values, labels, targets = clouds(120)
    ours = fit_logistic(
        torch.from_numpy(values)[None], torch.from_numpy(targets)[None], penalty=penalty, tolerance=1e-9
    )
    theirs = LogisticRegression(C=1 / (penalty * 120), tol=1e-10, max_iter=20_000).fit(
        values.astype(np.float64), labels
    )
    logits = logistic_logits(torch.from_numpy(values), ours)[0]
    wanted = theirs.predict_proba(values.astype(np.float64))
    np.testing.assert_allclose(torch.softmax(logits, 1).numpy(), wanted, atol=2e-5)


def test_fewer_pictures_than_features_give_scikit_learns_weights_too():
    values, labels, targets = clouds(9, width=30)
    ours = fit_logistic(torch.from_numpy(values)[None], torch.from_numpy(targets)[None], penalty=0.1, tolerance=1e-9)[0]
    theirs = LogisticRegression(C=1 / 0.9, tol=1e-12, max_iter=20_000).fit(values.astype(np.float64), labels)
    np.testing.assert_allclose(ours[:-1].T, theirs.coef_, atol=1e-5)


def test_many_regressions_at_once_are_each_on_its_own():
    problems = [clouds(60, seed=seed, apart=apart) for seed, apart in ((0, 0.2), (1, 4.0), (2, 1.0))]
    values, targets = (torch.from_numpy(np.stack([p[i] for p in problems])) for i in (0, 2))
    penalties = torch.tensor([1e-3, 1e-1, 1e-5])
    together = fit_logistic(values, targets, penalty=penalties, tolerance=1e-9)
    for place in range(3):
        alone = fit_logistic(values[place][None], targets[place][None], penalty=float(penalties[place]), tolerance=1e-9)
        torch.testing.assert_close(together[place], alone[0], atol=1e-5, rtol=1e-4)


def test_the_gradient_vanishes_at_the_solution_for_soft_targets():
    values, _, targets = clouds(50)
    soft = torch.from_numpy(0.7 * targets + 0.1)[None].double()
    weights = fit_logistic(torch.from_numpy(values)[None], soft, penalty=0.01).requires_grad_()
    logs = torch.log_softmax(logistic_logits(torch.from_numpy(values), weights)[0], dim=1)
    (-(soft[0] * logs).sum(dim=1).mean() + 0.005 * weights[0, :-1].square().sum()).backward()
    assert float(weights.grad.abs().max()) < 1e-6


def bent(count=140, *, rank=4, width=96):
    """Features as a small network gives them, nearly dependent on one another: rectified mixtures of few numbers."""
    rng = np.random.default_rng(0)
    few, labels, targets = clouds(count, width=rank, classes=SEVEN_EXPRESSIONS)
    mixed = (few - 5) @ rng.normal(size=(rank, width)) + 1e-3 * rng.normal(size=(count, width))
    return np.maximum(mixed, 0).astype(np.float32), labels, targets


@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_penalty_is_solved_on_a_small_set_of_nearly_dependent_features(penalty):
    values, labels, targets = bent()
    probe = fit_linear_probe(values, targets, classes=SEVEN_EXPRESSIONS, penalty=penalty)
    standard = (values - probe.mean) / probe.scale
    theirs = LogisticRegression(C=1 / (penalty * 140), tol=1e-8, max_iter=5000, solver="newton-cholesky")
    wanted = theirs.fit(standard, labels).predict_proba(standard)
    np.testing.assert_allclose(linear_scores(probe, values), wanted, atol=2e-3)
    weights, inputs = torch.from_numpy(probe.weights), torch.from_numpy(standard)
    slopes = torch.softmax(logistic_logits(inputs, weights[None])[0], 1) - torch.from_numpy(targets)
    assert float((inputs.T @ slopes / 140 + penalty * weights[:-1]).abs().max()) < 1e-6


def test_pictures_that_are_told_apart_at_once_are_solved_too():
    values, _, targets = clouds(60, apart=50.0)
    together = torch.from_numpy(np.stack([values, values]))
    found = fit_logistic(together, torch.from_numpy(np.stack([targets, targets])), penalty=torch.tensor([1e-9, 1e-2]))
    assert bool(torch.isfinite(found).all()) and float(found[0].abs().max()) > float(found[1].abs().max())


def test_features_that_are_not_finite_are_refused():
    values, _, targets = clouds(12)
    values[3, 2] = np.nan
    with pytest.raises(FacsimError, match="not finite"):
        fit_logistic(torch.from_numpy(values)[None], torch.from_numpy(targets)[None], penalty=0.1)


def test_a_penalty_of_0_is_refused():
    values, _, targets = clouds(12)
    with pytest.raises(FacsimError, match="more than 0"):
        fit_logistic(torch.from_numpy(values)[None], torch.from_numpy(targets)[None], penalty=0.0)


# probes


def test_a_linear_probe_is_scikit_learns_on_standardised_features():
    values, labels, targets = clouds(150)
    shown, _, _ = clouds(40, seed=7)
    found = linear_scores(fit_linear_probe(values, targets, classes=NAMES, penalty=0.01), shown)
    wide = values.astype(np.float64)
    mean, sd = wide.mean(0), wide.std(0)
    theirs = LogisticRegression(C=1 / 1.5, tol=1e-10, max_iter=20_000).fit((wide - mean) / sd, labels)
    np.testing.assert_allclose(found, theirs.predict_proba((shown - mean) / sd), atol=1e-4)


def test_nearest_mean_is_scikit_learns_nearest_centroid():
    values, labels, targets = clouds(150)
    shown, _, _ = clouds(60, seed=3)
    found = nearest_mean_scores(values, targets, shown, metric="euclidean").argmax(axis=1)
    assert (found == NearestCentroid().fit(values, labels).predict(shown)).all()


def test_nearest_mean_by_cosine_by_hand():
    training = np.array([[1, 0], [3, 0], [0, 2], [0, 2]], dtype=np.float32)
    targets = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    assert class_means(training, targets).tolist() == [[2, 0], [0, 2]]
    # less the mean of all, (1, 1): means (1, -1) and (-1, 1); the point (9, 2) lies at (8, 1), nearer to the first
    scores = nearest_mean_scores(training, targets, np.array([[9, 2]], dtype=np.float32))
    cosine = (8 - 1) / np.sqrt(65 * 2)
    np.testing.assert_allclose(scores[0, 0] / scores[0, 1], np.exp(2 * cosine / 0.1), rtol=1e-3)


def test_neighbours_vote_by_their_closeness_by_hand():
    training = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32)
    targets = np.eye(3, dtype=np.float32)
    angle = np.radians(30)
    scores = neighbour_scores(training, targets, np.array([[np.cos(angle), np.sin(angle)]], np.float32), neighbours=2)
    wanted = np.exp(np.array([np.cos(angle), np.sin(angle)]) / 0.07)
    np.testing.assert_allclose(scores[0, :2], wanted / wanted.sum(), rtol=1e-4)
    assert scores[0, 2] == 0


def test_the_penalty_is_chosen_on_a_cut_of_the_training_pictures(drawn):
    pictures = drawn(140)
    values = np.random.default_rng(0).normal(size=(140, 6)).astype(np.float32)
    penalty, losses = chosen_penalty(pictures, values)
    assert penalty == max(losses)  # noise is best not believed
    kept, held = chooser_split(pictures)
    rows = {name: row for row, name in enumerate(pictures.ids)}
    fitted = fit_linear_probe(values[[rows[i] for i in kept.ids]], kept.targets, classes=kept.classes, penalty=penalty)
    scores = linear_scores(fitted, values[[rows[i] for i in held.ids]])
    assert losses[penalty] == pytest.approx(-np.mean(np.log((scores * held.targets).sum(axis=1))), rel=1e-5)


def test_a_class_without_training_pictures_is_named():
    values, _, targets = clouds(20)
    with pytest.raises(FacsimError, match="no training picture of sadness"):
        fit_linear_probe(values[:2], targets[:2], classes=NAMES, penalty=0.1)


def test_features_do_not_depend_on_the_batch_and_wrong_pictures_are_refused(drawn):
    pictures = drawn(10)
    network = fresh_backbone(
        "small_cnn", {"widths": (8, 16), "depths": (1, 1)}, channels=1, generator=torch.Generator().manual_seed(0)
    )
    backbone = Backbone(network=network, preprocessing=fit_preprocessing(pictures.images))
    np.testing.assert_allclose(
        extract_features(backbone, pictures, batch_size=3), extract_features(backbone, pictures), rtol=1e-5, atol=1e-6
    )
    with pytest.raises(FacsimError, match="expected grey of 40 px"):
        extract_features(backbone, drawn(4, size_px=32))


def test_pretraining_on_a_tiny_set_puts_the_probe_above_chance(tmp_path, drawn, pretraining_of):
    done = pretrain(drawn(128), pretraining_of("simclr", steps=80, batch_size=32), out=tmp_path)
    found = probe(done.backbone, drawn(128), drawn(70, seed=5), settings=ProbeSettings(penalty=1e-2))
    assert found.evaluation.accuracy.low > 1 / 7 + 0.1
    assert found.seen_unlabelled is None


def test_a_probe_says_what_it_rests_on_and_what_was_seen(drawn):
    pictures, test = drawn(70), drawn(20)  # the test pictures are the first of the training pictures
    network = fresh_backbone(
        "small_cnn", {"widths": (8, 16), "depths": (1, 1)}, channels=1, generator=torch.Generator().manual_seed(0)
    )
    backbone = Backbone(network=network, preprocessing=fit_preprocessing(pictures.images))
    settings = ProbeSettings(kind="knn", neighbours=1)
    seen = SeenPictures(hashes=np.unique(test.hashes[:5]), signatures=signatures_of(test.images[:5]))
    found = probe(backbone, pictures, test, settings=settings, seen=seen, split="validation").to_json()
    assert found["seen_in_training"]["count"] >= 14 and found["seen_by_backbone"] == 5
    assert found["probe"] == {"kind": "knn", "neighbours": 1} and "ece" not in found
    assert found["training"]["fingerprint"] == pictures.fingerprint and found["data_fingerprint"] == test.fingerprint
    assert found["backbone"]["preprocessing"]["size_px"] == found["preprocessing"]["size_px"] == 40
    assert found["preprocessing"]["version"] == PREPROCESSING_VERSION and found["split"] == "validation"
    assert found["extractor"].startswith("small_cnn@") and found["trained_on"].startswith(pictures.origin)
    assert found["near_seen_by_backbone"] is not None


def test_near_copies_of_a_probes_training_pictures_are_counted(drawn):
    pictures = drawn(70)
    lighter = dataclasses.replace(
        pictures, images=np.clip(pictures.images.astype(int) + 3, 0, 255).astype(np.uint8), hashes=pictures.hashes + 1
    )
    network = fresh_backbone(
        "small_cnn", {"widths": (8, 16), "depths": (1, 1)}, channels=1, generator=torch.Generator().manual_seed(0)
    )
    backbone = Backbone(network=network, preprocessing=fit_preprocessing(pictures.images))
    seen = probe(backbone, pictures, lighter, settings=ProbeSettings(kind="knn", neighbours=1)).evaluation.seen
    assert (seen.count, seen.near, seen.without_near) == (0, 70, None)


def test_an_unknown_probe_is_answered_with_the_nearest():
    with pytest.raises(FacsimError, match='Did you mean "linear"'):
        ProbeSettings(kind="linaer")


# few-shot


def test_an_episode_draws_so_many_of_each_class_without_repeats():
    pool = labelled(90)
    rows = episode_rows(pool.places, FewShotSize(shots=5), episodes=20, seed=0, classes=NAMES)
    assert rows.shape == (20, 15)
    for row in rows:
        assert len(set(row)) == 15 and np.bincount(pool.places[row]).tolist() == [5, 5, 5]
    assert len({tuple(sorted(row)) for row in rows}) == 20


def test_all_classes_that_are_too_small_for_an_episode_are_named():
    places = np.array([0] * 2 + [1] * 9 + [2] * 3)
    with pytest.raises(FacsimError, match=f"found 2 of {NAMES[0]}, 3 of {NAMES[2]} to draw 5 shots from"):
        check_pool(places, FewShotSize(shots=5), classes=NAMES)
    check_pool(places, FewShotSize(per_cent=50), classes=NAMES)


def test_episodes_depend_on_seed_and_number_alone():
    pool = labelled(90)
    few, many = (episode_rows(pool.places, FewShotSize(shots=5), episodes=n, seed=3, classes=NAMES) for n in (4, 9))
    assert (few == many[:4]).all()
    assert not (few == episode_rows(pool.places, FewShotSize(shots=5), episodes=4, seed=4, classes=NAMES)).all()


def test_a_per_cent_is_taken_of_each_class_and_at_least_one_picture():
    places = np.array([0] * 200 + [1] * 50 + [2] * 3)
    rows = episode_rows(places, FewShotSize(per_cent=10), episodes=2, seed=0, classes=NAMES)
    assert np.bincount(places[rows[0]]).tolist() == [20, 5, 1]


@pytest.mark.parametrize("classifier", ["linear", "nearest-mean-euclidean", "nearest-mean"])
@pytest.mark.parametrize("shots", [1, 8])
def test_every_episode_is_scikit_learns(classifier, shots):
    pool, test = labelled(90, apart=0.6), labelled(75, seed=1, apart=0.6)
    size = FewShotSize(shots=shots)
    found = few_shot(pool, test, size, classifier=classifier, episodes=12, seed=2)
    accuracies, recalls = [], []
    for row in episode_rows(pool.places, size, episodes=12, seed=2, classes=NAMES):
        support = pool.values[row].astype(np.float64)
        centre = support.mean(axis=0)
        scale = np.sqrt(((support - centre) ** 2).mean())
        ours, theirs = (support - centre) / scale, (test.values - centre) / scale
        labels = pool.places[row]
        if classifier == "linear":
            called = LogisticRegression(C=1.0, tol=1e-9, max_iter=9999).fit(ours, labels).predict(theirs)
        elif classifier == "nearest-mean-euclidean":
            called = NearestCentroid().fit(ours, labels).predict(theirs)
        else:
            means = np.stack([ours[labels == k].mean(axis=0) for k in range(3)])
            called = (theirs @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmax(axis=1)
        accuracies.append((called == test.places).mean())
        recalls.append(np.mean([(called[test.places == k] == k).mean() for k in range(3)]))
    assert found.accuracy.mean == pytest.approx(np.mean(accuracies))
    assert found.uar.mean == pytest.approx(np.mean(recalls))
    assert found.accuracy.sd == pytest.approx(np.std(accuracies, ddof=1))


def test_more_shots_help_and_the_intervals_hold_what_they_say():
    pool, test = labelled(300, apart=0.6), labelled(240, seed=1, apart=0.6)
    one, many = (few_shot(pool, test, FewShotSize(shots=k), episodes=40) for k in (1, 50))
    assert many.accuracy.mean > one.accuracy.mean + 0.05
    figure = one.accuracy
    half = 2.0227 * figure.sd / np.sqrt(40)  # Student's t, 39 degrees of freedom
    assert figure.over_episodes == pytest.approx((figure.mean - half, figure.mean + half), abs=1e-4)
    assert figure.single[0] < figure.over_episodes[0] < figure.mean < figure.over_pictures[1] < figure.single[1]
    assert many.accuracy.single[1] - many.accuracy.single[0] < figure.single[1] - figure.single[0]


def test_one_episode_has_no_interval_over_episodes():
    found = few_shot(labelled(30), labelled(30, seed=1), FewShotSize(shots=2), episodes=1).to_json()
    assert found["accuracy"]["over_episodes"] == [None, None] and found["accuracy"]["sd"] is None


def test_chunks_change_no_result(monkeypatch):
    from facsim.learn import few_shot as module

    pool, test = labelled(90), labelled(60, seed=1)
    whole = few_shot(pool, test, FewShotSize(shots=4), episodes=7)
    monkeypatch.setattr(module, "_CHUNK", 1)
    assert few_shot(pool, test, FewShotSize(shots=4), episodes=7).to_json() == whole.to_json()


def test_too_few_pictures_of_a_class_are_named_and_other_classes_refused():
    pool, test = labelled(9), labelled(9, seed=1)
    with pytest.raises(FacsimError, match="found 3 of anger, 3 of fear, 3 of sadness to draw 5 shots from"):
        few_shot(pool, test, FewShotSize(shots=5))
    with pytest.raises(FacsimError, match="found a pool of"):
        few_shot(pool, dataclasses.replace(test, classes=NAMES[::-1]), FewShotSize(shots=1))


@pytest.mark.parametrize("wrong", [{}, {"shots": 1, "per_cent": 1.0}, {"shots": 0}, {"per_cent": 0.0}])
def test_a_size_is_exactly_one_of_shots_and_per_cent(wrong):
    with pytest.raises(FacsimError):
        FewShotSize(**wrong)

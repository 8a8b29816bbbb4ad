"""facsim.learn.evaluate and .predict: figures, class sets, and pictures that the model has seen."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

from facsim.errors import FacsimError, WeightsError
from facsim.learn.data import take
from facsim.learn.evaluate import evaluate, shared_classes
from facsim.learn.leaks import HASHES_FILE, load_training_hashes, save_training_hashes, seen_in
from facsim.learn.predict import predict
from facsim.models.classifier import Classifier, fit_preprocessing
from facsim.models.small_cnn import SmallCnnConfig, build_small_cnn


def scores_for(pictures, *, wrong: int = 0) -> np.ndarray:
    """Scores that are right but for the first `wrong` pictures."""
    scores = pictures.targets * 0.7 + 0.3 / len(pictures.classes)
    scores[:wrong] = np.roll(scores[:wrong], 1, axis=1)
    return scores.astype(np.float32)


def test_accuracy_counts_what_is_right(drawn):
    found = evaluate(scores_for(drawn(70), wrong=14), drawn(70), classes=drawn(7).classes)
    assert found.accuracy.value == pytest.approx(0.8) and found.accuracy.n == 70


def test_uar_agrees_with_scikit_learn(drawn):
    pictures = drawn(50)
    scores = np.random.default_rng(0).dirichlet(np.ones(7), 50).astype(np.float32)
    called = [pictures.classes[k] for k in scores.argmax(axis=1)]
    expected = balanced_accuracy_score(pictures.labels, called)
    assert evaluate(scores, pictures, classes=pictures.classes).uar.value == pytest.approx(expected, abs=1e-9)


def test_json_has_the_four_figures_as_value_n_low_high_and_the_rest_beside(drawn):
    found = json.loads(json.dumps(evaluate(scores_for(drawn(70)), drawn(70), classes=drawn(7).classes).to_json()))
    for name in ("accuracy", "uar", "macro_f1", "ece"):
        assert list(found[name]) == ["value", "n", "low", "high"]
    assert {"classes", "recall", "confusion", "n", "model_sha256", "data_fingerprint", "seen_in_training"} <= set(found)


def test_a_model_that_orders_its_classes_otherwise_is_read_by_name(drawn):
    pictures = drawn(70)
    backwards = scores_for(pictures, wrong=7)[:, ::-1]
    found = evaluate(backwards, pictures, classes=pictures.classes[::-1])
    assert found.accuracy.value == pytest.approx(0.9) and found.confusion.classes == pictures.classes


def test_a_model_of_other_classes_than_the_data_is_refused_naming_both(drawn):
    with pytest.raises(FacsimError, match="only the model knows contempt and only the data knows surprise"):
        evaluate(scores_for(drawn(7)), drawn(7), classes=(*drawn(7).classes[:6], "contempt"))


def test_shared_classes_leave_out_pictures_of_others_and_count_them(drawn):
    eight = drawn(80, classes=(*drawn(7).classes, "contempt"))
    scores = np.full((80, 7), 1 / 7, dtype=np.float32)
    left, cut, shared = shared_classes(scores, eight, classes=drawn(7).classes)
    assert shared == drawn(7).classes and len(cut) == len(left) == 70
    assert evaluate(left, cut, classes=shared).to_json()["left_out"] == {"class_unknown_to_model": 10}


def test_shared_classes_of_a_larger_model_are_normalised_again(drawn):
    pictures = drawn(14)
    larger = np.concatenate([scores_for(pictures) * 0.5, np.full((14, 1), 0.5, dtype=np.float32)], axis=1)
    left, cut, shared = shared_classes(larger, pictures, classes=(*pictures.classes, "contempt"))
    assert np.allclose(left.sum(axis=1), 1) and evaluate(left, cut, classes=shared).accuracy.value == 1.0


def test_pictures_of_no_shared_class_are_refused_naming_their_classes(drawn):
    eight = drawn(80, classes=(*drawn(7).classes, "contempt"))
    contempt = take(eight, np.array([label == "contempt" for label in eight.labels]))
    with pytest.raises(FacsimError, match=r"found 10 pictures of contempt alone, expected some of .*anger"):
        shared_classes(np.full((10, 7), 1 / 7, dtype=np.float32), contempt, classes=drawn(7).classes)


def test_a_class_that_the_model_does_not_know_is_answered_with_what_to_do(drawn):
    eight = drawn(80, classes=(*drawn(7).classes, "contempt"))
    with pytest.raises(FacsimError, match=r"^only the data knows contempt, expected the same .*--shared"):
        evaluate(np.full((80, 7), 1 / 7, dtype=np.float32), eight, classes=drawn(7).classes)


def test_too_few_shared_classes_are_refused(drawn):
    with pytest.raises(FacsimError, match="at least two"):
        shared_classes(np.ones((7, 1), dtype=np.float32), drawn(7), classes=("anger",))


def test_logits_are_refused(drawn):
    with pytest.raises(FacsimError, match="not logits"):
        evaluate(scores_for(drawn(7)) * 9 - 3, drawn(7), classes=drawn(7).classes)


def test_scores_of_another_number_of_pictures_are_refused(drawn):
    with pytest.raises(FacsimError, match="for 14 pictures"):
        evaluate(scores_for(drawn(7)), drawn(14), classes=drawn(7).classes)


def test_pictures_seen_in_training_are_counted_and_the_figures_given_without_them(drawn):
    pictures = drawn(70)
    seen = pictures.hashes[:14]
    found = evaluate(scores_for(pictures, wrong=14), pictures, classes=pictures.classes, training_hashes=seen)
    assert found.seen.count == 14 and found.seen.without["accuracy"].value == 1.0
    assert found.seen.without["accuracy"].n == 56 and found.accuracy.value == pytest.approx(0.8)


def test_a_test_set_seen_whole_leaves_no_figures(drawn):
    pictures = drawn(14)
    found = evaluate(scores_for(pictures), pictures, classes=pictures.classes, training_hashes=pictures.hashes)
    seen = found.to_json()["seen_in_training"]
    assert (seen["count"], seen["without"], seen["near"]) == (14, None, None)


def test_training_hashes_come_back_sorted_and_once_each(tmp_path):
    save_training_hashes(tmp_path, np.array([9, 2, 9, 2**63 + 1], dtype=np.uint64))
    assert load_training_hashes(tmp_path).tolist() == [2, 9, 2**63 + 1]
    assert seen_in(np.array([2**63 + 1, 3], dtype=np.uint64), load_training_hashes(tmp_path)).tolist() == [True, False]


def test_a_model_without_training_hashes_says_none(tmp_path):
    assert load_training_hashes(tmp_path) is None


def test_damaged_training_hashes_are_refused(tmp_path):
    (tmp_path / HASHES_FILE).write_bytes(b"\x93NUMPY")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_training_hashes(tmp_path)


@pytest.fixture
def classifier(drawn):
    network = build_small_cnn(SmallCnnConfig(classes=7, widths=(8,), depths=(1,)), generator=torch.Generator())
    return Classifier(network=network, classes=drawn(7).classes, preprocessing=fit_preprocessing(drawn(7).images))


def test_scores_do_not_depend_on_the_batch(classifier, drawn):
    whole, single = (predict(classifier, drawn(9), batch_size=size) for size in (9, 1))
    assert np.allclose(whole, single, atol=1e-6)


def test_predicting_leaves_a_training_network_in_training(classifier, drawn):
    classifier.network.train()
    predict(classifier, drawn(7))
    assert classifier.network.training


def test_pictures_of_another_size_are_refused(classifier, drawn):
    with pytest.raises(FacsimError, match="found grey pictures of 48 px, expected grey of 40 px"):
        predict(classifier, drawn(7, size_px=48))


def test_no_pictures_give_no_scores(classifier, drawn):
    empty = replace(
        drawn(7),
        images=drawn(7).images[:0],
        targets=drawn(7).targets[:0],
        ids=(),
        hashes=drawn(7).hashes[:0],
    )
    assert predict(classifier, empty).shape == (0, 7)

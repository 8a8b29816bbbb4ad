"""What is read of a model's folder and of evaluations: the files that training and `facsim evaluate` write."""

import numpy as np
import pytest

from facsim.errors import ManifestError
from facsim.report.learning import evaluations, training


def test_a_run_without_a_model_has_no_training(ingested_run):
    assert training(ingested_run) is None and evaluations(ingested_run) == ()


def test_the_curve_is_split_into_loss_and_validation(run):
    found = training(run)
    assert len(found.loss) == 30 and len(found.validation_uar) == 10
    assert found.score == found.validation_uar[-1][1]


def test_damaged_json_is_refused_by_name(make_run):
    made = make_run(14)
    made.folder.write("model/training.json", b"{")
    with pytest.raises(ManifestError, match=r"model/training\.json is not JSON"):
        training(made)


def test_an_evaluation_has_its_metrics_with_intervals(run):
    found = evaluations(run)[0]
    uar = next(measure for measure in found.measures if measure.name == "uar")
    assert (uar.value, uar.low, uar.high, uar.n) == (0.7, 0.665, 0.734, 700)
    assert (found.on_name, found.n, found.seen) == ("publictest.zip", 700, 0)


def test_rows_of_the_confusion_matrix_are_shares_of_the_true_class(run):
    found = evaluations(run)[0]
    assert np.sum(found.shares, axis=1) == pytest.approx(np.ones(7))
    assert found.shares[0][0] == 0.7


def test_what_evaluate_writes_is_what_is_read(make_run):
    evaluate = pytest.importorskip("facsim.learn.evaluate")
    from facsim.metrics import Confusion, Estimate

    made = make_run(14)
    figure = Estimate(value=0.5, n=4, low=0.2, high=0.8)
    confusion = Confusion(classes=("anger", "fear"), counts=np.asarray([[1, 1], [1, 1]]))
    whole = evaluate.Evaluation(accuracy=figure, uar=figure, macro_f1=figure, ece=figure, confusion=confusion)
    import json

    made.folder.write("evaluations/x.json", json.dumps({"on": "a/b.zip", **whole.to_json()}).encode())
    found = evaluations(made)[0]
    assert found.counts == ((1, 1), (1, 1)) and found.recall == (0.5, 0.5) and found.seen is None


def test_what_training_saves_of_itself_is_what_is_read(make_run):
    torch = pytest.importorskip("torch")
    from facsim.models.classifier import Classifier, Preprocessing
    from facsim.models.small_cnn import SmallCnnConfig, build_small_cnn
    from facsim.models.weights import save_classifier

    made = make_run(14)
    shape = SmallCnnConfig(classes=7, channels=1, widths=(8, 8, 8, 8), depths=(1, 1, 1, 1))
    classifier = Classifier(
        network=build_small_cnn(shape, generator=torch.Generator().manual_seed(0)),
        classes=("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
        preprocessing=Preprocessing(size_px=48, colour="grey", mean=(0.5,), std=(0.2,)),
        provenance={"pictures": 12, "validation_pictures": 2},
    )
    saved = save_classifier(classifier, made.folder.path("model"), training={"curve": [], "step": 3, "total_steps": 3})
    found = training(made)
    assert (found.pictures, found.validation_pictures, found.weights_sha256) == (12, 2, saved.sha256)
    assert found.classes == classifier.classes


def known(count, near, further):
    """What an evaluation says of pictures that a model may know, accuracy falling with each kind that is left out."""
    figures = [
        {"accuracy": {"value": value, "n": n, "low": value - 0.1, "high": value + 0.1}}
        for value, n in ((0.6, 100 - count), (0.5, 100 - count - near), (0.4, 100 - count - near - further))
    ]
    seen = {"count": count, "without": figures[0], "near": {"count": near, "without_both": figures[1]}}
    listed = {"file": "p.json", "training": "a/train.zip", "count": further, "further": further}
    return {"seen_in_training": seen, "listed_as_leaks": {**listed, "without_all": figures[2]}}


@pytest.mark.parametrize(
    ("counts", "leaked", "without"),
    [((0, 0, 0), 0, None), ((3, 0, 0), 3, 0.6), ((3, 2, 0), 5, 0.5), ((0, 2, 9), 11, 0.4)],
)
def test_what_a_model_may_know_is_counted_and_left_out(make_run, counts, leaked, without):
    import json

    made = make_run(14)
    made.folder.write("evaluations/x.json", json.dumps({"on": "b.zip", **known(*counts)}).encode())
    found = next(one for one in evaluations(made) if one.name == "x")
    assert found.leaked == leaked
    assert (found.without.value if found.without else None) == without
    assert found.listed_in == "train.zip"


def test_an_evaluation_of_an_earlier_facsim_is_still_read(make_run):
    import json

    made = make_run(14)
    estimate = {"value": 0.5, "n": 2, "low": 0.4, "high": 0.6}
    first = {
        **{name: estimate for name in ("accuracy", "uar", "macro_f1", "ece")},
        **{"n": 2, "classes": ["a", "b"], "recall": {"a": 1.0, "b": None}, "confusion": [[2, 0], [0, 0]]},
        **{"seen_in_training": {"count": 1, "without": None}, "model_sha256": "x", "left_out": {}},
    }
    made.folder.write("evaluations/old.json", json.dumps({"on": "a/b.zip", **first}).encode())
    found = next(one for one in evaluations(made) if one.name == "old")
    assert (found.seen, found.n, found.recall) == (1, 2, (1.0, None))

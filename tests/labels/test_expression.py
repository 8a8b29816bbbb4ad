"""facsim.labels.expression: the laws, every kind of teacher, calibrated scores, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facsim.errors import FacsimError, MissingExtra, RecipeError, WeightsError
from facsim.expressions import EIGHT_EXPRESSIONS, SEVEN_EXPRESSIONS
from facsim.labels.expression import HSEMOTION, Expression
from facsim.labels.teachers import canonical_classes, classifier_teacher, eight_scores
from facsim.models.classifier import Classifier, Preprocessing, initialised
from facsim.models.labeller import Labeller, initialised_label_network, save_labeller, weights_digest
from facsim.models.weights import save_classifier
from facsim.sample import Problem, Sample
from facsim.testing import check_laws, check_mirrors

from .label_cases import faces
from .onnx_cases import averaging_onnx

FER2013 = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
GREY = Preprocessing(size_px=24, colour="grey", mean=(0.5,), std=(0.25,))


def teacher_folder(place, task, outputs, settings):
    shape = {"classes": outputs, "channels": 1, "widths": (4, 4, 8, 8), "depths": (1, 1, 1, 1)}
    network = initialised_label_network("small_cnn", shape, generator=torch.Generator().manual_seed(3))
    torch.nn.init.normal_(network.head.weight, std=3.0, generator=torch.Generator().manual_seed(4))
    labeller = Labeller(task=task, network=network.eval(), preprocessing=GREY, settings=settings)
    save_labeller(labeller, place)
    return str(place)


@pytest.fixture
def research(tmp_path):
    settings = {"classes": list(SEVEN_EXPRESSIONS), "votes": list(EIGHT_EXPRESSIONS)}
    return teacher_folder(tmp_path / "research", "research", 15, settings)


@pytest.fixture
def classifier(tmp_path):
    shape = {"classes": 7, "channels": 1, "widths": (4, 4, 8, 8), "depths": (1, 1, 1, 1)}
    network = initialised("small_cnn", shape, generator=torch.Generator().manual_seed(0)).eval()
    torch.nn.init.normal_(network.head.weight, std=3.0, generator=torch.Generator().manual_seed(1))
    place = tmp_path / "classifier"
    saved = save_classifier(Classifier(network=network, classes=SEVEN_EXPRESSIONS, preprocessing=GREY), place)
    return place, saved


def scores_of(stage, samples):
    return np.array([row["expression_scores"] for row in stage.open("cpu")(samples)])


def test_the_stage_keeps_the_laws(research):
    check_laws(Expression(model=research), faces(5))


def test_flipped_and_averaged_a_mirror_image_scores_the_same(research):
    stage = Expression(model=research, crop="image", flips=True)
    check_mirrors(stage, faces(4))


def test_a_row_says_scores_top_confidence_and_teacher(research):
    row = Expression(model=research).open("cpu")(faces(1))[0]
    first = int(np.argmax(row["expression_scores"]))
    assert row["expression_top"] == EIGHT_EXPRESSIONS[first]
    assert row["expression_confidence"] == pytest.approx(row["expression_scores"][first])
    assert row["teacher"].startswith("research@")


def test_a_class_that_the_teacher_lacks_has_0_and_the_votes_have_all_eight(research):
    labels = scores_of(Expression(model=research), faces(4))
    votes = scores_of(Expression(model=research, head="votes", temperature=50.0), faces(4))
    contempt = EIGHT_EXPRESSIONS.index("contempt")
    assert (labels[:, contempt] == 0).all() and (votes[:, contempt] > 0).any()


def test_a_higher_temperature_is_less_sure_and_says_the_same(research):
    cold, hot = (scores_of(Expression(model=research, temperature=t), faces(6)) for t in (1.0, 4.0))
    assert (cold.argmax(axis=1) == hot.argmax(axis=1)).all()
    assert cold.max(axis=1).mean() > hot.max(axis=1).mean()


def test_a_label_models_own_temperature_is_applied(tmp_path):
    settings = {"classes": list(SEVEN_EXPRESSIONS), "frame": "tight"}
    plain = teacher_folder(tmp_path / "a", "clean", 7, settings)
    tempered = teacher_folder(tmp_path / "b", "clean", 7, {**settings, "temperature": 3.0})
    asked = scores_of(Expression(model=plain, temperature=3.0), faces(3))
    assert np.array_equal(scores_of(Expression(model=tempered), faces(3)), asked)


def test_a_classifier_of_aligned_faces_is_given_the_frame_that_it_learnt_from(classifier):
    place, saved = classifier
    assert classifier_teacher(str(place), device="cpu").frame == "tight"
    save_classifier(replace(saved, provenance={**saved.provenance, "frame": "wide"}), place)
    assert classifier_teacher(str(place), device="cpu").frame == "wide"


def test_a_classifiers_kept_temperature_is_applied_and_changes_the_weights_digest(classifier):
    place, saved = classifier
    stage = Expression(model=str(place))
    before = stage.weights
    held = {"format": 1, "temperature": 2.5, "model_sha256": saved.sha256, "fitted_on": {}, "hashes": []}
    asked = scores_of(replace(stage, temperature=2.5), faces(3))
    (place / "temperature.json").write_text(json.dumps(held))
    assert np.array_equal(scores_of(stage, faces(3)), asked)
    assert stage.weights != before


@pytest.mark.parametrize("text", ["", "{}", '{"temperature": 2}', '{"temperature": "x", "model_sha256": "y"}', "[1]"])
def test_a_damaged_temperature_is_refused(classifier, text):
    (classifier[0] / "temperature.json").write_text(text)
    with pytest.raises(WeightsError, match="facsim calibrate"):
        Expression(model=str(classifier[0])).open("cpu")


def test_a_temperature_of_other_weights_is_refused(classifier):
    held = {"temperature": 2.5, "model_sha256": "0" * 64}
    (classifier[0] / "temperature.json").write_text(json.dumps(held))
    with pytest.raises(WeightsError, match="calibrate"):
        Expression(model=str(classifier[0])).open("cpu")


def test_an_official_checkpoint_is_read_with_its_classes(tmp_path):
    network = initialised("resnet18", {"classes": 7}, generator=torch.Generator().manual_seed(0))
    state = {name.replace("head.", "fc."): tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "a.pth")
    stage = Expression(model=str(tmp_path / "a.pth"), architecture="resnet18", classes=FER2013, size_px=64)
    found = scores_of(stage, faces(2))
    assert np.allclose(found.sum(axis=1), 1) and (found[:, EIGHT_EXPRESSIONS.index("contempt")] == 0).all()


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path):
    torch.save({"state_dict": {"conv1.weight": torch.zeros(3)}}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="another architecture"):
        Expression(model=str(tmp_path / "a.pth"), architecture="resnet18", classes=FER2013).open("cpu")


class Trap:
    """Unpickled, it would leave a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (self.mark, "w"))


def test_nothing_is_unpickled(tmp_path):
    mark = tmp_path / "mark"
    torch.save({"state_dict": Trap(str(mark))}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="refused"):
        Expression(model=str(tmp_path / "a.pth"), architecture="resnet18", classes=FER2013).open("cpu")
    assert not mark.exists()


def test_an_onnx_file_with_named_classes_scores_by_name(tmp_path):
    file = averaging_onnx(tmp_path / "a.onnx", 3)
    stage = Expression(model=str(file), classes=("happy", "-", "sad"), size_px=16, mean=(0.0,) * 3, std=(1.0,) * 3)
    found = scores_of(stage, faces(2))
    named = {name: found[0, place] for place, name in enumerate(EIGHT_EXPRESSIONS)}
    assert named["sadness"] > named["happiness"] > 0 and named["sadness"] + named["happiness"] == pytest.approx(1)


def test_hsemotion_means_eight_classes_by_name(tmp_path):
    file = averaging_onnx(tmp_path / "enet_b0_8.onnx", 8, size_px=224)
    found = scores_of(Expression(model=str(file), architecture=HSEMOTION), faces(1))
    assert found.argmax() == len(EIGHT_EXPRESSIONS) - 1  # the file's last output is the largest: surprise


def test_an_onnx_file_of_facsims_own_needs_no_more_said(classifier, tmp_path):
    pytest.importorskip("onnxscript")
    from facsim.learn.onnx import export_onnx

    place, saved = classifier
    export_onnx(saved, tmp_path / "own.onnx")
    ours = scores_of(Expression(model=str(place)), faces(4))
    theirs = scores_of(Expression(model=str(tmp_path / "own.onnx")), faces(4))
    assert np.abs(ours - theirs).max() <= 2e-4


def test_an_onnx_file_whose_classes_nobody_names_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="classes"):
        Expression(model=str(averaging_onnx(tmp_path / "a.onnx", 3)), size_px=16).open("cpu")


def test_without_onnxruntime_the_extra_is_named(tmp_path, monkeypatch):
    import facsim.models.onnx_network as module

    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    (tmp_path / "a.onnx").write_bytes(b"x")
    with pytest.raises(MissingExtra, match=r"facsim\[onnx\]"):
        Expression(model=str(tmp_path / "a.onnx"), classes=("happy", "sad")).open("cpu")


def test_two_teachers_ship_and_stand_on_nothing_else():
    clean, shown = Expression(), Expression(model="shown")
    assert shown.weights == (weights_digest("shown"),) != clean.weights
    assert shown.model_terms == clean.model_terms == ()
    rows = [stage.open("cpu")(faces(3)) for stage in (clean, shown)]
    assert [row[0]["teacher"].split("@")[0] for row in rows] == ["clean", "shown"]
    check_laws(shown, faces(3))


def test_a_folder_that_is_called_as_one_that_ships_goes_before_it(tmp_path, monkeypatch):
    place = teacher_folder(tmp_path / "shown", "clean", 7, {"classes": list(SEVEN_EXPRESSIONS)})
    monkeypatch.chdir(tmp_path)
    assert Expression(model="shown").weights == Expression(model=place).weights != (weights_digest("shown"),)


def test_a_label_model_for_something_else_is_refused(tmp_path):
    place = teacher_folder(tmp_path / "x", "skin", 2, {})
    with pytest.raises(WeightsError, match="skin"):
        Expression(model=place).open("cpu")


def test_a_head_that_is_not_there_is_refused(tmp_path):
    place = teacher_folder(tmp_path / "x", "clean", 7, {"classes": list(SEVEN_EXPRESSIONS)})
    with pytest.raises(RecipeError, match="head"):
        Expression(model=place, head="votes").open("cpu")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"crop": "img"}, "image"),
        ({"head": "vote"}, "votes"),
        ({"model": "x", "architecture": "postr"}, "poster"),
        ({"model": "x", "classes": ("happy", "joy")}, "once at most"),
        ({"architecture": "ir50"}, "path of its weights"),
        ({"temperature": -1.0}, "0 or more"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, told):
    with pytest.raises(RecipeError, match=told):
        Expression(**settings)


def test_mutated_weights_are_refused_or_read_and_never_more(classifier):
    place, _ = classifier
    file = place / "weights.safetensors"
    data = file.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(80):
        mutated = bytearray(data)
        for spot in rng.integers(0, 900, 4):
            mutated[spot] = int(rng.integers(256))
        file.write_bytes(bytes(mutated))
        try:
            Expression(model=str(place)).open("cpu")
        except FacsimError:
            refused += 1
    assert refused > 60


def test_sick_pictures_are_problems(research):
    sick = Sample(sample_id="x", values={"face_aligned": {"bytes": b"GIF89a", "path": ""}, "align_template": "wide"})
    found = Expression(model=research).open("cpu")([*faces(1), sick])
    assert not isinstance(found[0], Problem) and isinstance(found[1], Problem)


@given(st.lists(st.floats(-30, 30), min_size=3, max_size=3))
def test_scores_are_ten_thousandths_that_sum_to_one_and_keep_the_order(values):
    logits = np.array([values])
    found = eight_scores(logits, ("happiness", "sadness", "contempt"), temperature=1.0)
    units = found * 10_000
    assert np.allclose(units, np.round(units), atol=1e-9) and round(float(units.sum())) == 10_000
    places = [EIGHT_EXPRESSIONS.index(name) for name in ("happiness", "sadness", "contempt")]
    assert found[0, places[int(logits.argmax())]] >= found.max() - 1.01e-4


def test_equal_scores_share_the_rounding_by_the_alphabet():
    found = eight_scores(np.zeros((1, 3)), ("sadness", "happiness", "anger"), temperature=1.0)[0]
    named = dict(zip(EIGHT_EXPRESSIONS, found, strict=True))
    assert (named["anger"], named["happiness"], named["sadness"]) == (0.3334, 0.3333, 0.3333)


def test_class_names_are_read_in_any_spelling_and_strangers_are_refused():
    assert canonical_classes(FER2013)[3] == "happiness"
    with pytest.raises(FacsimError, match="valence"):
        canonical_classes(("happy", "valence"))


def test_the_temperature_of_a_researchers_head_is_its_own(research):
    place = Path(research) / "votes"
    shape = {"classes": 8, "channels": 1, "widths": (4, 4, 8, 8), "depths": (1, 1, 1, 1)}
    network = initialised("small_cnn", shape, generator=torch.Generator().manual_seed(0)).eval()
    saved = save_classifier(Classifier(network=network, classes=EIGHT_EXPRESSIONS, preprocessing=GREY), place)
    (place / "temperature.json").write_text(json.dumps({"temperature": 30.0, "model_sha256": saved.sha256}))
    votes, labels = Expression(model=research, head="votes"), Expression(model=research)
    asked = scores_of(replace(votes, temperature=30.0), faces(2))
    assert np.array_equal(scores_of(votes, faces(2)), asked)
    assert len(votes.weights) == 2 and len(labels.weights) == 1

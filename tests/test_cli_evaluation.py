"""What is said of a model on the command line: evaluate with all its parts, calibrate, compare, leaks."""

import json
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from facsim import cli
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.learn.examination import examine
from facsim.learn.leaks import SeenPictures, save_chosen_on, save_training_hashes, save_training_signatures
from facsim.learn.predict import predict
from facsim.learn.signatures import signatures_of
from facsim.learn.sources import load_pictures
from facsim.models.classifier import Classifier, fit_preprocessing
from facsim.models.small_cnn import SmallCnnConfig, build_small_cnn
from facsim.models.weights import load_classifier, save_classifier


def called(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def shown(*arguments):
    result = called(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def picture(seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    return Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC)


def class_folder(place, seeds):
    for i, seed in enumerate(seeds):
        folder = place / SEVEN_EXPRESSIONS[i % 7]
        folder.mkdir(parents=True, exist_ok=True)
        picture(seed).save(folder / f"face_{seed}.png")
    return place


def relabelled(folder, model):
    """Move three of four pictures to the class that the model calls them: a model without training is right by luck."""
    pictures, classifier = load_pictures(folder), load_classifier(model)
    answers = predict(classifier, pictures).argmax(axis=1)
    for i, (name, answer) in enumerate(zip(pictures.ids, answers, strict=True)):
        if i % 4:
            file = next(folder.rglob(name.rsplit("/", 1)[-1]))
            file.rename(folder / classifier.classes[answer] / file.name)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with 140 test pictures, and a model that was trained on the first 21 of them and on 20 others."""
    root = tmp_path_factory.mktemp("evaluation")
    class_folder(root / "test", range(140))
    class_folder(root / "train", [*range(21), *range(1000, 1020)])
    trained = load_pictures(root / "train")
    for name, seed in (("model", 0), ("other", 1)):
        network = build_small_cnn(
            SmallCnnConfig(classes=7, widths=(8,), depths=(1,)), generator=torch.Generator().manual_seed(seed)
        )
        with torch.no_grad():  # without training all its scores are nearly alike: no temperature in reach mends that
            list(network.parameters())[-2].mul_(100)
        classifier = Classifier(
            network=network, classes=SEVEN_EXPRESSIONS, preprocessing=fit_preprocessing(trained.images)
        )
        save_classifier(classifier, root / name)
        save_training_hashes(root / name, trained.hashes)
        save_training_signatures(root / name, trained.images)
    return root


@pytest.fixture
def copied(place, tmp_path):
    """A copy of the model that a test may write to."""
    shutil.copytree(place / "model", tmp_path / "model")
    return tmp_path / "model"


def test_an_evaluation_says_what_it_rests_on(place):
    found = shown("evaluate", place / "model", "--on", place / "test")
    assert found["version"] == 2 and found["split"] is None
    assert found["extractor"] == f"small_cnn@{found['model_sha256'][:12]}"
    assert found["preprocessing"]["version"] == 1 and found["preprocessing"]["size_px"] == 48
    assert found["selected_on"] is None and "trained_on" in found
    assert len(found["label_set"]) == len(found["data_fingerprint"]) == 32


def test_an_evaluation_warns_of_what_was_trained_on(place):
    result = called("evaluate", place / "model", "--on", place / "test")
    assert "warning: 21 of these pictures were trained on, and 0 are near-duplicates" in result.stdout
    assert "without both: accuracy" in result.stdout and "(n = 119)" in result.stdout


def test_the_warning_goes_to_stderr_where_json_is_asked_for(place):
    result = called("evaluate", place / "model", "--on", place / "test", "--json")
    assert "warning: 21 of these pictures" in result.stderr


def test_a_test_set_without_leaks_is_said_to_have_none(place, tmp_path):
    class_folder(tmp_path / "fresh", range(3000, 3014))
    assert (
        "none of these pictures was trained on, nor"
        in called("evaluate", place / "model", "--on", tmp_path / "fresh").stdout
    )


def test_an_evaluation_warns_of_pictures_that_the_checkpoint_was_chosen_on(place, copied):
    held = load_pictures(place / "test", size_px=48)
    known = SeenPictures(hashes=held.hashes[:14], signatures=signatures_of(held.images[:14]))
    save_chosen_on(copied, [known])
    result = called("evaluate", copied, "--on", place / "test")
    assert "warning: this checkpoint was chosen on 14 of these pictures" in result.stdout
    found = shown("evaluate", copied, "--on", place / "test")["seen_in_selection"]
    assert found["count"] == 14 and found["without"]["accuracy"]["n"] == 126
    save_chosen_on(copied, [])
    assert "was chosen on" not in called("evaluate", copied, "--on", place / "test").stdout


def test_a_model_of_an_older_facsim_says_that_near_duplicates_are_not_known(place, copied):
    (copied / "training_signatures.npy").unlink()
    result = called("evaluate", copied, "--on", place / "test")
    assert "near-duplicates are not known" in result.stdout


def test_calibration_has_its_figures_and_its_curve(place):
    found = shown("evaluate", place / "model", "--on", place / "test")["calibration"]
    assert {"ece", "classwise_ece", "nll", "brier", "reliability", "tempered"} == set(found)
    assert len(found["reliability"]) == 15 and found["tempered"] is None


def test_predictions_have_a_row_a_picture(place, tmp_path):
    shown("evaluate", place / "model", "--on", place / "test", "--predictions", tmp_path / "p.parquet")
    table = pq.read_table(tmp_path / "p.parquet").to_pydict()
    assert len(table["id"]) == 140 and table["seen"].count("exact") == 21


def test_corruptions_and_the_figure_are_made_where_asked(place, tmp_path):
    asked = ("--corruptions", "jpeg,contrast", "--severities", "1,5", "--figure", tmp_path / "f.svg")
    found = shown("evaluate", place / "model", "--on", place / "test", *asked)["robustness"]
    assert list(found["curves"]) == ["jpeg", "contrast"] and list(found["curves"]["jpeg"]) == ["1", "5"]
    assert ElementTree.parse(tmp_path / "f.svg").getroot().tag.endswith("svg")


def test_a_person_sees_curves_as_a_table(place):
    asked = ("--corruptions", "jpeg", "--severities", "3")
    assert "share left" in called("evaluate", place / "model", "--on", place / "test", *asked).stdout


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--severities", "one", "expected numbers from 1 to 5"),
        ("--predictions", "p.csv", "expected a file in .parquet or .json"),
        ("--figure", "f.png", "expected a file in .svg"),
        ("--groups", "age", "no attributes at all"),
        ("--corruptions", "fog", 'found the corruption "fog"'),
    ],
)
def test_what_cannot_be_done_is_said(place, option, value, words):
    result = called("evaluate", place / "model", "--on", place / "test", option, value)
    assert result.exit_code == 1 and words in result.stderr and "Traceback" not in result.stderr


def test_a_test_set_of_one_class_has_figures_and_names_what_is_absent(place, tmp_path):
    (tmp_path / "one" / "anger").mkdir(parents=True)
    for seed in range(200, 210):
        picture(seed).save(tmp_path / "one" / "anger" / f"{seed}.png")
    result = called("evaluate", place / "model", "--on", tmp_path / "one")
    assert result.exit_code == 0, result.output
    assert "not among these pictures: disgust, fear, happiness" in result.stdout


def test_weights_that_overflow_are_said_to(place, copied):
    classifier = load_classifier(copied)
    with torch.no_grad():
        next(classifier.network.parameters()).fill_(float("nan"))
    save_classifier(classifier, copied)
    result = called("evaluate", copied, "--on", place / "test")
    assert result.exit_code == 1 and "not numbers for 140 of 140 pictures" in result.stderr


def test_a_model_is_calibrated_on_what_it_has_not_seen_and_judged_on_other_pictures(place, copied, tmp_path):
    relabelled(class_folder(tmp_path / "validation", [*range(21), *range(2000, 2200)]), copied)
    fitted = shown("calibrate", copied, "--on", tmp_path / "validation")
    assert fitted["n"] == 200 and fitted["left_out"] == {"seen_in_training": 21}
    found = shown("evaluate", copied, "--on", place / "test")["calibration"]["tempered"]
    assert found["temperature"] == fitted["temperature"] and found["left_out_as_fitted_on"] == 0
    assert {"before", "after"} <= set(found) and found["n"] == 140
    on_itself = shown("evaluate", copied, "--on", tmp_path / "validation")["calibration"]["tempered"]
    assert (on_itself["n"], on_itself["left_out_as_fitted_on"]) == (21, 200)
    assert "before" in called("evaluate", copied, "--on", place / "test").stdout


def test_too_little_to_calibrate_on_is_said(place, copied, tmp_path):
    class_folder(tmp_path / "validation", range(2000, 2014))
    result = called("calibrate", copied, "--on", tmp_path / "validation")
    assert result.exit_code == 1 and "found 14 pictures of 7 classes" in result.stderr


def test_a_model_that_keeps_no_hashes_is_not_calibrated(place, copied):
    (copied / "training_hashes.npy").unlink()
    result = called("calibrate", copied, "--on", place / "test")
    assert result.exit_code == 1 and "keeps no hashes" in result.stderr


def test_two_models_are_compared_on_the_same_pictures(place, tmp_path):
    for name in ("model", "other"):
        shown("evaluate", place / name, "--on", place / "test", "--predictions", tmp_path / f"{name}.parquet")
    found = shown("compare", tmp_path / "model.parquet", tmp_path / "other.parquet", "--unseen")
    assert found["n"] == 119 and set(found["differences"]) == {"accuracy", "uar", "macro_f1"}
    assert "McNemar" in called("compare", tmp_path / "model.parquet", tmp_path / "other.parquet").stdout


def test_groups_are_measured_where_pictures_have_attributes(place):
    pictures = load_pictures(place / "test")
    genders = tuple(("feminine", "masculine")[i % 2] for i in range(140))
    described = replace(pictures, attributes={"apparent_gender": genders})
    done = examine(load_classifier(place / "model"), place / "model", described)
    assert [group.n for group in done.groups("gender").groups] == [70, 70]


def test_with_shared_classes_curves_are_of_those_alone(place):
    pictures = load_pictures(place / "test", classes=(*SEVEN_EXPRESSIONS, "contempt"))
    done = examine(load_classifier(place / "model"), place / "model", pictures, shared=True)
    found = done.robustness(("jpeg",), (1,))
    assert done.classes == SEVEN_EXPRESSIONS and found.clean["accuracy"].n == 140


def test_leaks_between_two_sets_are_named_drawn_and_end_with_1(place, tmp_path):
    result = called("leaks", place / "train", place / "test", "--sheet", tmp_path / "pairs.png", "--json")
    assert result.exit_code == 1, result.output
    found = json.loads(result.stdout)
    assert (found["exact"], found["near"], found["clean"]) == (21, 0, 119) and len(found["pairs"]) == 21
    assert Image.open(tmp_path / "pairs.png").width > 300
    assert "exact copies" in called("leaks", place / "train", place / "test").stdout


def test_what_leaks_found_is_left_out_of_figures(place, tmp_path):
    file, answers = tmp_path / "pairs.json", tmp_path / "answers.json"
    assert called("leaks", place / "train", place / "test", "--out", file).exit_code == 1
    found = shown("evaluate", place / "model", "--on", place / "test", "--leaks", file, "--predictions", answers)
    listed = found["listed_as_leaks"]
    assert (listed["count"], listed["further"], listed["without_all"]["accuracy"]["n"]) == (21, 0, 119)
    assert listed["training"] == str(place / "train")
    assert shown("evaluate", place / "model", "--on", place / "test")["listed_as_leaks"] is None
    text = called("evaluate", place / "model", "--on", place / "test", "--leaks", file).output
    assert "21 of these pictures are copies of" in text and "without all of these: accuracy" in text


def test_a_file_of_leaks_tells_what_the_model_cannot(place, copied, tmp_path):
    file, answers = tmp_path / "pairs.json", tmp_path / "answers.json"
    called("leaks", place / "train", place / "test", "--out", file)
    (copied / "training_hashes.npy").unlink()
    found = shown("evaluate", copied, "--on", place / "test", "--leaks", file, "--predictions", answers)
    assert (found["seen_in_training"], found["listed_as_leaks"]["further"]) == (None, 21)
    assert shown("compare", answers, answers, "--unseen")["n"] == 119


def test_a_file_of_other_leaks_is_refused(place, tmp_path):
    called("leaks", place / "train", place / "test", "--out", tmp_path / "pairs.json")
    class_folder(tmp_path / "fresh", range(3000, 3014))
    refused = called("evaluate", place / "model", "--on", tmp_path / "fresh", "--leaks", tmp_path / "pairs.json")
    assert refused.exit_code == 1 and "it compares" in refused.output and "Traceback" not in refused.output


def test_training_leaves_out_what_leaks_found(place, tmp_path):
    called("leaks", place / "train", place / "test", "--out", tmp_path / "pairs.json")
    model, leaks = tmp_path / "model", ("--leaks", tmp_path / "pairs.json")
    made = shown("train", place / "train", "--out", model, "--epochs", "0.5", *leaks)
    assert made["left_out"]["copy_of_test"] == 21
    found = shown("evaluate", model, "--on", place / "test", *leaks)
    assert found["seen_in_training"]["count"] == 0
    assert found["listed_as_leaks"]["further"] == 21


def test_sets_that_share_nothing_end_with_0(place, tmp_path):
    class_folder(tmp_path / "fresh", range(3000, 3014))
    assert shown("leaks", place / "train", tmp_path / "fresh")["clean"] == 14


@pytest.mark.parametrize(
    ("option", "value", "words"), [("--corruptions", "jpg", "jpeg"), ("--severities", "6", "1 to 5")]
)
def test_corruptions_are_checked_before_any_picture_is_read(place, option, value, words):
    both = {"--corruptions": "jpeg", "--severities": "1", option: value}
    refused = called(
        "evaluate", place / "model", "--on", place / "nowhere", *(part for one in both.items() for part in one)
    )
    assert refused.exit_code == 1 and words in refused.output and "nowhere" not in refused.output


def test_a_model_of_aligned_faces_warns_of_faces_that_are_not(place, tmp_path):
    held = load_classifier(place / "model")
    save_classifier(replace(held, provenance={**held.provenance, "frame": "tight"}), tmp_path / "aligned")
    result = called("evaluate", tmp_path / "aligned", "--on", place / "test")
    assert 'learnt from aligned faces, cut as "tight"; these are as they came' in result.output
    found = shown("evaluate", tmp_path / "aligned", "--on", place / "test")
    assert found["frames"] == {"model": "tight", "pictures": ""}
    assert "aligned faces" not in called("evaluate", place / "model", "--on", place / "test").output


def test_leaks_by_face_are_counted_apart(place, tmp_path):
    plain = json.loads(called("leaks", place / "train", place / "test", "--json").stdout)
    result = called("leaks", place / "train", place / "test", "--faces", "--sheet", tmp_path / "pairs.png", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1 and (tmp_path / "pairs.png").exists()
    assert (found["exact"], found["near"], plain["near_by_face"]) == (plain["exact"], plain["near"], 0)
    assert found["clean"] == plain["clean"] - found["near_by_face"]
    assert sum(not pair["by_face"] for pair in found["pairs"]) == len(plain["pairs"])

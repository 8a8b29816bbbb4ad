"""facsim.models.model_terms: what a file says of what it was trained on comes with its labels; others say nothing."""

import importlib.resources
from pathlib import Path

import pytest
import torch

from facsim.formats.terms import TERMS, terms_from
from facsim.learn.onnx import export_onnx
from facsim.models.classifier import Classifier, Preprocessing, initialised
from facsim.models.labeller import Labeller, initialised_label_network, save_labeller
from facsim.models.model_terms import model_terms, standing_entry
from facsim.models.onnx_network import onnx_properties
from facsim.models.weights import load_classifier, save_classifier

SHIPPED = Path(str(importlib.resources.files("facsim"))) / "weights"
GREY = Preprocessing(size_px=24, colour="grey", mean=(0.5,), std=(0.25,))
SHAPE = {"classes": 7, "channels": 1, "widths": (4, 4, 8, 8), "depths": (1, 1, 1, 1)}
RESEARCH = "FER2013 (Kaggle's ICML 2013 challenge): research use; FER+ votes: MIT"


def labeller(place, **provenance):
    network = initialised_label_network("small_cnn", SHAPE, generator=torch.Generator().manual_seed(0)).eval()
    save_labeller(
        Labeller(task="clean", network=network, preprocessing=GREY, settings={}, provenance=provenance), place
    )
    return place


def test_what_ships_stands_on_nothing_else():
    assert model_terms("") == ()


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.safetensors")), ids=lambda file: file.stem)
def test_what_facsim_teaches_on_renders_alone_may_be_used_commercially(file):
    (found,) = model_terms(file)
    assert found.commercial == "yes" and "trained on" in found.agreement


@pytest.mark.parametrize(
    ("stated", "commercial"),
    [(RESEARCH, "no"), ("Apache-2.0, as facsim", "yes"), ("facsim's own licence", "yes"), ("as agreed", "ask")],
)
def test_a_label_model_says_its_terms_and_what_it_was_trained_on(tmp_path, stated, commercial):
    place = labeller(tmp_path / "mine", terms=stated, trained_on="12 photographs")
    (found,) = model_terms(place)
    assert (found.name, found.commercial) == ("mine", commercial)
    assert found.agreement == f"{stated}; trained on 12 photographs"
    assert model_terms(place / "weights.safetensors")[0].agreement == found.agreement


def classifier(place, **provenance):
    network = initialised("small_cnn", SHAPE, generator=torch.Generator().manual_seed(0)).eval()
    held = Classifier(network=network, classes=tuple("abcdefg"), preprocessing=GREY, provenance=provenance)
    save_classifier(held, place)
    return place


def test_of_a_classifier_of_before_nothing_is_known_but_what_it_was_trained_on(tmp_path):
    (found,) = model_terms(classifier(tmp_path / "model", trained_on="faces.zip"))
    assert found.commercial == "ask" and "not stated" in found.agreement and "faces.zip" in found.agreement


MINE = terms_from("yes: my own photographs", form="class_folder")


@pytest.mark.parametrize(
    ("parts", "commercial", "words"),
    [
        ([()], "yes", ["facsim's renders: drawn and labelled by facsim alone"]),
        ([(MINE,), ()], "yes", ["my own photographs"]),
        ([(MINE,), (TERMS["fer2013"],)], "no", ["my own photographs", "FER2013: Kaggle"]),
        ([(MINE,), (TERMS["dcface"],)], "ask", ["DCFace"]),
        ([(), None], "ask", ["not stated"]),
    ],
)
def test_a_classifier_stands_on_what_its_pictures_and_weights_stand_on(tmp_path, parts, commercial, words):
    place = classifier(tmp_path / "model", trained_on="faces", **standing_entry(parts))
    (found,) = model_terms(place)
    assert found.commercial == commercial
    assert all(word in found.agreement for word in [*words, "; trained on faces"])


@pytest.mark.parametrize(
    "listed",
    [
        *("yes", 3, {"commercial": "yes"}, ["yes"], [{}]),
        *([{"name": "a", "agreement": "b", "commercial": verdict}] for verdict in (True, "certainly")),
    ],
)
def test_what_a_file_says_in_another_way_is_not_taken_for_a_yes(tmp_path, listed):
    (found,) = model_terms(classifier(tmp_path / "model", stands_on=listed))
    assert found.commercial == "ask"


@pytest.mark.parametrize(
    ("provenance", "commercial"),
    [(standing_entry([()]), "yes"), (standing_entry([(TERMS["fer2013"],)]), "no"), ({}, "ask")],
)
def test_an_exported_classifier_says_what_it_stands_on(tmp_path, provenance, commercial):
    pytest.importorskip("onnxscript")
    held = load_classifier(classifier(tmp_path / "model", trained_on="faces", **provenance))
    (found,) = model_terms(export_onnx(held, tmp_path / "model.onnx"))
    assert (found.name, found.commercial) == ("model.onnx", commercial) and "; trained on faces" in found.agreement
    (tmp_path / "model.onnx").rename(tmp_path / "MODEL.ONNX")
    assert [terms.commercial for terms in model_terms(tmp_path / "MODEL.ONNX")] == [commercial]


@pytest.mark.parametrize("held", ["no JSON", "3", '["yes"]', '{"stands_on": "yes"}', '{"terms": 3}'])
def test_what_another_maker_wrote_into_a_graph_is_not_taken_for_a_yes(tmp_path, held):
    onnx = pytest.importorskip("onnx")
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("into", "out_of")]
    made = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["into"], ["out_of"])], "same", ends[:1], ends[1:])
    model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.helper.set_model_props(model, {"provenance": held})
    onnx.save(model, str(tmp_path / "model.onnx"))
    onnx_properties(tmp_path / "model.onnx")  # it is a graph that loads
    assert model_terms(tmp_path / "model.onnx")[0].commercial == "ask"


@pytest.mark.parametrize(
    ("line", "commercial", "words"),
    [
        ('terms = "yes: bought from its maker"', "yes", "bought from its maker"),
        ('terms = "fer2013"', "no", "Kaggle"),
        ("", "ask", "not stated"),
        ('terms = "certainly"', "ask", "not stated"),  # refused where the network is opened
    ],
)
def test_the_description_of_an_external_network_may_say_its_terms(tmp_path, line, commercial, words):
    (tmp_path / "net.toml").write_text(f'file = "net.onnx"\n{line}\n')
    (found,) = model_terms(tmp_path / "net.toml")
    assert (found.name, found.commercial) == ("net.toml", commercial) and words in found.agreement


@pytest.mark.parametrize("content", [b"", b"onnx", b'\x08\x00\x00\x00\x00\x00\x00\x00{"a": 1}', None])
def test_of_other_files_nothing_is_known(tmp_path, content):
    place = tmp_path / "model.onnx"
    if content is not None:
        place.write_bytes(content)
    (found,) = model_terms(place)
    assert (found.name, found.commercial) == ("model.onnx", "ask") and 'terms = "' in found.agreement


def test_public_weights_have_the_terms_of_their_list(tmp_path):
    (found,) = model_terms(tmp_path / "x.pth", architecture="poster-rafdb")
    assert found.commercial == "no" and "RAF-DB" in found.agreement

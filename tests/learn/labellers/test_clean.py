"""facsim.learn.labellers.clean: the label models say what the classifiers say, *clean* once it is calibrated."""

import numpy as np
import pytest
import torch

from facsim.errors import WeightsError
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.learn.calibration import Temperature, save_temperature
from facsim.learn.labellers.clean import clean_labeller, shown_labeller
from facsim.models.classifier import Classifier, Preprocessing, initialised
from facsim.models.labeller import load_labeller, save_labeller
from facsim.models.weights import save_classifier


@pytest.fixture
def folder(tmp_path):
    shape = {"classes": 7, "channels": 1, "widths": (4, 4, 8, 8), "depths": (1, 1, 1, 1)}
    network = initialised("small_cnn", shape, generator=torch.Generator().manual_seed(0)).eval()
    asked = Preprocessing(size_px=24, colour="grey", mean=(0.5,), std=(0.25,))
    told = {"trained_on": "renders", "config": {"lr": 1}}
    model = Classifier(network=network, classes=SEVEN_EXPRESSIONS, preprocessing=asked, provenance=told)
    save_classifier(model, tmp_path / "model")
    return tmp_path / "model"


def calibrate(folder):
    from facsim.models.weights import load_classifier

    fitted = {"n": 3, "nll_before": 1.0, "nll_after": 0.9}
    sha256 = load_classifier(folder).sha256
    save_temperature(folder, Temperature(value=1.7, model=sha256, hashes=np.zeros(3, np.uint64), fitted_on=fitted))


def test_the_label_model_answers_as_the_classifier_did(folder, tmp_path):
    from facsim.models.weights import load_classifier

    calibrate(folder)
    save_labeller(clean_labeller(folder), tmp_path / "packaged")
    packaged = load_labeller("clean", tmp_path / "packaged")
    pictures = torch.rand(4, 1, 24, 24, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        ours, theirs = packaged.network(pictures), load_classifier(folder).network(pictures)
    assert torch.allclose(ours, theirs, atol=2e-2)  # half precision
    assert packaged.settings == {"classes": list(SEVEN_EXPRESSIONS), "frame": "tight", "temperature": 1.7}


def test_its_card_says_what_it_was_trained_on_and_with_which_temperature(folder, tmp_path):
    calibrate(folder)
    save_labeller(clean_labeller(folder, provenance={"terms": "free"}), tmp_path / "packaged")
    card = (tmp_path / "packaged" / "card.md").read_text()
    assert "trained_on: renders" in card and "terms: free" in card and "nll_after" in card and '"lr"' not in card


def test_a_classifier_that_nobody_calibrated_is_refused(folder):
    with pytest.raises(WeightsError, match="facsim calibrate"):
        clean_labeller(folder)


def test_shown_answers_without_a_temperature(folder, tmp_path):
    from facsim.models.weights import load_classifier

    save_labeller(shown_labeller(folder, provenance={"terms": "free"}), tmp_path / "packaged")
    packaged = load_labeller("shown", tmp_path / "packaged")
    assert packaged.settings == {"classes": list(SEVEN_EXPRESSIONS), "frame": "tight"}
    pictures = torch.rand(4, 1, 24, 24, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        ours, theirs = packaged.network(pictures), load_classifier(folder).network(pictures)
    assert torch.allclose(ours, theirs, atol=2e-2)
    assert "terms: free" in (tmp_path / "packaged" / "card.md").read_text()

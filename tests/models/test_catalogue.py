"""facsim.models.catalogue and .adoption: what is said of networks holds, and others' weights become classifiers."""

import numpy as np
import pytest
import torch

from facsim.errors import FacsimError, WeightsError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.models.adoption import adopt_weights
from facsim.models.catalogue import (
    NETWORK_CARDS,
    PUBLIC_WEIGHTS,
    empty_network,
    find_network_card,
    find_public_weights,
)
from facsim.models.classifier import ARCHITECTURES, initialised, nchw, prepare
from facsim.models.weights import load_classifier, save_classifier


def test_every_network_that_can_be_trained_has_a_card():
    assert {card.name for card in NETWORK_CARDS if card.expressions} == set(ARCHITECTURES)


def test_names_are_given_once():
    for entries in (NETWORK_CARDS, PUBLIC_WEIGHTS):
        assert len({entry.name for entry in entries}) == len(entries)


@pytest.mark.parametrize("card", NETWORK_CARDS, ids=lambda card: card.name)
def test_scores_say_where_they_were_read(card):
    assert card.source and all(score.source and 0 < score.accuracy < 100 for score in card.scores)


@pytest.mark.parametrize("weights", PUBLIC_WEIGHTS, ids=lambda weights: weights.name)
def test_public_weights_say_their_terms_and_fit_a_network_and_part_that_exist(weights):
    assert weights.terms and weights.trained_on and weights.page.startswith("https://")
    network = empty_network(find_network_card(weights.network))
    assert network.get_submodule(weights.part) is not None
    assert set(weights.classes) <= set(EIGHT_EXPRESSIONS) and len(weights.classes) in (0, weights.outputs)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(FacsimError, match='Did you mean "poster"'):
        find_network_card("postre")
    with pytest.raises(FacsimError, match='Did you mean "poster-rafdb"'):
        find_public_weights("poster-raf-db")


# adoption


def poster_file(path):
    """A random POSTER as its trainer would have written it, and the network itself."""
    settings = {"classes": 7, "faithful": True}
    network = initialised("poster", settings, generator=torch.Generator().manual_seed(3)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(4)))
    state = {f"module.{name.replace('head.', 'head.linear.')}": t for name, t in network.state_dict().items()}
    torch.save({"iter": 216, "model_state_dict": state}, path)
    return network


def test_weights_of_blue_green_red_give_the_same_for_pictures_in_red_green_blue(tmp_path):
    network = poster_file(tmp_path / "rafdb_best.pth")
    adopted = adopt_weights("poster-rafdb", tmp_path / "rafdb_best.pth")
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    means, deviations = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    official = (torch.from_numpy(images[..., ::-1].copy()).float() / 255 - means) / deviations
    with torch.inference_mode():
        expected = network(official.permute(0, 3, 1, 2))
        found = adopted.network(prepare(nchw(torch.from_numpy(images)), adopted.preprocessing))
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    assert adopted.classes == ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")


def test_an_adopted_model_is_saved_with_its_terms_and_comes_back(tmp_path):
    poster_file(tmp_path / "rafdb_best.pth")
    save_classifier(adopt_weights("poster-rafdb", tmp_path / "rafdb_best.pth"), tmp_path / "model")
    found = load_classifier(tmp_path / "model")
    assert found.provenance["adopted_from"] == "poster-rafdb" and found.network.config.faithful
    assert "RAF-DB" in (tmp_path / "model" / "card.md").read_text()


def test_outputs_without_names_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="found 0 names"):
        adopt_weights("poster-pp-rafdb", tmp_path / "none.pth")


def test_a_name_that_is_given_twice_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="each once"):
        adopt_weights("poster-pp-rafdb", tmp_path / "none.pth", classes=("anger",) * 7)


@pytest.mark.parametrize("name", ["resnet18-imagenet", "ir50-faces", "mobilefacenet-68"])
def test_weights_of_no_expressions_are_no_classifier(name, tmp_path):
    with pytest.raises(WeightsError, match="of no expressions"):
        adopt_weights(name, tmp_path / "none.pth")

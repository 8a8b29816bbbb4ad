"""Public weights as classifiers of facsim's: with class names, preprocessing and where they come from."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from facsim.errors import WeightsError
from facsim.expressions import expression_named
from facsim.models.catalogue import PublicWeights, find_public_weights
from facsim.models.classifier import Classifier, Preprocessing, build_network
from facsim.models.official import load_official

__all__ = ["adopt_weights"]

# ImageNet's, which all of these were trained with.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SIDE_PX = 224


def adopt_weights(name: str, path: str | os.PathLike[str], *, classes: tuple[str, ...] = ()) -> Classifier:
    """The classifier of the public weights `name` (`facsim.models.catalogue`) in the file `path`, not yet saved.

    It takes red, green and blue, whatever it was trained on: the first convolutions are turned. `classes` name its
    outputs where nobody says them; where the catalogue does they may be left out. Raises WeightsError where the file
    does not fit, where the outputs have no names, and for weights that are of no expressions.
    """
    weights = find_public_weights(name)
    named = _named_outputs(weights, classes)
    network = build_network(weights.network, {"classes": len(named), **weights.settings})
    loaded = load_official(network, path)
    classifier = Classifier(
        network=network.eval(),
        classes=named,
        preprocessing=Preprocessing(size_px=_SIDE_PX, colour="rgb", mean=_MEAN, std=_STD),
        provenance=_provenance(weights, loaded.sha256),
    )
    return _turned(classifier) if weights.colour == "bgr" else classifier


def _named_outputs(weights: PublicWeights, classes: tuple[str, ...]) -> tuple[str, ...]:
    if weights.part or weights.outputs not in (7, 8):
        raise WeightsError(
            f'the weights "{weights.name}" are of no expressions, expected a classifier; train a network that begins '
            "with them (facsim.models.official.load_official)"
        )
    named = tuple(expression_named(word) for word in classes) or weights.classes
    if len(named) != weights.outputs or len(set(named)) != len(named):
        raise WeightsError(
            f'found {len(named)} names {named} for the {weights.outputs} outputs of "{weights.name}", expected as many '
            f"and each once; name them in the order of its training folders. {weights.note}".rstrip()
        )
    return named


def _provenance(weights: PublicWeights, sha256: str) -> dict[str, Any]:
    return {
        "trained_on": weights.trained_on,
        "selected_on": "as their authors did",
        "adopted_from": weights.name,
        "page": weights.page,
        "terms": weights.terms,
        "official_sha256": sha256,
    }


def _turned(classifier: Classifier) -> Classifier:
    """The classifier that gives for red, green, blue what it gave for blue, green, red."""
    asked = classifier.preprocessing
    with torch.no_grad():
        for convolution in _first_convolutions(classifier.network):
            convolution.weight.copy_(convolution.weight.flip(1))
    return replace(classifier, preprocessing=replace(asked, mean=asked.mean[::-1], std=asked.std[::-1]))


def _first_convolutions(network: nn.Module) -> list[nn.Conv2d]:
    """Those that read the picture: of POSTER one for each stream."""
    found = [module for module in network.modules() if isinstance(module, nn.Conv2d) and module.in_channels == 3]
    if not found:
        raise WeightsError(f"found no convolution of 3 channels in {type(network).__name__}, expected at least one")
    return found

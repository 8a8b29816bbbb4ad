"""Every network with what is known of it: input, source, published scores with their caveats, and public weights.

A score stands here as its authors gave it, with where it was read and what is known against it; facsim's own are in
`docs/results.md`. facsim ships and fetches none of the weights: `docs/licences.md`. No file of them was at hand when
this was written: none has a checksum here, and that each loads rests on its names and shapes in the official code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from facsim.errors import FacsimError, hint_nearest
from facsim.expressions import SEVEN_EXPRESSIONS, label_order
from facsim.models.classifier import build_network
from facsim.models.mobilefacenet import MobileFaceNet, MobileFaceNetConfig

__all__ = [
    "NETWORK_CARDS",
    "PUBLIC_WEIGHTS",
    "NetworkCard",
    "PublicWeights",
    "Score",
    "empty_network",
    "find_network_card",
    "find_public_weights",
]


@dataclass(frozen=True, kw_only=True)
class Score:
    """An accuracy in per cent that somebody published, where it was read, and what is known against it."""

    dataset: str
    accuracy: float
    source: str
    caveat: str = ""


@dataclass(frozen=True, kw_only=True)
class NetworkCard:
    """A network as `facsim models` shows it.

    `settings` are its configuration beside the number of classes, as its weights have it; `side_px` and `colour` the
    pictures it was made for; `expressions` whether it can be trained as a classifier (`network` in a recipe).
    """

    name: str
    summary: str
    source: str
    side_px: int
    colour: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expressions: bool = True
    scores: tuple[Score, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PublicWeights:
    """Weights that others published: which file, for which network or part of one, and on what terms.

    `classes` in the order of its outputs, empty where nobody says it or where they are no expressions; `colour` is the
    order of channels that it was trained on ("rgb" or "bgr"). `settings` is the configuration that it fits.
    """

    name: str
    file: str
    network: str
    page: str
    terms: str
    trained_on: str
    part: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    classes: tuple[str, ...] = ()
    outputs: int = 0
    colour: str = "rgb"
    note: str = ""


_POSTER = "https://github.com/zczcwh/POSTER"
_POSTER_PP = "https://github.com/Talented-Q/POSTER_V2"
_SYNTFER = "https://github.com/AliAZ98/SyntFER"
_TORCHVISION = "https://docs.pytorch.org/vision/stable/models.html"
_BEST_ON_TEST = "the best epoch was chosen on the test set"
_NOT_REPRODUCED = f"{_BEST_ON_TEST}; its checkpoint was found to score about 65 ({_POSTER_PP}/issues/11)"
_IMAGENET_TERMS = "code BSD-3-Clause; no terms for the weights; ImageNet's pictures: non-commercial research"
_POSTER_TERMS = "its README says MIT, with no licence file; no terms for the weights; RAF-DB: non-commercial research"
_POSTER_PP_TERMS = "code MIT; no terms for the weights; RAF-DB and AffectNet: non-commercial research"
_NO_ORDER = (
    "the order of its classes is that of its authors' folders, which is not published: try it before you trust it"
)
_FACES_TERMS = "no terms stated; which face-recognition photographs it was trained on is not stated either"

NETWORK_CARDS: tuple[NetworkCard, ...] = (
    NetworkCard(
        name="small_cnn",
        summary="a residual network for small grey faces that trains on two CPU cores: facsim's yardstick",
        source="facsim",
        side_px=48,
        colour="grey",
        notes=("measured in docs/results.md",),
    ),
    NetworkCard(
        name="vit",
        summary="a small vision transformer over patches, which a masked autoencoder pre-trains",
        source="facsim, after Dosovitskiy et al. 2021, arXiv 2010.11929, and He et al. 2022, arXiv 2111.06377",
        side_px=48,
        colour="grey",
    ),
    NetworkCard(
        name="resnet18",
        summary="ResNet-18; stem_px = 3 for pictures of 32 to 64 px",
        source="He et al. 2016, arXiv 1512.03385",
        side_px=224,
        colour="rgb",
        scores=(Score(dataset="ImageNet-1k", accuracy=69.76, source=_TORCHVISION, caveat="objects, no faces"),),
    ),
    NetworkCard(
        name="resnet50",
        summary="ResNet-50 (v1.5); SynFER's self-supervised backbone",
        source="He et al. 2016, arXiv 1512.03385",
        side_px=224,
        colour="rgb",
        scores=(Score(dataset="ImageNet-1k", accuracy=76.13, source=_TORCHVISION, caveat="objects, no faces"),),
    ),
    NetworkCard(
        name="ir50",
        summary="ArcFace's IR-50 without its last stage; SyntFER's classifier",
        source="Deng et al. 2019, arXiv 1801.07698; Azmoudeh et al. 2026, arXiv 2605.17483",
        side_px=224,
        colour="rgb",
        scores=(
            Score(
                dataset="RAF-DB",
                accuracy=88.62,
                source=f"{_SYNTFER}, testing_ir50.ipynb",
                caveat="the output of a notebook whose training set is not stated, on 3,068 pictures, RAF-DB's number",
            ),
        ),
        notes=(
            "official files hold 12.8 M parameters more, an output_layer that nothing reads: left out when loaded",
            "faithful = true has the official quirks: nearest-pixel shrinking, tokens in the order of memory",
            "without face-recognition weights: facsim train FACES --out MODEL --recipe ir50-scratch",
        ),
    ),
    NetworkCard(
        name="poster",
        summary="POSTER: image and landmark streams with crossed queries on three levels; size large, base or small",
        source="Zheng et al. 2022, arXiv 2204.04083",
        side_px=224,
        colour="rgb",
        scores=(
            Score(dataset="RAF-DB", accuracy=92.05, source="arXiv 2204.04083", caveat=_BEST_ON_TEST),
            Score(dataset="FERPlus", accuracy=91.62, source="arXiv 2204.04083"),
            Score(dataset="AffectNet-7", accuracy=67.31, source="arXiv 2204.04083"),
            Score(dataset="AffectNet-8", accuracy=63.34, source="arXiv 2204.04083"),
        ),
        notes=(
            "the published 70.8 M that learn count IR50's output_layer, which nothing reads; 58.0 M do learn",
            'variant "affectnet" lacks the mixing of tokens after each block, as its official code does',
            "faithful = true has the official quirks: IR50's, and norms that go on learning in the frozen landmark net",
            "its landmark stream is frozen; without trained weights for it set frozen_landmarks = false",
            "without any weights: facsim train FACES --out MODEL --recipe poster-scratch",
        ),
    ),
    NetworkCard(
        name="poster_pp",
        summary="POSTER++ (POSTER_V2): landmarks ask, the image answers, in one window a level; SynFER's baseline",
        source="Mao et al. 2023, arXiv 2301.12149",
        side_px=224,
        colour="rgb",
        scores=(
            Score(dataset="RAF-DB", accuracy=92.21, source="arXiv 2301.12149", caveat=_BEST_ON_TEST),
            Score(
                dataset="RAF-DB",
                accuracy=91.59,
                source="He et al. 2025, arXiv 2410.09865, table quoted by third parties",
                caveat="the same network, trained by others",
            ),
            Score(dataset="AffectNet-7", accuracy=67.49, source="arXiv 2301.12149", caveat=_NOT_REPRODUCED),
            Score(dataset="AffectNet-8", accuracy=63.77, source="arXiv 2301.12149", caveat=_BEST_ON_TEST),
            Score(dataset="CAER-S", accuracy=93.00, source=_POSTER_PP, caveat=_BEST_ON_TEST),
        ),
        notes=(
            "trained from scratch by others it came to 81 to 91 on RAF-DB (issues of its repository)",
            "the published 8.4 G multiply-adds leave out the products of attention, 0.16 G",
            f"its AffectNet scores need classes drawn evenly ({_POSTER_PP}/issues/12)",
            "faithful = true has the official quirks: nearest-pixel shrinking, norms that learn in a frozen net",
            "its landmark stream is frozen; without trained weights for it set frozen_landmarks = false",
        ),
    ),
    NetworkCard(
        name="mobilefacenet",
        summary="68 landmarks: the second stream of POSTER and POSTER++; no classifier",
        source="Chen et al. 2018, arXiv 1804.07573; https://github.com/cunjian/pytorch_face_landmark",
        side_px=112,
        colour="rgb",
        expressions=False,
    ),
)
"""Every network, the cheapest first."""

PUBLIC_WEIGHTS: tuple[PublicWeights, ...] = (
    PublicWeights(
        name="resnet18-imagenet",
        file="resnet18-f37072fd.pth",
        network="resnet18",
        page=_TORCHVISION,
        terms=_IMAGENET_TERMS,
        trained_on="ImageNet-1k",
        outputs=1000,
    ),
    PublicWeights(
        name="resnet50-imagenet",
        file="resnet50-0676ba61.pth",
        network="resnet50",
        page=_TORCHVISION,
        terms=_IMAGENET_TERMS,
        trained_on="ImageNet-1k",
        outputs=1000,
    ),
    PublicWeights(
        name="ir50-faces",
        file="ir50.pth",
        network="ir50",
        part="backbone",
        page=_POSTER,
        terms=_FACES_TERMS,
        trained_on="face recognition, not stated on whom",
        note='in poster and poster_pp the part is "ir_back"; POSTER++ spells its names body1, body2, body3',
    ),
    PublicWeights(
        name="ir50-syntfer",
        file="a checkpoint of train_ir50.py",
        network="ir50",
        page=_SYNTFER,
        terms="code MIT; no checkpoint is published",
        trained_on="as its maker chose",
        settings={"faithful": True},
        classes=label_order("alphabetical_7").expressions,
        outputs=7,
    ),
    PublicWeights(
        name="mobilefacenet-68",
        file="mobilefacenet_model_best.pth.tar",
        network="mobilefacenet",
        page=_POSTER,
        terms="no terms stated",
        trained_on="300W's landmarks, by its author's repository",
        note='in poster and poster_pp the part is "face_landback"',
    ),
    PublicWeights(
        name="poster-rafdb",
        file="rafdb_best.pth",
        network="poster",
        page=_POSTER,
        terms=_POSTER_TERMS,
        trained_on="RAF-DB; chosen on its test set",
        settings={"faithful": True, "variant": "rafdb"},
        classes=label_order("raf_db_from_0").expressions,
        outputs=7,
        colour="bgr",
        note="its loader feeds blue, green, red with red, green, blue's means",
    ),
    PublicWeights(
        name="poster-pp-rafdb",
        file="the checkpoint for RAF-DB",
        network="poster_pp",
        page=_POSTER_PP,
        terms=_POSTER_PP_TERMS,
        trained_on="RAF-DB; chosen on its test set",
        settings={"faithful": True},
        outputs=7,
        note=_NO_ORDER,
    ),
    PublicWeights(
        name="poster-pp-affectnet7",
        file="the checkpoint for AffectNet (7 cls)",
        network="poster_pp",
        page=_POSTER_PP,
        terms=_POSTER_PP_TERMS,
        trained_on="AffectNet; chosen on its validation set",
        settings={"faithful": True},
        outputs=7,
        note=_NO_ORDER,
    ),
    PublicWeights(
        name="poster-pp-affectnet8",
        file="the checkpoint for AffectNet (8 cls)",
        network="poster_pp",
        page=_POSTER_PP,
        terms=_POSTER_PP_TERMS,
        trained_on="AffectNet; chosen on its validation set",
        settings={"faithful": True},
        outputs=8,
        note=_NO_ORDER,
    ),
)
"""Public weights by network."""


def find_network_card(name: str) -> NetworkCard:
    """The card of this name. Raises FacsimError with the nearest known one."""
    return _named(name, NETWORK_CARDS, "network")


def find_public_weights(name: str) -> PublicWeights:
    """The public weights of this name. Raises FacsimError with the nearest known ones."""
    return _named(name, PUBLIC_WEIGHTS, "public weights")


def _named(name: str, known: tuple[Any, ...], what: str) -> Any:
    found = next((entry for entry in known if entry.name == name), None)
    if found is None:
        raise FacsimError(f'found no {what} "{name}".{hint_nearest(name, [entry.name for entry in known])}')
    return found


def empty_network(card: NetworkCard, *, classes: int = len(SEVEN_EXPRESSIONS)) -> nn.Module:
    """The card's network for `classes` expressions, on the meta device, without weights."""
    channels = 3 if card.colour == "rgb" else 1
    if card.expressions:
        return build_network(card.name, {"classes": classes, "channels": channels, **card.settings})
    with torch.device("meta"):
        return MobileFaceNet(MobileFaceNetConfig(channels=channels))

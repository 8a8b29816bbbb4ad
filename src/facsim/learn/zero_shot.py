"""Zero-shot recognition: which class's texts a picture lies nearest to, for any model of pictures and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from facsim.caption_words import ADJECTIVES
from facsim.errors import FacsimError
from facsim.learn.data import Pictures, PictureShape
from facsim.learn.evaluate import PREPROCESSING_VERSION, Evaluation, evaluate
from facsim.learn.leaks import SeenPictures
from facsim.learn.prompts import Prompt, prompts_fingerprint, prompts_of

__all__ = ["ImageTextModel", "ZeroShot", "class_embeddings", "worded_classes", "zero_shot"]

Floats = NDArray[np.float32]


class ImageTextModel(Protocol):
    """A model that places pictures and texts in one space: facsim's own, or a CLIP-style one by path."""

    @property
    def shape(self) -> PictureShape:
        """The pictures that it reads."""
        ...

    @property
    def scale(self) -> float:
        """What cosines are multiplied by before a softmax: one over the learnt temperature."""
        ...

    @property
    def description(self) -> Mapping[str, Any]:
        """What it is and how it prepares pictures, plain JSON, its checksum under `sha256`."""
        ...

    def knows(self, text: str) -> bool:
        """Whether it has every word of a text."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Unit vectors (T, D) float32."""
        ...

    def embed_pictures(self, images: NDArray[np.uint8]) -> Floats:
        """Unit vectors (N, D) float32 of images uint8 (N, S, S) or (N, S, S, 3), of `shape`."""
        ...


@dataclass(frozen=True, kw_only=True)
class ZeroShot:
    """A zero-shot evaluation, the texts that it rests on, those that the model has no words for, and the model."""

    evaluation: Evaluation
    prompts: Mapping[str, tuple[Prompt, ...]]
    unknown: tuple[str, ...]
    kind: str
    model: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        texts = {name: {prompt.text: round(prompt.weight, 6) for prompt in held} for name, held in self.prompts.items()}
        return {
            "prompts": {
                "kind": self.kind,
                "fingerprint": prompts_fingerprint(self.prompts),
                "texts": texts,
                "unknown_to_model": list(self.unknown),
            },
            "model": dict(self.model),
            **self.evaluation.to_json(),
        }


def zero_shot(
    model: ImageTextModel,
    pictures: Pictures,
    *,
    kind: str = "names",
    batch_size: int = 64,
    seen: SeenPictures | None = None,
    split: str = "",
) -> ZeroShot:
    """The evaluation of `model` on `pictures`, which knows nothing of the classes but their texts.

    `seen` is what the model was trained on, where it says: such pictures are counted, near-duplicates too. Texts with a
    word that the model lacks are left out and listed. Raises FacsimError where a class is left without a
    text, or where the pictures are not of the shape that the model reads.
    """
    if (pictures.shape.size_px, pictures.shape.colour) != (model.shape.size_px, model.shape.colour):
        raise FacsimError(
            f"found {pictures.shape.colour} pictures of {pictures.shape.size_px} px, expected {model.shape.colour} of "
            f"{model.shape.size_px} px; load them with the model's shape"
        )
    wanted = prompts_of(pictures.classes, kind=kind)
    prompts, unknown = _known(model, wanted)
    classes = class_embeddings(model, prompts)
    scores = [
        _softmax(model.scale * (model.embed_pictures(pictures.images[at : at + batch_size]) @ classes.T))
        for at in range(0, len(pictures), batch_size)
    ]
    known = seen or SeenPictures()
    found = evaluate(
        np.concatenate(scores),
        pictures,
        classes=pictures.classes,
        model=str(model.description.get("sha256", "")),
        training_hashes=known.hashes,
        training_signatures=known.signatures,
    )
    return ZeroShot(
        evaluation=replace(found, facts=_facts(model, split)),
        prompts=prompts,
        unknown=unknown,
        kind=kind,
        model=model.description,
    )


def worded_classes(model: ImageTextModel, classes: Sequence[str], *, kind: str = "names") -> tuple[str, ...]:
    """Those of `classes` of which there are texts that the model has words for.

    Raises FacsimError where they are fewer than two.
    """
    texts = prompts_of([name for name in classes if name in ADJECTIVES], kind=kind)
    found = tuple(name for name, held in texts.items() if any(model.knows(prompt.text) for prompt in held))
    if len(found) < 2:
        raise FacsimError(
            f"of {', '.join(classes)} the model has words for {', '.join(found) or 'none'}, expected at least two"
        )
    return found


def class_embeddings(model: ImageTextModel, prompts: Mapping[str, Sequence[Prompt]]) -> Floats:
    """The weighted mean of each class's unit text vectors, a unit vector again: (C, D) float32."""
    rows: list[Floats] = []
    for held in prompts.values():
        weights = np.array([prompt.weight for prompt in held], dtype=np.float32)
        mean = weights @ model.embed_texts([prompt.text for prompt in held])
        rows.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
    return np.stack(rows).astype(np.float32)


def _facts(model: ImageTextModel, split: str) -> dict[str, Any]:
    """As `facsim evaluate` has them, as far as the model's description says."""
    told = model.description
    return {
        "split": split or None,
        "preprocessing": {"version": PREPROCESSING_VERSION, **told.get("preprocessing", {})},
        "extractor": f"{told.get('kind', 'unknown')}@{str(told.get('sha256', ''))[:12]}",
        "trained_on": told.get("trained_on"),
        "selected_on": told.get("selected_on"),
    }


def _known(
    model: ImageTextModel, prompts: Mapping[str, Sequence[Prompt]]
) -> tuple[dict[str, tuple[Prompt, ...]], tuple[str, ...]]:
    kept = {name: tuple(prompt for prompt in held if model.knows(prompt.text)) for name, held in prompts.items()}
    if empty := [name for name, held in kept.items() if not held]:
        raise FacsimError(f"the model has no words for {', '.join(empty)}; use another kind of prompts")
    unknown = [prompt.text for held in prompts.values() for prompt in held if not model.knows(prompt.text)]
    return kept, tuple(unknown)


def _softmax(logits: NDArray[Any]) -> Floats:
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)

"""A classifier's scores for pictures."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from facsim.errors import FacsimError
from facsim.learn.data import Pictures
from facsim.models.classifier import Classifier, nchw, prepare

__all__ = ["predict"]


def predict(classifier: Classifier, pictures: Pictures, *, batch_size: int = 256) -> NDArray[np.float32]:
    """Scores float32 (N, C), each row a distribution over `classifier.classes`, in their order.

    Raises FacsimError where the pictures are not of the size and colour that the classifier reads.
    """
    asked, shape = classifier.preprocessing, pictures.shape
    if len(pictures) and (shape.size_px, shape.colour) != (asked.size_px, asked.colour):
        raise FacsimError(
            f"found {shape.colour} pictures of {shape.size_px} px, expected {asked.colour} of {asked.size_px} px; load "
            "them with the shape that the model's preprocessing names"
        )
    parts = [_scores(classifier, pictures.images[at : at + batch_size]) for at in range(0, len(pictures), batch_size)]
    return np.concatenate(parts) if parts else np.zeros((0, len(classifier.classes)), dtype=np.float32)


def _scores(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    network = classifier.network
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        batch = prepare(nchw(torch.from_numpy(np.ascontiguousarray(images)).to(device)), classifier.preprocessing)
        scores = torch.softmax(network(batch), dim=1).cpu().numpy()
    network.train(was_training)
    return scores.astype(np.float32)

import numpy as np
import pytest
import torch

from facsim.models.classifier import Preprocessing, nchw, padded_rows, prepare, prepare_images

RGB = Preprocessing(size_px=12, colour="rgb", mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
IMAGENET = Preprocessing(size_px=12, colour="rgb", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
GREY = Preprocessing(size_px=12, colour="grey", mean=(0.427513,), std=(0.231362,))


@pytest.mark.parametrize("asked", [RGB, IMAGENET, GREY], ids=["rgb", "imagenet", "grey"])
def test_levels_that_are_looked_up_are_the_ones_that_are_worked_out(asked):
    shape = (3, 12, 12) if asked.colour == "grey" else (3, 12, 12, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = prepare_images(images, asked, device="cpu")
    wanted = prepare(nchw(torch.from_numpy(images)), asked)
    assert torch.equal(found, wanted)
    assert found.stride() == wanted.stride()
    assert torch.equal(prepare_images(images[:, ::-1], asked, device="cpu"), wanted.flip(2))


def test_rows_are_padded_to_whole_batches_with_the_last():
    assert padded_rows(np.array([1, 2, 3]), 4).tolist() == [1, 2, 3, 3]
    assert padded_rows(np.arange(8), 4).tolist() == list(range(8))

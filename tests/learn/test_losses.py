"""facsim.learn.losses: cross-entropy to distributions, mixes of label smoothings, and what is refused."""

import pytest
import torch

from facsim.errors import FacsimError
from facsim.learn.losses import LOSSES, loss_terms, mixed_cross_entropy, soft_cross_entropy


def logits(count: int = 9) -> torch.Tensor:
    return torch.randn(count, 7, generator=torch.Generator().manual_seed(0))


def one_hot(count: int = 9) -> torch.Tensor:
    return torch.eye(7)[torch.arange(count) % 7]


def test_soft_cross_entropy_of_hard_labels_is_cross_entropy():
    hard = torch.nn.functional.cross_entropy(logits(), torch.arange(9) % 7, label_smoothing=0.1)
    assert torch.allclose(soft_cross_entropy(logits(), one_hot(), smoothing=0.1), hard, atol=1e-6)


def test_soft_cross_entropy_of_soft_labels_is_torchs():
    soft = torch.softmax(torch.randn(9, 7, generator=torch.Generator().manual_seed(1)), dim=1)
    expected = torch.nn.functional.cross_entropy(logits(), soft)
    assert torch.allclose(soft_cross_entropy(logits(), soft), expected, atol=1e-6)


@pytest.mark.parametrize(("name", "smoothing"), [("syntfer", 0.4), ("poster", 0.2)])
def test_a_named_mix_is_twice_the_smoothed_loss_and_once_the_plain_one(name, smoothing):
    labels = torch.arange(9) % 7
    cross_entropy = torch.nn.functional.cross_entropy
    expected = 2 * cross_entropy(logits(), labels, label_smoothing=smoothing) + cross_entropy(logits(), labels)
    found = mixed_cross_entropy(logits(), one_hot(), terms=LOSSES[name])
    assert torch.allclose(found, expected, atol=1e-5)


def test_two_smoothed_and_a_plain_loss_are_three_of_one_smoothing():
    mix = mixed_cross_entropy(logits(), one_hot(), terms=LOSSES["syntfer"])
    assert torch.allclose(mix, 3 * soft_cross_entropy(logits(), one_hot(), smoothing=0.8 / 3), atol=1e-5)


def test_the_smoothed_loss_has_one_term():
    assert loss_terms("smoothed", label_smoothing=0.1) == ((1.0, 0.1),)


def test_pairs_are_terms():
    assert loss_terms([[2, 0.3], [1, 0]], label_smoothing=0.1) == ((2.0, 0.3), (1.0, 0.0))


def test_an_unknown_loss_is_answered_with_the_nearest():
    with pytest.raises(FacsimError, match="poster"):
        loss_terms("postre", label_smoothing=0.1)


@pytest.mark.parametrize("terms", [(), ((0.0, 0.1),), ((1.0, 1.0),), ((1.0,),)])
def test_terms_out_of_range_are_refused(terms):
    with pytest.raises(FacsimError, match="pairs"):
        loss_terms(terms, label_smoothing=0.1)

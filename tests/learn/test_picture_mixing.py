"""facsim.learn.picture_mixing: mixup, CutMix and Random Erasing."""

import numpy as np
import pytest
import torch

from facsim.learn.picture_mixing import DRAWS_A_PICTURE, cut_and_mix, erase_areas, mix_pictures, mix_up


def batch(count: int = 6, side: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    pictures = torch.arange(count, dtype=torch.float32)[:, None, None, None].expand(count, 3, side, side).contiguous()
    return pictures / count, torch.eye(count)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_mixup_takes_a_share_of_the_neighbour_in_pictures_and_targets():
    pictures, targets = mix_up(*batch(), share=0.75)
    assert torch.allclose(pictures[0], torch.full((3, 10, 10), 0.25 / 6))
    assert targets[0].tolist() == [0.75, 0.25, 0, 0, 0, 0] and targets[1].tolist() == [0.25, 0.75, 0, 0, 0, 0]


def test_the_last_of_an_odd_number_is_mixed_with_itself():
    pictures, targets = mix_up(*batch(3), share=0.6)
    assert torch.allclose(targets[2], torch.eye(3)[2]) and torch.allclose(pictures[2], batch(3)[0][2])


def test_cutmix_mixes_targets_by_the_area_that_is_left_of_the_box():
    pictures, targets = cut_and_mix(*batch(), share=0.84, centre=(0.0, 0.5))
    # A box of 4 × 4 of 100 pixels, half of which lies outside.
    foreign = (pictures[0, 0] != 0).sum()
    assert foreign == 8 and targets[0].tolist() == pytest.approx([0.92, 0.08, 0, 0, 0, 0])


def test_targets_stay_distributions_and_pictures_their_shape():
    for alphas in ((0.8, 0.0), (0.0, 1.0), (0.8, 1.0)):
        pictures, targets = mix_pictures(*batch(), alphas=alphas, generator=rng())
        assert torch.allclose(targets.sum(dim=1), torch.ones(6)) and pictures.shape == (6, 3, 10, 10)


def test_nothing_is_mixed_at_alpha_0():
    pictures, targets = batch()
    mixed, labels = mix_pictures(pictures, targets, alphas=(0.0, 0.0), generator=rng())
    assert mixed is pictures and labels is targets


def test_a_process_with_whole_pairs_mixes_as_the_whole_batch_does():
    pictures, targets = batch()
    whole = mix_pictures(pictures, targets, alphas=(0.8, 1.0), generator=rng())
    part = mix_pictures(pictures[2:], targets[2:], alphas=(0.8, 1.0), generator=rng())
    assert torch.equal(whole[0][2:], part[0]) and torch.equal(whole[1][2:], part[1])


def test_erased_areas_lie_in_the_range_asked_for_and_have_the_fill():
    pictures = torch.ones(400, 3, 40, 40)
    draws = rng().random((400, DRAWS_A_PICTURE))
    erased = erase_areas(pictures, draws, probability=1.0, area=(0.05, 0.1), fill=(0.1, 0.2, 0.3))
    shares = (erased[:, 0] != 1).float().mean(dim=(1, 2))
    assert shares.min() > 0.04 and shares.max() < 0.11
    assert torch.equal(erased[0, :, erased[0, 0] != 1].unique(dim=1)[:, 0], torch.tensor([0.1, 0.2, 0.3]))


def test_pictures_are_erased_as_often_as_asked():
    draws = rng().random((1000, DRAWS_A_PICTURE))
    erased = erase_areas(torch.ones(1000, 1, 12, 12), draws, probability=0.3, area=(0.1, 0.2), fill=(0.0,))
    assert (erased.amin(dim=(1, 2, 3)) == 0).float().mean() == pytest.approx(0.3, abs=0.05)


def test_a_picture_that_no_draw_fits_stays_whole():
    draws = np.zeros((1, DRAWS_A_PICTURE))
    draws[0, 2::4] = 0.999  # ratio 3.3: 90 % of a square does not fit
    assert torch.equal(
        erase_areas(torch.ones(1, 1, 8, 8), draws, probability=1.0, area=(0.9, 0.9), fill=(0.0,)),
        torch.ones(1, 1, 8, 8),
    )

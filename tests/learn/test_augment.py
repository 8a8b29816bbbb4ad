"""facsim.learn.augment: each change does what it is named for, within range, and from its generator alone."""

from dataclasses import replace

import pytest
import torch

from facsim.errors import FacsimError
from facsim.learn.augment import NO_AUGMENTATION, Augmentation, augment, scaled_augmentation


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 16, side: int = 48, channels: int = 1) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=generator(9))


def smooth(count: int = 16, side: int = 48) -> torch.Tensor:
    line = torch.linspace(0.2, 0.8, side)
    return (line[None, :] * 0.5 + line[:, None] * 0.5).expand(count, 1, side, side).clone()


def test_no_augmentation_changes_nothing():
    before = pictures()
    assert torch.equal(augment(before, NO_AUGMENTATION, generator=generator()), before)


@pytest.mark.parametrize("side", [40, 45, 48, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_range_are_kept(side, channels):
    out = augment(pictures(8, side, channels), scaled_augmentation(3), generator=generator())
    assert out.shape == (8, channels, side, side) and out.dtype == torch.float32
    assert float(out.min()) >= 0 and float(out.max()) <= 1 and torch.isfinite(out).all()


def test_the_same_generator_gives_the_same_pictures():
    one, two = (augment(pictures(), Augmentation(), generator=generator(4)) for _ in range(2))
    assert torch.equal(one, two)


def test_the_global_generator_is_neither_read_nor_moved():
    before = torch.get_rng_state()
    augment(pictures(), scaled_augmentation(2), generator=generator())
    assert torch.equal(torch.get_rng_state(), before)


def test_the_pictures_given_are_not_changed():
    before = pictures()
    kept = before.clone()
    augment(before, scaled_augmentation(3), generator=generator())
    assert torch.equal(before, kept)


def test_flipping_mirrors_exactly_and_about_as_often_as_asked():
    before = pictures(400, 16)
    out = augment(before, replace(NO_AUGMENTATION, flip_p=0.5), generator=generator())
    flipped = (out == before.flip(3)).flatten(1).all(1)
    assert ((out == before).flatten(1).all(1) ^ flipped).all() and 160 < int(flipped.sum()) < 240


def test_geometry_that_is_all_but_zero_leaves_pictures_all_but_unchanged():
    before = smooth()
    out = augment(before, replace(NO_AUGMENTATION, rotation_deg=1e-4), generator=generator())
    assert torch.allclose(out, before, atol=1e-4)


def test_a_flip_within_a_warp_is_the_mirror_of_the_warp_unflipped():
    before = pictures(32, 24)
    turning = replace(NO_AUGMENTATION, rotation_deg=20.0)
    plain = augment(before.flip(3), turning, generator=generator())
    mirrored = augment(before, replace(turning, flip_p=1.0), generator=generator())
    assert torch.allclose(plain, mirrored, atol=1e-4)


def test_blurring_lowers_detail_and_keeps_the_mean():
    before = pictures()
    out = augment(before, replace(NO_AUGMENTATION, blur_p=1.0, blur_sigma=1.5), generator=generator())
    assert (out.std(dim=(1, 2, 3)) < before.std(dim=(1, 2, 3))).all()
    assert torch.allclose(out.mean(), before.mean(), atol=0.01)


def test_reducing_lowers_detail():
    before = pictures()
    out = augment(before, replace(NO_AUGMENTATION, low_res_p=1.0, low_res_least=0.4), generator=generator())
    assert (out.std(dim=(1, 2, 3)) < before.std(dim=(1, 2, 3))).all()


def test_noise_has_at_most_the_strength_asked_for():
    before = torch.full((64, 1, 48, 48), 0.5)
    out = augment(before, replace(NO_AUGMENTATION, noise_p=1.0, noise_sd=0.05), generator=generator())
    spread = (out - before).std(dim=(1, 2, 3))
    assert float(spread.max()) < 0.055 and float(spread.mean()) > 0.015


def test_a_flat_picture_survives_compression_all_but_unchanged():
    # Only each block's mean is left to round, by at most half a step, and the 8x8 transform makes 1/8 of that.
    before = torch.full((8, 1, 48, 48), 0.37)
    out = augment(before, replace(NO_AUGMENTATION, jpeg_p=1.0, jpeg_step=0.1), generator=generator())
    assert float((out - before).abs().max()) <= 0.1 / 2 / 8 + 1e-5


def test_compression_rounds_fine_detail_away():
    before = pictures() * 0.1 + 0.45
    out = augment(before, replace(NO_AUGMENTATION, jpeg_p=1.0, jpeg_step=0.3), generator=generator())
    assert float(out.std()) < float(before.std())


def test_erasing_paints_one_rectangle_no_larger_than_asked():
    before = smooth(64)
    out = augment(before, replace(NO_AUGMENTATION, erase_p=1.0, erase_side=0.5), generator=generator())
    changed = (out != before)[:, 0]
    rows, columns = changed.any(2).sum(1), changed.any(1).sum(1)
    assert int(rows.max()) <= 25 and int(columns.max()) <= 25 and int(changed.any(2).any(1).sum()) > 55


def test_probability_zero_and_one_choose_none_and_all():
    before = pictures(200, 16)
    noisy = augment(before, replace(NO_AUGMENTATION, noise_p=1.0, noise_sd=0.05), generator=generator())
    assert (noisy != before).flatten(1).any(1).all()


def test_strength_zero_is_no_augmentation():
    before = pictures()
    assert torch.equal(augment(before, scaled_augmentation(0), generator=generator()), before)


def test_a_negative_range_is_refused():
    with pytest.raises(FacsimError, match="rotation_deg"):
        Augmentation(rotation_deg=-1.0)


def test_a_probability_above_one_is_refused():
    with pytest.raises(FacsimError, match="blur_p"):
        Augmentation(blur_p=1.2)


def test_rows_of_a_batch_are_augmented_as_in_the_whole_of_it():
    whole = torch.rand(24, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    severe = scaled_augmentation(2.0)
    expected = augment(whole, severe, generator=torch.Generator().manual_seed(7))
    for rows in (torch.arange(8, 14), torch.tensor([2, 3, 20, 21]), torch.tensor([0])):
        found = augment(whole[rows], severe, generator=torch.Generator().manual_seed(7), rows=rows, batch_size=24)
        assert torch.allclose(found, expected[rows], atol=1e-6)

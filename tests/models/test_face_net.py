import pytest
import torch

from facsim.errors import FacsimError
from facsim.models.face_net import FaceNet, FaceNetConfig


@pytest.mark.parametrize("grid", [1, 4])
@pytest.mark.parametrize("side", [48, 64, 80])
def test_any_side_gives_one_vector_a_picture(grid, side):
    network = FaceNet(FaceNetConfig(outputs=7, widths=(8, 16), depths=(1, 1), grid=grid, stem_stride=2))
    assert network(torch.zeros(2, 3, side, side)).shape == (2, 7)


def test_a_grid_keeps_where_things_are_and_a_mean_does_not():
    torch.manual_seed(0)
    picture = torch.zeros(1, 1, 64, 64)
    picture[..., 8:24, 8:24] = 1
    moved = torch.roll(picture, (32, 32), dims=(2, 3))
    for grid, tells in ((1, False), (4, True)):
        network = FaceNet(FaceNetConfig(outputs=1, channels=1, widths=(8, 8), depths=(1, 1), grid=grid)).eval()
        differ = (network.features(picture) - network.features(moved)).abs().max() > 1e-3
        assert bool(differ) is tells


def test_settings_that_make_no_network_are_refused():
    with pytest.raises(FacsimError, match="stem_stride"):
        FaceNetConfig(outputs=1, stem_stride=3)

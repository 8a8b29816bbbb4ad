"""One hairline for what is painted and what is draped."""

# Warp's kernels are not what a type checker reads.
# pyright: reportInvalidTypeForm=false, reportIndexIssue=false, reportArgumentType=false

import numpy as np
import pytest
import warp as wp

from facsim.models.face_hair import hairline_height
from facsim.models.hairlines import hairline_heights


@wp.kernel
def _heights(azimuths: wp.array(dtype=float), receding: float, out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = hairline_height(azimuths[i], receding)


@pytest.mark.parametrize("receding", [0.0, 0.5, 1.0])
def test_kernels_and_numpy_read_the_same_hairline(receding: float) -> None:
    azimuths = np.linspace(-180.0, 180.0, 97)
    out = wp.zeros(len(azimuths), dtype=float, device="cpu")
    given = wp.array(azimuths.astype(np.float32), dtype=float, device="cpu")
    wp.launch(_heights, dim=len(azimuths), inputs=[given, receding, out], device="cpu")
    np.testing.assert_allclose(out.numpy(), hairline_heights(azimuths, receding), atol=1e-4)

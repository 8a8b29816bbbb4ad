"""Blocks of eight samples against a triangle, beside the same by hand."""

import numpy as np
import warp as wp

from facsim.models.coverage import meet_block
from facsim.models.raster import EMPTY


@wp.kernel(enable_backward=False)
def _meet(visible: wp.array3d(dtype=wp.int64), store: int, met: wp.array(dtype=wp.int32)):  # type: ignore[valid-type]
    row = wp.tid()
    # the upper right half of a square of ten samples, at depth 0.5
    at = wp.vec4i(0, row, 2, 7)  # pyright: ignore[reportArgumentType]
    u = wp.vec3(-0.1, 0.0, 0.5)
    v = wp.vec3(0.1, -0.1, 0.5)
    last = wp.min(9, visible.shape[2] - 1)
    met[row] = meet_block(visible, at, wp.vec4i(2, last, 0, store), u, v, wp.vec3(10.0, 10.0, 0.5))


def meet(held: np.ndarray, store: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """What a picture of ten rows holds afterwards, and the bits of each row's block."""
    visible = wp.array(held[None], dtype=wp.int64, device="cpu")
    met = wp.zeros(len(held), dtype=wp.int32, device="cpu")
    wp.launch(_meet, dim=len(held), inputs=[visible, store], outputs=[met], device="cpu")
    return visible.numpy()[0], met.numpy()


def blank(columns: int) -> np.ndarray:
    return np.full((10, columns), EMPTY, dtype=np.int64)


def inside(columns: int) -> np.ndarray:
    row, column = np.mgrid[:10, :columns] + 0.5
    return (row <= column) & (column >= 2) & (column <= 10)


def test_a_block_holds_the_triangle_where_its_samples_lie_in_it() -> None:
    held, _ = meet(blank(16))
    assert ((held & 0xFF == 7) & (held < EMPTY) == inside(16)).all()


def test_a_block_that_ends_beyond_its_row_touches_nothing_else() -> None:
    held, _ = meet(blank(9))
    assert ((held < EMPTY) == inside(9)).all()


def test_the_bits_name_the_samples() -> None:
    _, met = meet(blank(16))
    bits = (met[:, None] >> np.arange(8)) & 1
    assert (bits.astype(bool) == inside(16)[:, 2:10]).all()


def test_nearer_samples_are_kept() -> None:
    held, met = meet(np.zeros((10, 16), dtype=np.int64))
    assert not held.any()
    assert not met.any()


def test_nothing_is_written_unless_asked() -> None:
    held, met = meet(blank(16), store=0)
    assert (held == EMPTY).all()
    assert met.any()

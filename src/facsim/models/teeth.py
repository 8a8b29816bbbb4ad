"""Teeth and gums: two dental arches built anew, since MakeHuman's helper teeth are two crossing strips.

Each arch is a band of `ARCH_COLUMNS` columns along a half-ellipse and five rows from gum to the back of the biting
edge. Texture coordinates: u counts teeth along the arch (0 at the subject's right, 14 teeth), v runs from 0 (gum's
far rim) to 1 (edge).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ARCH_COLUMNS", "LOWER_ARCH", "UPPER_ARCH", "DentalArch", "build_arch"]

ARCH_COLUMNS = 29
"""Columns of vertices along an arch: two to a tooth and one to close."""

_TEETH = 14
_ROWS = 5


@dataclass(frozen=True, kw_only=True)
class DentalArch:
    """Where an arch lies in the base mesh (decimetres) and how its profile runs from gum to biting edge."""

    half_width: float
    back_z: float
    front_z: float
    heights: tuple[float, float, float, float, float]
    """y of the rows: gum's rim, gum line, middle of the crown, biting edge, behind the edge."""
    insets: tuple[float, float, float, float, float]
    """How far each row lies inside the arch."""


UPPER_ARCH = DentalArch(
    half_width=0.285, back_z=1.02, front_z=1.478,
    heights=(6.80, 6.675, 6.63, 6.58, 6.588), insets=(0.03, 0.008, 0.0, 0.006, 0.05),
)  # fmt: skip
"""Incisor edges 3 mm under the line where the base mesh's lips meet (y = 6.615); crowns of 9 mm."""

LOWER_ARCH = DentalArch(
    half_width=0.265, back_z=1.02, front_z=1.448,
    heights=(6.42, 6.51, 6.55, 6.595, 6.585), insets=(0.03, 0.008, 0.0, 0.006, 0.05),
)  # fmt: skip
"""Closes behind the upper arch, with 1 mm of overbite."""


def build_arch(arch: DentalArch) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.float32]]:
    """The arch's (145, 3) vertices, (224, 3) triangles with outward fronts, and (145, 2) uv. The first 56 triangles
    are gum."""
    turn = np.linspace(-0.5 * np.pi, 0.5 * np.pi, ARCH_COLUMNS) * 0.97
    rows = [_place_row(arch, row, turn) for row in range(_ROWS)]
    along = np.linspace(0.0, _TEETH, ARCH_COLUMNS)
    across = (0.0, 0.35, 0.7, 1.0, 1.0)
    uv = np.concatenate([np.stack([along, np.full(ARCH_COLUMNS, v)], axis=1) for v in across])
    return np.concatenate(rows), _connect_rows(upward=arch.heights[0] > arch.heights[3]), uv.astype(np.float32)


def _place_row(arch: DentalArch, row: int, turn: NDArray[np.float64]) -> NDArray[np.float64]:
    inset = arch.insets[row]
    x = (arch.half_width - inset) * np.sign(turn) * np.abs(np.sin(turn)) ** 0.9
    z = arch.back_z + (arch.front_z - arch.back_z - inset) * np.cos(turn)
    # the bite rises a little towards the molars (the curve of Spee)
    y = arch.heights[row] + 0.015 * (1.0 - np.cos(turn))
    return np.stack([x, y, z], axis=1)


def _connect_rows(*, upward: bool) -> NDArray[np.int32]:
    here = np.arange(ARCH_COLUMNS - 1)
    bands = []
    for row in range(_ROWS - 1):
        near, far = row * ARCH_COLUMNS + here, (row + 1) * ARCH_COLUMNS + here
        bands += [np.stack([near, far, far + 1], axis=1), np.stack([near, far + 1, near + 1], axis=1)]
    triangles = np.concatenate(bands).astype(np.int32)
    return triangles if upward else triangles[:, ::-1]

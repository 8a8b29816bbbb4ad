"""Soft regions of the face on the rest head, for shaders and for tests of what moved where.

Each is a number in [0, 1] for every vertex. Ellipses are drawn on the frontal view of the rest head and mirrored;
MakeHuman's painted masks give lips, lids and ears.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from facsim.models.asset_cache import Arrays
from facsim.models.head_mesh import MESH_PARTS

__all__ = ["build_masks"]

Floats = NDArray[np.floating]
_Ellipse = tuple[float, float, float, float]

# Region -> (x, y, half-width, half-height) on the subject's left or the midline, in decimetres of the rest head.
_SIDED: Mapping[str, _Ellipse] = {
    "cheek": (0.42, -0.32, 0.22, 0.2),
    "crow_feet": (0.56, 0.0, 0.11, 0.13),
    "nasolabial": (0.29, -0.5, 0.1, 0.2),
    "undereye": (0.31, -0.12, 0.18, 0.08),
}
_MIDDLE: Mapping[str, _Ellipse] = {
    "chin": (0.0, -0.96, 0.22, 0.14),
    "forehead": (0.0, 0.46, 0.55, 0.24),
    "glabella": (0.0, 0.17, 0.13, 0.14),
    "nose": (0.0, -0.33, 0.2, 0.2),
    "nose_bridge": (0.0, -0.04, 0.12, 0.16),
}
# The brow's spine from its head to its tail, with the half-width there: long, gently arched at two thirds, tapered.
_BROW = (
    (0.11, 0.178, 0.034), (0.19, 0.2, 0.036), (0.28, 0.219, 0.033), (0.37, 0.228, 0.028), (0.46, 0.205, 0.022),
    (0.54, 0.155, 0.014),
)  # fmt: skip


def build_masks(arrays: Arrays, rest: Floats) -> dict[str, NDArray[np.float32]]:
    """Region -> (V,) membership in [0, 1].

    Painted: lips, eyelids, ears, face. Sided, also as `<name>_left` and `_right`: cheek, crow_feet, nasolabial,
    undereye, brow. Middle: chin, forehead, glabella, nose, nose_bridge. Large: scalp, beard, neck, torso (what a
    garment covers).
    """
    skin, left = _find_skin(arrays), (rest[:, 0] > 0.0).astype(np.float32)
    front = skin * _step(-0.35, -0.15, rest[:, 2])
    masks: dict[str, Floats] = {
        name: arrays[f"paint_{name}"].astype(np.float32) for name in ("lips", "eyelids", "ears", "face")
    }
    sided = {name: _fill_ellipse(rest, ellipse) * front for name, ellipse in _SIDED.items()}
    sided["brow"] = _draw_brow(rest) * front
    for name, mask in sided.items():
        masks |= {name: mask, f"{name}_left": mask * left, f"{name}_right": mask * (1.0 - left)}
    masks |= {name: _fill_ellipse(rest, ellipse) * front for name, ellipse in _MIDDLE.items()}
    masks |= _build_large(rest, skin=skin, masks=masks)
    return {name: mask.astype(np.float32) for name, mask in masks.items()}


def _build_large(rest: Floats, *, skin: Floats, masks: Mapping[str, Floats]) -> dict[str, Floats]:
    x, y, z = rest.T
    azimuth = np.degrees(np.abs(np.arctan2(x, z + 0.8)))
    hairline = np.interp(
        azimuth, (0.0, 25.0, 45.0, 60.0, 85.0, 100.0, 180.0), (0.74, 0.7, 0.55, 0.1, 0.1, -0.35, -0.75)
    )
    inside = 1.0 - np.maximum(masks["ears"], _step(0.0, 0.1, -1.2 - y))
    beard_top = np.interp(np.abs(x), (0.0, 0.12, 0.3, 0.55, 0.75), (-0.5, -0.53, -0.66, -0.5, -0.1))
    beard = _step(-0.04, 0.04, beard_top - y) * _step(-0.75, -0.55, z) * _step(-1.45, -1.2, y) * (1.0 - masks["lips"])
    collar = -1.75 + 0.3 * np.clip(-z - 0.4, -1.0, 1.0)
    torso = skin * np.maximum(_step(-0.03, 0.03, collar - y), _step(0.75, 0.9, np.abs(x)) * _step(0.0, 0.2, -1.2 - y))
    neck = skin * (1.0 - masks["face"]) * _step(-0.05, 0.1, -0.75 - y) * (1.0 - torso)
    return {
        "scalp": skin * _step(-0.05, 0.06, y - hairline) * inside,
        "beard": skin * beard * (1.0 - masks["ears"]),
        "torso": torso,
        "neck": neck,
    }


def _find_skin(arrays: Arrays) -> Floats:
    skin = np.zeros(len(arrays["vertices"]), dtype=np.float32)
    skin[arrays["triangles"][arrays["parts"] == MESH_PARTS.index("skin")].ravel()] = 1.0
    return skin


def _fill_ellipse(rest: Floats, ellipse: _Ellipse) -> Floats:
    x, y, width, height = ellipse
    distance = np.hypot((np.abs(rest[:, 0]) - x) / width, (rest[:, 1] - y) / height)
    return 1.0 - _step(0.6, 1.25, distance)


def _draw_brow(rest: Floats) -> Floats:
    spine = np.array(_BROW, dtype=np.float32)
    x = np.abs(rest[:, 0])
    middle, width = np.interp(x, spine[:, 0], spine[:, 1]), np.interp(x, spine[:, 0], spine[:, 2])
    across = 1.0 - _step(0.7, 1.3, np.abs(rest[:, 1] - middle) / width)
    along = _step(spine[0, 0] - 0.03, spine[0, 0] + 0.03, x) * (
        1.0 - _step(spine[-1, 0] - 0.02, spine[-1, 0] + 0.03, x)
    )
    return across * along


def _step(low: float, high: float, value: NDArray[np.floating]) -> Floats:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return (t * t * (3.0 - 2.0 * t)).astype(np.float32)

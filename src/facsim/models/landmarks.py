"""Landmarks: fixed vertices of the head in the orders that face analysis knows.

`landmarks_68` follows iBUG's 68 points (Sagonas et al., 300 Faces in-the-Wild, 2013): jaw 0-16 from the subject's
right ear to the left one, right brow 17-21 and left brow 22-26, nose 27-35, right eye 36-41, left eye 42-47, outer
lips 48-59, inner lips 60-67, each from the subject's right, as seen first from the image's left. `landmarks_5` is the
alignment set, the subject's left first.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facsim.models.eyelids import EDGE_ROW
from facsim.models.face_crop import pick_five
from facsim.models.head import Head
from facsim.models.lips import CONTACT_ROW

__all__ = ["find_landmarks", "landmarks_5", "landmarks_68"]

Floats = NDArray[np.floating]
_Place = tuple[float, float, float]

# Places on the rest head for the subject's right half (x < 0) and the midline; the left half mirrors them. Read off
# the base mesh.
_JAW = (
    (-0.735, 0.0, -0.45), (-0.73, -0.17, -0.45), (-0.715, -0.33, -0.45), (-0.67, -0.5, -0.4), (-0.6, -0.65, -0.3),
    (-0.51, -0.79, -0.2), (-0.4, -0.91, -0.08), (-0.23, -1.02, 0.06), (0.0, -1.085, 0.19),
)  # fmt: skip
_BROW = ((-0.53, 0.15, 0.05), (-0.45, 0.215, 0.1), (-0.35, 0.24, 0.16), (-0.24, 0.225, 0.22), (-0.13, 0.185, 0.26))
_NOSE = (
    (0.0, 0.007, 0.26), (0.0, -0.12, 0.31), (0.0, -0.24, 0.38), (0.0, -0.36, 0.435),
    (-0.135, -0.455, 0.25), (-0.075, -0.475, 0.29), (0.0, -0.495, 0.317),
)  # fmt: skip
_OUTER_LIPS = (
    (-0.262, -0.669, 0.14), (-0.165, -0.595, 0.25), (-0.065, -0.56, 0.33), (0.0, -0.572, 0.33),
    (-0.165, -0.765, 0.22), (-0.075, -0.8, 0.29), (0.0, -0.803, 0.3),
)  # fmt: skip
# Across the eye from its outer corner, as shares of its width: the two upper points, then the two lower from the
# inner side.
_EYE_SHARES = (0.3, 0.66, 0.64, 0.32)
# Inner lip points besides the corners, at these shares of the mouth's half-width.
_INNER_LIP_SHARE = 0.42


def landmarks_68(head: Head, vertices: Floats) -> Floats:
    """(68, 3) iBUG landmarks of posed vertices (V, 3), in the same coordinates."""
    corners, shares = find_landmarks(head)
    return (vertices[corners] * shares[..., None]).sum(axis=1)


def landmarks_5(head: Head, vertices: Floats) -> Floats:
    """(5, 3): left eye, right eye (middles of their corners), nose tip, left and right mouth corner; sides are the
    subject's."""
    return pick_five(landmarks_68(head, vertices))


@lru_cache(maxsize=4)
def find_landmarks(head: Head) -> tuple[NDArray[np.int64], Floats]:
    """Where the landmarks sit: (68, 3) vertices of a triangle and (68, 3) shares of its corners."""
    mirror = head.arrays["mirror"]
    jaw, brow, nose, lips = (_locate_places(head, places) for places in (_JAW, _BROW, _NOSE, _OUTER_LIPS))
    eye, inner = _stand_on(_find_eye_points(head)), _stand_on(_find_inner_lips(head))
    right = [jaw, brow, nose, eye, lips]
    left_jaw, left_brow, left_nose, left_eye, left_lips = [(mirror[corners], shares) for corners, shares in right]
    ordered = [
        _take(jaw, slice(None)), _take(left_jaw, slice(-2, None, -1)), brow, _take(left_brow, slice(None, None, -1)),
        nose, _take(left_nose, slice(5, 3, -1)), eye, _take(left_eye, [3, 2, 1, 0, 5, 4]),
        _take(lips, slice(0, 4)), _take(left_lips, slice(2, None, -1)),
        _take(left_lips, slice(4, 6)), _take(lips, [6, 5, 4]), inner,
    ]  # fmt: skip
    return np.concatenate([one[0] for one in ordered]), np.concatenate([one[1] for one in ordered])


_Spots = tuple[NDArray[np.int64], Floats]


def _take(spots: _Spots, chosen: slice | list[int]) -> _Spots:
    return spots[0][chosen], spots[1][chosen]


def _stand_on(vertices: NDArray[np.int64]) -> _Spots:
    """Landmarks that are vertices."""
    shares = np.tile(np.array([1.0, 0.0, 0.0], dtype=np.float32), (len(vertices), 1))
    return np.repeat(vertices[:, None], 3, axis=1), shares


def _locate_places(head: Head, places: tuple[_Place, ...]) -> _Spots:
    skin = head.triangles[(head.parts == 0) & (head.masks["ears"][head.triangles].max(axis=1) < 0.1)]
    found = [_locate_place(head.rest, skin, np.array(place)) for place in places]
    return np.stack([one[0] for one in found]), np.stack([one[1] for one in found]).astype(np.float32)


def _locate_place(rest: Floats, skin: NDArray[np.int32], place: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """The triangle that covers `place` in the frontal view at the nearest depth; the nearest vertex where none does."""
    a, b, c = (rest[skin[:, corner]].astype(np.float64) for corner in range(3))
    area = _cross(b - a, c - a)
    edge_on = np.abs(area) < 1e-9
    shares = np.stack([_cross(b - place, c - place), _cross(c - place, a - place)], axis=1)
    shares /= np.where(edge_on, np.inf, area)[:, None]
    shares = np.concatenate([shares, 1.0 - shares.sum(axis=1, keepdims=True)], axis=1)
    depth = (shares * np.stack([a[:, 2], b[:, 2], c[:, 2]], axis=1)).sum(axis=1)
    covers = ~edge_on & (shares >= -1e-6).all(axis=1) & (np.abs(depth - place[2]) < 0.25)
    if covers.any():
        best = int(np.where(covers, np.abs(depth - place[2]), np.inf).argmin())
        return skin[best], shares[best]
    corners = np.unique(skin)
    # places were read off a frontal picture: height and side count, depth only tells front from back
    nearest = corners[((rest[corners] - place) ** 2 * (1.0, 1.0, 0.15)).sum(axis=1).argmin()]
    return np.full(3, nearest), np.array([1.0, 0.0, 0.0])


def _cross(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]


def _find_eye_points(head: Head) -> NDArray[np.int64]:
    """The right eye's six points, from its outer corner over the upper lid and back along the lower."""
    rig = head.eyes[1]
    edge = rig.rings[EDGE_ROW]
    x = head.rest[edge, 0]
    outer, inner = int(x.argmin()), int(x.argmax())
    places = x[outer] + np.array(_EYE_SHARES) * (x[inner] - x[outer])
    lower = ~rig.upper
    lower[[outer, inner]] = False
    lids = (rig.upper, rig.upper, lower, lower)
    found = [edge[lid][np.abs(x[lid] - place).argmin()] for lid, place in zip(lids, places, strict=True)]
    return np.array([edge[outer], found[0], found[1], edge[inner], found[2], found[3]])


def _find_inner_lips(head: Head) -> NDArray[np.int64]:
    contact, upper = head.mouth.rings[CONTACT_ROW], head.mouth.upper
    x = head.rest[contact, 0]
    right, left = int(x.argmin()), int(x.argmax())
    lower = ~upper
    lower[[right, left]] = False
    side = _INNER_LIP_SHARE * x[left]
    ends = [(upper, -side), (upper, 0.0), (upper, side), (lower, side), (lower, 0.0), (lower, -side)]
    found = [contact[lip][np.abs(x[lip] - place).argmin()] for lip, place in ends]
    return np.array([contact[right], *found[:3], contact[left], *found[3:]])

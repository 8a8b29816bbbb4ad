"""The neutral head of an identity: MakeHuman's shape, centred between the eyes, with a face at rest.

Some of MakeHuman's faces frown or droop while nothing acts on them, which would read as AU15 or AU7. Their mouth
corners are therefore brought most of the way to a common rest; lids are treated likewise where they are opened (see
`eyelids`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from facsim.models.asset_cache import Arrays
from facsim.models.eyelids import EyeRig, find_eye
from facsim.models.identity import Identity, list_sliders, weigh_identity

__all__ = ["ShapeModel", "build_shape_model", "centre_vertices", "expand_target", "shape_neutral"]

Floats = NDArray[np.floating]

# How far mouth corners stand above the middle of the lips at rest, as a share of the mouth's width; and how much of a
# face's own deviation from it stays, so that identities still differ.
_REST_LIFT, _KEPT = 0.006, 0.7
_CONTACT_ROW, _CORNERS, _MIDDLES = 2, (0, 14), (7, 26)
_CORNER_TARGET = "mouth-angles-up"
_BROAD = 0.2


@dataclass(frozen=True, kw_only=True, eq=False)
class ShapeModel:
    """The head's arrays with what is looked up for every identity."""

    arrays: Arrays
    eyes: tuple[EyeRig, EyeRig]
    numbers: Mapping[str, int]
    """Target -> its place in the arrays."""
    sliders: Mapping[str, tuple[str | None, str | None]]
    """See `identity.list_sliders`."""
    broad: Mapping[str, Floats]
    """(V, 3) fields of the targets that move much of the head: adding them whole is quicker than by index."""
    local: csc_matrix
    """(3 V, targets) the other targets, as columns that hold what they move: one product adds a hundred of them."""
    corner_lift: Floats
    """(V, 3) the movement that raises the mouth's corners."""


def build_shape_model(arrays: Arrays, eyes: tuple[EyeRig, EyeRig]) -> ShapeModel:
    """The shape model of the head."""
    numbers = {str(name): number for number, name in enumerate(arrays["target_names"])}
    moved = np.diff(arrays["target_starts"])
    broad = {
        name: expand_target(arrays, name) for name, n in numbers.items() if moved[n] > _BROAD * len(arrays["source"])
    }
    return ShapeModel(
        arrays=arrays, eyes=eyes, numbers=numbers, sliders=list_sliders(numbers), broad=broad,
        local=_gather_local(arrays, ~(moved > _BROAD * len(arrays["source"]))),
        corner_lift=expand_target(arrays, _CORNER_TARGET),
    )  # fmt: skip


def _gather_local(arrays: Arrays, local: NDArray[np.bool_]) -> csc_matrix:
    """The targets marked in `local` as columns of a (3 V, targets) matrix; the columns of the others are empty."""
    moved = np.diff(arrays["target_starts"])
    kept = np.repeat(local, moved)
    rows = 3 * arrays["target_vertices"][kept].astype(np.int32)[:, None] + np.arange(3, dtype=np.int32)
    starts = 3 * np.append(0, np.cumsum(np.where(local, moved, 0)))
    shape = (3 * len(arrays["vertices"]), len(moved))
    return csc_matrix((arrays["target_deltas"][kept].ravel(), rows.ravel(), starts.astype(np.int32)), shape=shape)


def expand_target(arrays: Arrays, name: str) -> Floats:
    """The (V, 3) displacement field of one shape target; zeros where it does not move the head."""
    field = np.zeros_like(arrays["vertices"])
    for number in np.flatnonzero(arrays["target_names"] == name):
        first, last = arrays["target_starts"][number : number + 2]
        field[arrays["target_vertices"][first:last]] = arrays["target_deltas"][first:last]
    return field


def shape_neutral(identity: Identity, model: ShapeModel) -> Floats:
    """(V, 3) vertices of this identity at rest, before lids and lips are set. FacsimError on an unknown slider."""
    vertices = model.arrays["vertices"].copy()
    weights = np.zeros(len(model.numbers), dtype=np.float32)
    step = np.empty_like(vertices)
    for name, weight in weigh_identity(identity, model.sliders).items():
        if name in model.broad:
            vertices += np.multiply(model.broad[name], np.float32(weight), out=step)
        elif name in model.numbers:  # others move only trunk or limbs
            weights[model.numbers[name]] = weight
    used = np.flatnonzero(weights)  # a fifth of the columns
    vertices += (model.local[:, used] @ weights[used]).reshape(-1, 3)
    _rest_mouth(vertices, model)
    return centre_vertices(vertices, model.eyes)


def _rest_mouth(vertices: Floats, model: ShapeModel) -> None:
    """Bring the mouth's corners, in place, most of the way to where they rest on an average face."""
    lift = _measure_lift(vertices, model.arrays)
    gain = _measure_lift(vertices + model.corner_lift, model.arrays) - lift
    vertices += model.corner_lift * np.float32((1.0 - _KEPT) * (_REST_LIFT - lift) / gain)


def _measure_lift(vertices: Floats, arrays: Arrays) -> float:
    contact = vertices[arrays["rings_mouth"][_CONTACT_ROW]]
    corners, middles = contact[list(_CORNERS)], contact[list(_MIDDLES)]
    return float((corners[:, 1].mean() - middles[:, 1].mean()) / np.linalg.norm(corners[1] - corners[0]))


def centre_vertices(vertices: Floats, eyes: tuple[EyeRig, EyeRig]) -> Floats:
    """The same vertices with the mid-point between the eyeballs' centres at the origin."""
    left, right = (find_eye(vertices, rig)[0] for rig in eyes)
    return vertices - 0.5 * (left + right)

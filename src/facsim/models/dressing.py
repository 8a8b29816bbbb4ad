"""A posed head dressed: the patches of what it wears, its lenses, and its hair pressed where something lies on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.models.glasses import Lenses, fit_glasses
from facsim.models.head import Head
from facsim.models.patches import fill_patches
from facsim.models.scene import Scene

__all__ = ["Dressed", "dress_head"]

Floats = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dressed:
    """What a head wears, head coordinates."""

    points: NDArray[np.float32] | None = None
    """(N, 3) vertices of the patches; None where there is nothing."""
    lenses: Lenses | None = None

    @property
    def bare(self) -> bool:
        """Whether there is nothing to draw."""
        return self.points is None


def dress_head(head: Head, scene: Scene, posed: Floats) -> Dressed:
    """Fit all that the scene's person wears to the `posed` vertices (V, 3) of the head."""
    worn = scene.worn
    if worn.bare:
        return Dressed()
    filled: dict[str, Floats] = {}
    lenses = None
    if worn.glasses.shape != "none":
        relaxed = head.pose_vertices(scene.identity, {})
        patches, lenses = fit_glasses(head, relaxed, posed, worn.glasses)
        filled |= patches
    return Dressed(points=fill_patches(filled), lenses=lenses)

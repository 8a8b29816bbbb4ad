"""A posed head dressed: the patches of what it wears, its lenses, and its hair pressed where something lies on it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facsim.models.appearance import Hair
from facsim.models.camera import View
from facsim.models.glasses import Lenses, fit_glasses
from facsim.models.hair import HairShell
from facsim.models.hair_styles import hide_hair, tuck_hair
from facsim.models.head import Head
from facsim.models.headwear import fit_headwear
from facsim.models.identity import Identity
from facsim.models.occluders import fit_occluder
from facsim.models.patches import fill_patches
from facsim.models.scene import Scene
from facsim.models.worn import Headwear

__all__ = ["Dressed", "cover_hair", "dress_head"]

Floats = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dressed:
    """What a head wears, head coordinates."""

    points: NDArray[np.float32] | None = None
    """(N, 3) vertices of the patches; None where there is nothing."""
    lenses: Lenses | None = None
    crown: Floats | None = None
    """(columns, rows, 3) the cloth on the head, from its hem up."""

    @property
    def bare(self) -> bool:
        """Whether there is nothing to draw."""
        return self.points is None


def dress_head(head: Head, shell: HairShell, scene: Scene, posed: Floats, view: View) -> Dressed:
    """Fit all that the scene's person wears to the `posed` vertices (V, 3) of the head, in a picture's `view`."""
    worn = scene.worn
    if worn.bare:
        return Dressed()
    filled: dict[str, Floats] = {}
    lenses = None
    if worn.glasses.shape != "none":
        patches, lenses = fit_glasses(head, _relax(head, scene.identity), posed, worn.glasses)
        filled |= patches
    if worn.headwear.kind != "none":
        filled |= fit_headwear(head, shell, posed, worn.headwear, view)
    if worn.occluder.kind != "none":
        filled |= fit_occluder(head, posed, worn.occluder)
    return Dressed(points=fill_patches(filled), lenses=lenses, crown=filled.get("cloth"))


@lru_cache(maxsize=64)
def _relax(head: Head, identity: Identity) -> Floats:
    """The identity's face at rest, which all of its pictures share."""
    return head.pose_vertices(identity, {})


def cover_hair(hair: Hair, headwear: Headwear) -> Hair:
    """The hair as it is worn under this headwear."""
    if headwear.kind == "none":
        return hair
    return hide_hair(hair) if headwear.kind == "hijab" else tuck_hair(hair)

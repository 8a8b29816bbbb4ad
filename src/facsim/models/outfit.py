"""What the shading kernels read about one picture's worn things, as one Warp struct."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import warp as wp

from facsim.models.camera import place_head
from facsim.models.glasses import Lenses
from facsim.models.packing import pack_structs
from facsim.models.patches import OUTLINE
from facsim.models.sitting import Sitting
from facsim.models.worn import Glasses
from facsim.wearables import HEADWEAR_KINDS, OCCLUDER_KINDS

__all__ = ["Outfit", "pack_outfits"]

_Outline = wp.types.vector(length=OUTLINE, dtype=wp.float32)


@wp.struct
class Outfit:
    """One picture's numbers; `lens_*` places are in the world or in the glasses' frame (see `glasses.Lenses`). `rim`:
    half the width of the rims, dm, 0 where there are none; `rim_below`: 1 where they go round the lens, 0 where they
    are over its top alone."""

    glazed: wp.int32
    lens_origin: wp.vec3
    lens_turn: wp.mat33
    lens_centre: wp.vec3
    lens_normal: wp.vec3
    lens_outline: _Outline  # pyright: ignore[reportInvalidTypeForm]
    tint: wp.float32
    tint_colour: wp.vec3
    gradient: wp.float32
    reflection: wp.float32
    rim: wp.float32
    rim_below: wp.float32
    frame: wp.vec3
    metal: wp.float32
    headwear: wp.int32
    cloth: wp.vec3
    cloth_second: wp.vec3
    cloth_pattern: wp.float32
    occluder: wp.int32
    stuff: wp.vec3
    stuff_second: wp.vec3


def pack_outfits(sittings: Sequence[Sitting], device: str) -> wp.array:
    """One `Outfit` per picture, on `device`; none at all where nobody wears anything."""
    if all(one.dressed.bare for one in sittings):
        return wp.empty(0, dtype=Outfit, device=device)  # pyright: ignore[reportArgumentType]
    return pack_structs([_outfit_fields(one) for one in sittings], Outfit, device)


def _outfit_fields(one: Sitting) -> dict[str, Any]:
    worn = one.scene.worn
    fields: dict[str, Any] = {
        "frame": worn.glasses.colour,
        "metal": worn.glasses.metal,
        "headwear": HEADWEAR_KINDS.index(worn.headwear.kind),
        "cloth": worn.headwear.colour,
        "cloth_second": worn.headwear.second_colour,
        "cloth_pattern": worn.headwear.pattern,
        "occluder": OCCLUDER_KINDS.index(worn.occluder.kind),
        "stuff": worn.occluder.colour,
        "stuff_second": worn.occluder.second_colour,
    }
    lenses = one.dressed.lenses
    return fields if lenses is None else {**fields, **_lens_fields(lenses, worn.glasses, one.view.turn)}


def _lens_fields(lenses: Lenses, glasses: Glasses, turn: np.ndarray) -> dict[str, Any]:
    return {
        "glazed": 1,
        "lens_origin": place_head(lenses.origin[None], turn)[0],
        "lens_turn": turn @ lenses.turn,
        "lens_centre": lenses.centre,
        "lens_normal": lenses.normal,
        "lens_outline": lenses.outline,
        "tint": glasses.tint,
        "tint_colour": glasses.tint_colour,
        "gradient": glasses.gradient,
        "reflection": glasses.reflection,
        "rim": 0.0 if glasses.shape == "rimless" else 0.5 * glasses.thickness_dm,
        "rim_below": 0.0 if glasses.shape == "half_rim" else 1.0,
    }

"""What the kernels read about each picture's hair: `Tress` from a style, as fine as the picture can show."""

from collections.abc import Sequence

import numpy as np
import warp as wp

from facsim.models.appearance import Hair
from facsim.models.drapery import PARTING_DEG, is_ball
from facsim.models.hairlines import step_share
from facsim.models.packing import pack_structs
from facsim.models.sitting import Sitting
from facsim.models.tresses import Ends, Tress

__all__ = ["cut_hair"]

_ROUND_DM = 5.5
"""About how far it is round the head."""
_COLUMN_DM = 0.9
"""About how long a column is from the crown to the hairline."""
_STRAND_DM = 0.02
"""Strands are seen in bundles about this wide."""
_TEXELS = 3.0
"""Texels of the strands' tile from one strand to the next."""


def cut_hair(sittings: Sequence[Sitting], field: wp.array) -> Ends:  # pyright: ignore[reportGeneralTypeIssues]
    """How the hair of a batch is cut from its surfaces; `field` is `build_field` on the device."""
    ends = Ends()
    ends.tresses = pack_structs([_tress_fields(one) for one in sittings], Tress, field.device)
    ends.field = field
    return ends


def _tress_fields(one: Sitting) -> dict[str, float]:
    hair = one.scene.hair
    seed = {"seed": one.scene.seed & 0x7FFFFFFF, "flip": float(one.scene.mirrored)}
    return {**_fineness(hair, one.view.distance / one.view.focal), **_cover(hair), **seed}


def _fineness(hair: Hair, foot: float) -> dict[str, float]:
    """Texels per unit of u and t: strands as fine as they are, or as a pixel (`foot` dm wide) can show them."""
    per_dm = _TEXELS / max(_STRAND_DM, 1.25 * foot)
    # hairs cut to a few millimetres are seen as dots
    drawn_out = float(np.interp(hair.length_dm, [0.1, 0.25, 0.8, 1.5], [1.0, 0.45, 0.28, 0.18]))
    return {
        "across": _ROUND_DM * per_dm,
        "along": (_COLUMN_DM + hair.length_dm) * per_dm * drawn_out,
        "lock_across": 0.1 * per_dm,
        "lock_along": max(hair.length_dm, 0.3) * per_dm * drawn_out,
        "warp": per_dm * 0.05 * hair.curl * float(hair.length_dm > 0.8) * (1.0 - hair.cords) * (hair.tied == "loose"),
        "ripples": hair.length_dm * (0.8 + 0.8 * hair.curl),
    }


def _cover(hair: Hair) -> dict[str, float]:
    cropped = step_share(0.2, 0.08, hair.length_dm)
    long = step_share(0.4, 0.9, hair.length_dm)
    curly = is_ball(hair) * (1.0 - cropped)
    parted = hair.parted > 0.5
    return {
        "fray": 0.08 + 0.10 * cropped + 0.08 * hair.fringe - 0.03 * curly - 0.03 * (hair.tied != "loose"),
        "coil": curly,
        "inner": 1.0 - 0.14 * cropped - 0.3 * hair.thinning,
        "outer": (0.30 + 0.25 * curly) * (1.0 - 0.6 * hair.thinning) * (1.0 - hair.cords),
        "crown": hair.thinning,
        "waves": 0.5 + hair.curl * (0.8 + 1.8 * hair.length_dm),
        "sway": (0.03 + 0.24 * hair.curl * (0.4 + 0.6 * long)) * (1.0 - hair.cords),
        "cord": 1.0 if hair.cords > 0.5 else 0.0,
        "part": 0.5 + PARTING_DEG * hair.parting / 360.0 if parted else -1.0,
    }

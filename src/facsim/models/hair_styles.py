"""Hair under hats and scarves: how a head's hair is worn beneath what covers it.

A hat's maker calls `tuck_hair` for what leaves hair to be seen (caps, hats, bands) and `hide_hair` for what leaves
none (headscarves, hoods); both keep all else of the hair, so that its roots at temples and nape stay as they are.
"""

from dataclasses import replace

from facsim.models.appearance import Hair

__all__ = ["BRIM_HEIGHT", "PRESSED_LIFT_DM", "hide_hair", "tuck_hair"]

BRIM_HEIGHT = 0.45
"""y on the rest head (dm above the eyes) from which tucked hair lies flat; below it, hair is as it was by 0.2 dm
lower. The brow ridge is at about 0.3, the hairline at about 0.76."""

PRESSED_LIFT_DM = 0.035
"""No hair stands farther off the scalp than this above `BRIM_HEIGHT` when it is tucked."""


def tuck_hair(hair: Hair) -> Hair:
    """`hair` under a hat: flat against the head above `BRIM_HEIGHT`, no fringe, nothing tied up on top; what hangs
    below stays."""
    return replace(hair, pressed=True, fringe=0.0)


def hide_hair(hair: Hair) -> Hair:
    """`hair` under a headscarf or hood: none of it is drawn, but for the roots painted on the scalp."""
    return replace(hair, hidden=True)

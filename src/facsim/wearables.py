"""Names of what a face may wear or have before it: glasses, headwear and occluders. `none` comes first in each."""

__all__ = ["GLASSES_SHAPES", "HANDS", "HEADWEAR_KINDS", "MASKS", "OCCLUDER_KINDS", "SCARVES"]

GLASSES_SHAPES = ("none", "rectangular", "square", "round", "oval", "cat_eye", "aviator", "half_rim", "rimless")
"""Outlines of glasses; a half rim holds the lenses from above, a rimless pair has only a bridge and temples."""

SCARVES = ("hijab", "tied_scarf")
HEADWEAR_KINDS = ("none", "cap", "beanie", "brimmed_hat", *SCARVES)

MASKS = ("surgical_mask", "cloth_mask")
HANDS = ("hand_mouth", "hand_chin", "hand_cheek", "hand_forehead")
OCCLUDER_KINDS = ("none", *MASKS, *HANDS, "cup", "phone", "microphone")
"""What may stand before the face; a hand's kind says where it lies."""

"""Names of what a face may wear or have before it: glasses, headwear, occluders (`none` comes first in each), hair,
beards."""

__all__ = [
    "BEARD_NAMES",
    "GLASSES_SHAPES",
    "HAIR_LENGTHS",
    "HAIR_NAMES",
    "HANDS",
    "HEADWEAR_KINDS",
    "MASKS",
    "OCCLUDER_KINDS",
    "SCARVES",
]

GLASSES_SHAPES = ("none", "rectangular", "square", "round", "oval", "cat_eye", "aviator", "half_rim", "rimless")
"""Outlines of glasses; a half rim holds the lenses from above, a rimless pair has only a bridge and temples."""

SCARVES = ("hijab", "tied_scarf")
HEADWEAR_KINDS = ("none", "cap", "beanie", "brimmed_hat", *SCARVES)

MASKS = ("surgical_mask", "cloth_mask")
HANDS = ("hand_mouth", "hand_chin", "hand_cheek", "hand_forehead")
OCCLUDER_KINDS = ("none", *MASKS, *HANDS, "cup", "phone", "microphone")
"""What may stand before the face; a hand's kind says where it lies."""

HAIR_NAMES = (
    *("shaved", "buzz cut", "receding", "crop", "side part", "quiff", "curly short", "afro", "pixie", "bowl"),
    *("bob", "bob with fringe", "long straight", "long with fringe", "long wavy", "long curly", "ponytail", "bun"),
    *("braids", "locs"),
)
"""Styles of hair, `facsim.models.hair_styles.HAIR_STYLES` (a test compares them)."""

HAIR_LENGTHS = ("bald", "cropped", "short", "medium", "long")

BEARD_NAMES = ("clean", "stubble", "moustache", "goatee", "circle", "chin strap", "boxed", "full")
"""Kinds of beard, `facsim.models.casting_hair.BEARD_KINDS` (a test compares them)."""

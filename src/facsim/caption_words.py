"""The words of captions: a phrase for everything that a row may say, each phrase saying one thing.

A *claim* is a kind and a value, such as `("expression", "anger")`, `("AU12L", "C")` or `("light", "window")`. No two
claims share a phrase, so a caption can be read back (`facsim.captions.claims_in`). Phrases are lower case, words with
single blanks between. Where a number becomes a word, the borders are here, and are own choices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from facsim.facs import INTENSITY_LETTERS
from facsim.wearables import BEARD_NAMES, GLASSES_SHAPES, HAIR_NAMES

__all__ = [
    "ACTION_UNIT_WORDS",
    "ADJECTIVES",
    "BACKGROUNDS",
    "BEARDS",
    "GLUE",
    "HAIR",
    "HEADWEAR",
    "LIGHTS",
    "MAKE_UP",
    "NOUNS",
    "OCCLUDERS",
    "PERSONS",
    "PHRASES",
    "POSES",
    "STRENGTHS",
    "Claim",
    "action_unit_phrase",
]

Claim: TypeAlias = tuple[str, str]
"""A kind and a value; action units go by key, `("12L", "C")`."""

ADJECTIVES: Mapping[str, str] = {
    "anger": "angry",
    "contempt": "contemptuous",
    "disgust": "disgusted",
    "fear": "fearful",
    "happiness": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprise": "surprised",
}
"""Expression -> how a face that shows it looks."""

NOUNS: Mapping[str, str] = {name: name for name in ADJECTIVES if name != "neutral"} | {
    "neutral": "a neutral expression"
}
"""Expression -> what such a face shows."""

STRENGTHS: Mapping[str, str] = dict(
    zip(INTENSITY_LETTERS, ("barely", "slightly", "clearly", "strongly", "fully"), strict=True)
)
"""FACS's letters as adverbs: trace, slight, marked, severe, maximum."""

ACTION_UNIT_WORDS: Mapping[int, tuple[str, str]] = {
    1: ("raised inner brows", "raised {side} inner brow"),
    2: ("raised outer brows", "raised {side} outer brow"),
    4: ("lowered brows", "lowered {side} brow"),
    5: ("raised upper lids", "raised {side} upper lid"),
    6: ("raised cheeks", "raised {side} cheek"),
    7: ("tightened lids", "tightened {side} lid"),
    8: ("drawn-together lips", ""),
    9: ("wrinkled nose", "wrinkled {side} side of the nose"),
    10: ("raised upper lip", "raised {side} half of the upper lip"),
    11: ("deepened nasolabial furrows", "deepened {side} nasolabial furrow"),
    12: ("pulled-up lip corners", "pulled-up {side} lip corner"),
    13: ("sharply pulled lip corners", "sharply pulled {side} lip corner"),
    14: ("dimpled lip corners", "dimpled {side} lip corner"),
    15: ("pulled-down lip corners", "pulled-down {side} lip corner"),
    16: ("pulled-down lower lip", "pulled-down {side} half of the lower lip"),
    17: ("pushed-up chin", ""),
    18: ("puckered lips", ""),
    19: ("shown tongue", ""),
    20: ("stretched lips", "stretched {side} half of the lips"),
    21: ("tightened neck", ""),
    22: ("funnelled lips", ""),
    23: ("tightened lips", ""),
    24: ("pressed lips", ""),
    25: ("parted lips", ""),
    26: ("dropped jaw", ""),
    27: ("stretched-open mouth", ""),
    28: ("sucked-in lips", ""),
    29: ("thrust-out jaw", ""),
    30: ("swaying jaw", "jaw moved to the {side}"),
    31: ("clenched jaw", ""),
    32: ("bitten lip", ""),
    33: ("blown-out cheeks", ""),
    34: ("puffed-out cheeks", ""),
    35: ("sucked-in cheeks", ""),
    36: ("tongue-bulged cheek", ""),
    37: ("wiped lips", ""),
    38: ("widened nostrils", ""),
    39: ("narrowed nostrils", ""),
    41: ("drooping lids", "drooping {side} lid"),
    42: ("slitted eyes", "slitted {side} eye"),
    43: ("closed eyes", "closed {side} eye"),
    44: ("squinting eyes", "squinting {side} eye"),
    45: ("blinking eyes", "blinking {side} eye"),
    46: ("winking eyes", "winking {side} eye"),
}
"""AU -> what it looks like on both sides or in the centre, and on one side; left and right are the subject's."""

PERSONS: Mapping[tuple[str, str], str] = {
    ("feminine", "child"): "girl",
    ("feminine", "teenager"): "teenage girl",
    ("feminine", "young adult"): "young woman",
    ("feminine", "middle-aged"): "middle-aged woman",
    ("feminine", "old"): "old woman",
    ("feminine", ""): "woman",
    ("masculine", "child"): "boy",
    ("masculine", "teenager"): "teenage boy",
    ("masculine", "young adult"): "young man",
    ("masculine", "middle-aged"): "middle-aged man",
    ("masculine", "old"): "old man",
    ("masculine", ""): "man",
    ("", "child"): "child",
    ("", "teenager"): "teenager",
    ("", "young adult"): "young person",
    ("", "middle-aged"): "middle-aged person",
    ("", "old"): "old person",
}
"""Apparent gender and stage of life -> who; "" where it is not said."""

POSES: Mapping[Claim, str] = {
    ("facing", "camera"): "facing the camera",
    ("head_yaw", "slightly left"): "head slightly turned to the left",
    ("head_yaw", "left"): "head turned to the left",
    ("head_yaw", "far left"): "head turned far to the left",
    ("head_yaw", "slightly right"): "head slightly turned to the right",
    ("head_yaw", "right"): "head turned to the right",
    ("head_yaw", "far right"): "head turned far to the right",
    ("head_pitch", "slightly raised"): "head slightly raised",
    ("head_pitch", "raised"): "head raised",
    ("head_pitch", "slightly lowered"): "head slightly lowered",
    ("head_pitch", "lowered"): "head lowered",
    ("head_roll", "slightly left"): "head slightly tilted towards the left shoulder",
    ("head_roll", "left"): "head tilted towards the left shoulder",
    ("head_roll", "slightly right"): "head slightly tilted towards the right shoulder",
    ("head_roll", "right"): "head tilted towards the right shoulder",
    ("gaze", "ahead"): "eyes looking straight ahead",
    ("gaze_yaw", "left"): "eyes turned to the left",
    ("gaze_yaw", "right"): "eyes turned to the right",
    ("gaze_pitch", "up"): "eyes looking up",
    ("gaze_pitch", "down"): "eyes looking down",
}

LIGHTS: Mapping[str, str] = {
    "overcast": "under an overcast sky",
    "window": "in window light",
    "studio": "in studio light",
    "overhead": "under overhead light",
    "flash": "in direct flash",
    "sun": "in sunlight",
    "low key": "in low-key light",
    "against the light": "against the light",
}
"""`light_kind` -> words; "other" has none."""

BACKGROUNDS: Mapping[str, str] = {
    "plain": "before a plain background",
    "gradient": "before a shaded background",
    "bokeh": "before blurred lights",
    "room": "in a room",
    "foliage": "before foliage",
}

HEADWEAR: Mapping[str, str] = {
    "cap": "wearing a cap",
    "beanie": "wearing a beanie",
    "brimmed_hat": "wearing a brimmed hat",
    "hijab": "wearing a hijab",
    "tied_scarf": "wearing a tied scarf",
}

OCCLUDERS: Mapping[str, str] = {
    "surgical_mask": "wearing a surgical mask",
    "cloth_mask": "wearing a cloth mask",
    "hand_mouth": "hand over the mouth",
    "hand_chin": "hand on the chin",
    "hand_cheek": "hand on the cheek",
    "hand_forehead": "hand on the forehead",
    "cup": "cup before the face",
    "phone": "phone before the face",
    "microphone": "microphone before the face",
}

BEARDS: Mapping[str, str] = dict(
    zip(
        BEARD_NAMES[1:],
        ("stubble", "moustache", "goatee", "circle beard", "chin-strap beard", "boxed beard", "full beard"),
        strict=True,
    )
)

HAIR: Mapping[str, str] = dict(
    zip(
        HAIR_NAMES,
        (
            *("shaved head", "buzz-cut hair", "receding hair", "cropped hair", "side-parted hair", "hair in a quiff"),
            *("short curly hair", "afro hair", "pixie-cut hair", "bowl-cut hair", "hair in a bob"),
            *("hair in a bob with a fringe", "long straight hair", "long hair with a fringe", "long wavy hair"),
            *("long curly hair", "hair in a ponytail", "hair in a bun", "braided hair", "hair in locs"),
        ),
        strict=True,
    )
)

MAKE_UP: Mapping[str, str] = {
    "lipstick": "lipstick",
    "shadow": "eye shadow",
    "liner": "eye liner",
    "blush": "blush",
}

_SKINS = ("very light", "light", "medium", "dark", "very dark")
_DECADES = ("twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")

GLUE = frozenset(
    (
        *("a", "an", "the", "of", "and", "with", "picture", "portrait", "close-up", "face", "person", "expression"),
        *("look", "shows", "showing"),
    )
)
"""Words between phrases: they claim nothing."""


def action_unit_phrase(code: int, *, letter: str, side: str | None = None) -> str:
    """`slightly raised inner brows` for AU 1 at B, `slightly raised left inner brow` with side L; "" without words."""
    both, one = ACTION_UNIT_WORDS[code]
    words = both if side is None else one.format(side={"L": "left", "R": "right"}[side])
    return f"{STRENGTHS[letter]} {words}" if words else ""


def _action_units() -> Iterator[tuple[str, tuple[Claim, ...]]]:
    for code, (_, one) in ACTION_UNIT_WORDS.items():
        for letter in INTENSITY_LETTERS:
            keys = (f"{code}L", f"{code}R") if one else (f"{code}",)
            yield action_unit_phrase(code, letter=letter), tuple((key, letter) for key in keys)
            for side in "LR" if one else "":
                yield action_unit_phrase(code, letter=letter, side=side), ((f"{code}{side}", letter),)


def _persons() -> Iterator[tuple[str, tuple[Claim, ...]]]:
    for (gender, stage), words in PERSONS.items():
        claims = (("apparent_gender", gender), ("stage_of_life", stage))
        yield words, tuple(claim for claim in claims if claim[1])


def _glasses() -> Iterator[tuple[str, tuple[Claim, ...]]]:
    yield "without glasses", (("glasses", "none"),)
    for shape in GLASSES_SHAPES[1:]:
        words = shape.replace("_", "-")
        yield f"wearing {words} glasses", (("glasses", shape),)
        yield f"wearing {words} sunglasses", (("glasses", shape), ("sunglasses", "yes"))


def _single() -> Iterator[tuple[str, Claim]]:
    for name, word in ADJECTIVES.items():
        yield word, ("expression", name)
    for name in ADJECTIVES:
        if name != "neutral":
            yield name, ("expression", name)
    yield "face at rest", ("action_units", "none")
    yield from ((words, claim) for claim, words in POSES.items())
    tables = {"light": LIGHTS, "background": BACKGROUNDS, "headwear": HEADWEAR, "occluder": OCCLUDERS, "beard": BEARDS}
    for kind, table in {**tables, "hair_style": HAIR}.items():
        yield from ((words, (kind, value)) for value, words in table.items())
    yield from ((words, (f"make_up_{part}", "yes")) for part, words in MAKE_UP.items())
    yield from ((f"{tone} skin", ("skin", tone)) for tone in _SKINS)
    yield from ((f"aged {years}", ("age_years", str(years))) for years in range(101))
    yield from ((f"in their {word}", ("age_decade", str(10 * (i + 2)))) for i, word in enumerate(_DECADES))


PHRASES: Mapping[str, tuple[Claim, ...]] = {
    **dict(_action_units()),
    **dict(_persons()),
    **dict(_glasses()),
    **{words: (claim,) for words, claim in _single()},
}
"""Phrase -> what it claims."""

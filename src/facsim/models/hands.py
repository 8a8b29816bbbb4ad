"""A hand laid on the face, or round something held: a palm with its forearm and five fingers, as tubes.

A hand is laid out flat, seen from the camera, and then draped: each stretch of it stands as far forward as the skin
beneath. It is the subject's right hand; the left one mirrors it.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facsim.models.patches import FINGERS, PATCHES, find_tube
from facsim.models.relief import carve_relief
from facsim.models.worn import Occluder

__all__ = ["lay_hand", "wrap_fingers"]

Floats = NDArray[np.floating]

# Where the middle of the knuckles lies (dm from between the eyes) and where the fingers point, in degrees from the
# picture's right anticlockwise; how far the fingers are spread and bent, 0 to 1.
_PLACES = {
    "hand_mouth": (-0.24, -0.74, 22.0, 0.3, 0.2),
    "hand_chin": (-0.16, -1.12, 48.0, 0.2, 0.7),
    "hand_cheek": (-0.72, -0.66, 96.0, 0.4, 0.1),
    "hand_forehead": (-0.45, 0.52, 48.0, 0.5, 0.1),
}
# Of an adult's hand, dm: each finger's length, half-width, and place across the knuckles from the thumb's side.
_LENGTHS = (0.62, 0.76, 0.84, 0.78, 0.62)
_WIDTHS = (0.105, 0.088, 0.090, 0.085, 0.074)
_ACROSS = (0.36, 0.29, 0.10, -0.10, -0.28)
_BACK = (0.62, 0.0, -0.03, 0.02, 0.10)
_LEAN_DEG = (48.0, 6.0, 1.0, -5.0, -12.0)
_PALM_LENGTH, _PALM_WIDTH, _PALM_DEPTH = 0.98, 0.43, 0.135
_TAPER = np.array([0.45, 0.92, 1.0, 1.0, 0.97, 0.96, 0.95, 0.88, 0.66, 0.05])
_ALONG = np.array([0.0, 0.14, 0.28, 0.42, 0.56, 0.70, 0.82, 0.91, 0.97, 1.0])


def _skin_height(skin: Floats) -> Callable[[Floats, float], Floats]:
    """A function of places (n, 2) and a radius that says how far forward (z, dm) the skin (V, 3) stands within it;
    beside the face, what the nearest skin falls off to."""

    relief = carve_relief(skin, fall=1.4)
    return lambda places, radius: relief.reach(places[:, 0], places[:, 1], radius)


def lay_hand(skin: Floats, hand: Occluder, scale: float) -> dict[str, Floats]:
    """The hand's patches, head coordinates, on the front of a face's `skin` (V, 3)."""
    x, y, angle, spread, bent = _PLACES[hand.kind]
    side = 1.0 if hand.left else -1.0
    size = hand.size * scale
    turn = np.deg2rad(angle + side * hand.turn_deg)
    # worked out as the right hand, at x < 0; its thumb lies anticlockwise of the fingers
    ahead, thumbwards = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    middle = np.array([x * scale, y * scale]) + np.array([-side * hand.x_dm, hand.y_dm])
    height = _skin_height(skin * (-side, 1.0, 1.0))
    patches = {"palm": _drape_palm(height, (middle, ahead, thumbwards), size)}
    for number, name in enumerate(FINGERS):
        lean = np.deg2rad(_LEAN_DEG[number] * (0.6 + 0.9 * spread if number else 1.0 - 0.8 * bent))
        direction = np.cos(lean) * ahead + np.sin(lean) * thumbwards
        start = middle + size * (_ACROSS[number] * thumbwards - (_BACK[number] + 0.06) * ahead)
        length = size * _LENGTHS[number] * (1.0 - 0.35 * bent * (number > 0))
        patches[name] = _drape_finger(height, start, direction * length, size * _WIDTHS[number])
    return {name: points * (-side, 1.0, 1.0) for name, points in patches.items()}


def _drape_finger(height: Callable[[Floats, float], Floats], start: Floats, reach: Floats, width: float) -> Floats:
    flat = start + _ALONG[:, None] * reach
    bow = height(flat, width * 0.8)
    # bones do not follow every dent
    for _ in range(2):
        bow = np.maximum(bow, np.convolve(np.pad(bow, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid"))
    # the first stretch comes out of the back of the hand
    path = np.column_stack([flat, bow + width * np.interp(_ALONG, (0.0, 0.4), (-0.05, 0.85))])
    knuckles = 1.0 + 0.05 * np.cos(2.0 * np.pi * 3.0 * _ALONG)
    radii = (width * _TAPER * knuckles)[:, None] * np.array([1.0, 0.9])
    return find_tube(path, radii, PATCHES["finger_0"].rows, up=(0.0, 0.0, 1.0))


def _drape_palm(height: Callable[[Floats, float], Floats], frame: tuple[Floats, Floats, Floats], size: float) -> Floats:
    """From behind the knuckles over the wrist to the forearm."""
    middle, ahead, thumbwards = frame
    along = np.array([0.16, 0.13, 0.06, -0.12, -0.34, -0.56, -0.78, -0.97, -1.12, -1.35, -1.7, -2.2, -2.8, -3.4])
    wide = np.array([0.10, 0.31, 0.37, 0.395, 0.405, 0.40, 0.36, 0.29, 0.265, 0.275, 0.30, 0.34, 0.38, 0.40])
    deep = np.array([0.01, 0.045, 0.065, 0.085, 0.10, 0.11, 0.115, 0.12, 0.13, 0.15, 0.18, 0.22, 0.27, 0.29])
    flat = middle + size * along[:, None] * ahead + size * 0.01 * thumbwards
    # the hollow of a hand takes in what it lies on: its sides rest lower than its middle would
    bow = np.maximum.reduce([height(flat + share * size * 0.3 * thumbwards, 0.05) for share in (-1.0, 0.0, 1.0)]) - 0.04
    bow[8:] = bow[7] - 0.10 * np.arange(1, 7)
    for _ in range(3):
        bow = np.maximum(bow, np.convolve(np.pad(bow, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid"))
    path = np.column_stack([flat, bow + size * deep * 0.9])
    return find_tube(path, size * np.column_stack([wide, deep]), PATCHES["palm"].rows, up=(0.0, 0.0, 1.0))


def wrap_fingers(rows: Floats, width: float) -> dict[str, Floats]:
    """Four fingers along paths (4, 10, 3) that are given, without a thumb."""
    found = {}
    for name, path, share in zip(FINGERS[1:], rows, (0.97, 1.0, 0.96, 0.84), strict=True):
        radii = (width * share * _TAPER)[:, None] * np.array([1.0, 1.0])
        found[name] = find_tube(path, radii, PATCHES[name].rows, up=(0.0, 0.6, 0.8))
    return found

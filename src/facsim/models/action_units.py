"""Which action units the head can show, and how strongly: keys, the intensity curve, and the wrinkles that come with
them.

AUs go by key (`12L`, `12R`, `17`; see `facsim.facs`) with an intensity from 0 (absent) to 5; the letters A to E are 1
to 5. What each AU moves is in `facsim.models.motions`; lids are moved by `facsim.models.eyelids`, the lips' seal by
`facsim.models.lips`.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from facsim.errors import FacsimError, hint_nearest
from facsim.facs import lateral_keys
from facsim.models.motions import JOINT_MOTIONS

__all__ = ["SUPPORTED_AUS", "check_action_units", "movement_shares", "share_of_maximum", "wrinkle_weights"]

_CODES = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28, 34, 38, 39, 43)

SUPPORTED_AUS: tuple[str, ...] = tuple(key for code in _CODES for key in lateral_keys(code))
"""Keys of the AUs that the head can show, by code."""

# FACS gives A and E narrow ranges and C and D wide ones; as shares of the maximum the letters sit here. Below A the
# curve runs straight to 0, so that an intensity means something before a coder would score it.
_INTENSITIES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
_SHARES = (0.0, 0.16, 0.33, 0.56, 0.81, 1.0)

# Wrinkle field -> the AUs that fold the skin there, with the depth that each gives at its maximum. Sided where both
# ends are.
_WRINKLES: Mapping[str, Mapping[str, float]] = {
    "forehead_inner": {"1L": 0.55, "1R": 0.55},
    "forehead_outer_left": {"2L": 1.0},
    "forehead_outer_right": {"2R": 1.0},
    "glabella": {"4L": 0.5, "4R": 0.5, "9L": 0.15, "9R": 0.15},
    "nose": {"9L": 0.6, "9R": 0.6},
    "crow_left": {"6L": 1.0, "7L": 0.2, "12L": 0.1},
    "crow_right": {"6R": 1.0, "7R": 0.2, "12R": 0.1},
    "under_eye_left": {"6L": 0.9, "7L": 0.6},
    "under_eye_right": {"6R": 0.9, "7R": 0.6},
    "nasolabial_left": {"6L": 0.2, "9L": 0.4, "10L": 0.75, "11L": 0.9, "12L": 0.75, "13L": 0.4},
    "nasolabial_right": {"6R": 0.2, "9R": 0.4, "10R": 0.75, "11R": 0.9, "12R": 0.75, "13R": 0.4},
    "corner_left": {"14L": 1.0, "12L": 0.35, "15L": 0.5, "20L": 0.5},
    "corner_right": {"14R": 1.0, "12R": 0.35, "15R": 0.5, "20R": 0.5},
    "chin": {"17": 1.0, "15L": 0.1, "15R": 0.1},
    "lips": {"18": 0.8, "23": 0.6, "24": 0.3},
    "neck": {"21": 1.0, "20L": 0.15, "20R": 0.15},
}


def check_action_units(action_units: Mapping[str, float]) -> dict[str, float]:
    """The AUs above 0 as plain floats. FacsimError on a key that the head cannot show or an intensity outside 0 to
    5."""
    for key, intensity in action_units.items():
        if key not in SUPPORTED_AUS:
            raise FacsimError(f'The head cannot show AU "{key}".{_hint_side(key)}')
        if not 0.0 <= intensity <= 5.0:
            raise FacsimError(f'AU "{key}" has intensity {intensity}; expected 0 (absent) to 5 (E, maximum).')
    return {key: float(intensity) for key, intensity in action_units.items() if intensity > 0.0}


def _hint_side(key: str) -> str:
    sided = [known for known in (f"{key}L", f"{key}R") if known in SUPPORTED_AUS]
    if sided:
        return f' It has sides: write "{sided[0]}" and "{sided[1]}".'
    if key[:-1] in SUPPORTED_AUS:
        return f' It has no sides: write "{key[:-1]}".'
    return hint_nearest(key, SUPPORTED_AUS)


@lru_cache(maxsize=4096)
def share_of_maximum(intensity: float) -> float:
    """How much of an AU's full movement an intensity (0 to 5) shows: 0 to 1, increasing."""
    return float(np.interp(intensity, _INTENSITIES, _SHARES))


_JOINT_KEYS = tuple(sided for codes in JOINT_MOTIONS for sided in zip(*map(lateral_keys, codes), strict=True))


def movement_shares(action_units: Mapping[str, float]) -> dict[str, float]:
    """The share of its full movement that each motion takes, 0 to 1: by key, and by both keys where two AUs meet.

    Two AUs that meet (`1L+4L`) count as much as the weaker. Of a jaw both dropped (26) and stretched (27), which say
    the same thing, 27 is shown and 26 gives way as 27 grows.
    """
    shares = {key: share_of_maximum(intensity) for key, intensity in check_action_units(action_units).items()}
    if "26" in shares and "27" in shares:
        shares["26"] *= 1.0 - shares["27"]
    met = {"+".join(keys): min(shares[key] for key in keys) for keys in _JOINT_KEYS if shares.keys() >= set(keys)}
    return shares | met


def wrinkle_weights(action_units: Mapping[str, float]) -> dict[str, float]:
    """Depth in [0, 1] of each wrinkle field under these AUs, for the shader; every field is present.

    Fields: forehead_inner, forehead_outer_left/_right, glabella, nose, crow_left/_right, under_eye_left/_right,
    nasolabial_left/_right, corner_left/_right, chin, lips, neck.
    """
    shown = {key: share_of_maximum(intensity) for key, intensity in check_action_units(action_units).items()}
    return {
        field: min(1.0, sum(depth * shown.get(key, 0.0) for key, depth in causes.items()))
        for field, causes in _WRINKLES.items()
    }

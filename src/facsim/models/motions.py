"""What each action unit moves at its maximum: shape targets of MakeHuman and ARKit name, and sculpted bumps where those fall short.

Every lateral AU is written once, for the subject's left; the right is its mirror image by construction. Symmetric targets are cut
at the midline with a soft edge; `region` cuts them at the mouth line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["MOTIONS", "Bump", "Motion", "Region", "Shift"]

Region = Literal["all", "upper", "lower"]
"""Which side of the line between the lips a motion keeps to."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A shape target at some weight."""

    target: str
    weight: float
    region: Region = "all"


@dataclass(frozen=True, kw_only=True)
class Bump:
    """A Gaussian displacement of the skin: centre, standard deviations and peak, all in decimetres of the rest head."""

    centre: tuple[float, float, float]
    spread: tuple[float, float, float]
    move: tuple[float, float, float]
    region: Region = "all"


@dataclass(frozen=True, kw_only=True)
class Motion:
    """All that one AU moves at its maximum. Lids and the lips' seal are not here but in `eyelids` and `lips`."""

    shifts: tuple[Shift, ...] = ()
    bumps: tuple[Bump, ...] = ()


def _shift(target: str, weight: float, region: Region = "all") -> Shift:
    name = f"caucasian/{target}" if target.startswith(("eye", "mouth-", "neck-", "nose-")) and "-" in target else target
    return Shift(target=name, weight=weight, region=region)


MOTIONS: Mapping[str, Motion] = {
    "1": Motion(
        shifts=(_shift("eyebrows-left-inner-up", 0.9), _shift("browInnerUp", 0.8)),
    ),
    "2": Motion(
        shifts=(_shift("eyebrows-left-extern-up", 0.8), _shift("browOuterUpLeft", 0.9)),
    ),
    "4": Motion(
        shifts=(_shift("eyebrows-left-down", 0.7), _shift("browDownLeft", 0.7)),
        bumps=(Bump(centre=(0.14, 0.17, 0.2), spread=(0.1, 0.07, 0.15), move=(-0.035, -0.02, 0.015)),),
    ),
    "5": Motion(shifts=(_shift("eye-left-opened-up", 0.4),)),
    "6": Motion(
        shifts=(_shift("cheekSquintLeft", 1.2),),
        bumps=(Bump(centre=(0.36, -0.28, 0.1), spread=(0.16, 0.12, 0.2), move=(0.01, 0.05, 0.035)),),
    ),
    "7": Motion(shifts=(_shift("eyeSquintLeft", 0.5),)),
    "9": Motion(
        shifts=(
            _shift("noseSneerLeft", 1.0),
            _shift("nose-left-elevation", 1.0),
            _shift("mouth-elevation", 0.35, "upper"),
            _shift("browDownLeft", 0.3),
        ),
        bumps=(Bump(centre=(0.1, -0.12, 0.25), spread=(0.07, 0.1, 0.12), move=(0.0, 0.03, 0.025)),),
    ),
    "10": Motion(shifts=(_shift("mouth-elevation", 0.9, "upper"), _shift("mouthUpperUpLeft", 0.4))),
    "11": Motion(
        shifts=(_shift("mouth-elevation", 0.25, "upper"),),
        bumps=(Bump(centre=(0.3, -0.36, 0.15), spread=(0.1, 0.1, 0.15), move=(0.015, 0.03, 0.03)),),
    ),
    "12": Motion(shifts=(_shift("mouth-corner-puller", 0.9), _shift("mouthSmileLeft", 0.45))),
    "13": Motion(
        bumps=(
            Bump(centre=(0.25, -0.67, 0.15), spread=(0.07, 0.09, 0.15), move=(0.0, 0.09, 0.0)),
            Bump(centre=(0.36, -0.42, 0.1), spread=(0.12, 0.12, 0.2), move=(0.01, 0.03, 0.045)),
        ),
    ),
    "14": Motion(
        shifts=(_shift("mouthDimpleLeft", 1.0),),
        bumps=(Bump(centre=(0.29, -0.67, 0.14), spread=(0.055, 0.07, 0.15), move=(0.035, 0.005, -0.06)),),
    ),
    "15": Motion(shifts=(_shift("mouth-depression", 0.7), _shift("mouthFrownLeft", 0.5))),
    "16": Motion(shifts=(_shift("mouth-depression-retraction", 0.5, "lower"), _shift("mouthLowerDownLeft", 0.6))),
    "17": Motion(
        shifts=(_shift("mouthShrugLower", 0.8), _shift("mouthShrugUpper", 0.3)),
        bumps=(
            Bump(centre=(0.0, -0.98, 0.2), spread=(0.13, 0.09, 0.2), move=(0.0, 0.05, 0.02)),
            Bump(centre=(0.0, -0.72, 0.3), spread=(0.14, 0.06, 0.2), move=(0.0, 0.035, 0.03), region="lower"),
        ),
    ),
    "18": Motion(shifts=(_shift("mouth-pursing", 0.8), _shift("mouthPucker", 0.5))),
    "20": Motion(shifts=(_shift("mouthStretchLeft", 0.8), _shift("mouth-retraction", 0.8))),
    "21": Motion(shifts=(_shift("neck-platysma", 0.8, "lower"),)),
    "22": Motion(shifts=(_shift("mouthFunnel", 0.8), _shift("mouth-protusion", 0.3))),
    "23": Motion(shifts=(_shift("mouthRollLower", 0.4), _shift("mouthRollUpper", 0.4), _shift("mouth-pursing", 0.2))),
    "24": Motion(shifts=(_shift("mouthPressLeft", 0.9), _shift("mouthPressRight", 0.9), _shift("mouth-compression", 0.2))),
    "25": Motion(shifts=(_shift("mouth-parling", 0.9),)),
    "26": Motion(shifts=(_shift("jawOpen", 0.42),)),
    "27": Motion(shifts=(_shift("jawOpen", 0.85), _shift("mouth-open", 0.2))),
    "28": Motion(shifts=(_shift("mouthRollLower", 1.0), _shift("mouthRollUpper", 1.0))),
    "34": Motion(shifts=(_shift("cheekPuff", 0.9),)),
    "38": Motion(shifts=(_shift("nose-left-dilatation", 1.0), _shift("nose-right-dilatation", 1.0))),
    "39": Motion(shifts=(_shift("nose-compression", 1.0),)),
    "43": Motion(),
}
"""AU code -> what it moves on the subject's left (lateral AUs) or on both sides (central ones)."""

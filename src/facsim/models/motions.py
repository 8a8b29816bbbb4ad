"""What each action unit moves at its maximum: shape targets of MakeHuman and ARKit name, and sculpted bumps where
those fall short.

Every lateral AU is written once, for the subject's left; the right is its mirror image by construction. Symmetric
targets are cut at the midline with a soft edge; `region` cuts them at the mouth line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["JOINT_MOTIONS", "MOTIONS", "Bump", "Motion", "Region", "Shift"]

Region = Literal["all", "upper", "lower", "neck"]
"""What a motion keeps to: above or below the line between the lips, or below the chin."""


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


# Local targets among the names below; the others with a hyphen are MakeHuman's expression units, nearly alike in all
# ancestries.
_LOCAL = ("mouth-angles-down", "nose-flaring-incr", "nose-nostrils-width-decr")


def _shift(target: str, weight: float, region: Region = "all") -> Shift:
    unit = "-" in target and target not in _LOCAL
    name = f"caucasian/{target}" if unit else target
    return Shift(target=name, weight=weight, region=region)


MOTIONS: Mapping[str, Motion] = {
    "1": Motion(
        shifts=(_shift("eyebrows-left-inner-up", 0.9), _shift("browInnerUp", 1.2)),
        bumps=(Bump(centre=(0.14, 0.2, 0.25), spread=(0.1, 0.1, 0.2), move=(-0.008, 0.045, 0.01)),),
    ),
    "2": Motion(
        shifts=(_shift("eyebrows-left-extern-up", 0.25), _shift("browOuterUpLeft", 0.8)),
        bumps=(
            Bump(centre=(0.4, 0.2, 0.1), spread=(0.14, 0.13, 0.25), move=(0.0, 0.065, 0.01)),
            Bump(centre=(0.13, 0.2, 0.25), spread=(0.08, 0.1, 0.2), move=(0.0, 0.012, 0.0)),
        ),
    ),
    "4": Motion(
        shifts=(_shift("eyebrows-left-down", 0.75), _shift("browDownLeft", 0.7)),
        bumps=(
            Bump(centre=(0.15, 0.18, 0.2), spread=(0.1, 0.08, 0.15), move=(-0.045, -0.03, 0.015)),
            Bump(centre=(0.07, 0.15, 0.26), spread=(0.03, 0.08, 0.15), move=(0.0, 0.0, 0.02)),
        ),
    ),
    "5": Motion(shifts=(_shift("eye-left-opened-up", 0.4),)),
    "6": Motion(
        shifts=(_shift("cheekSquintLeft", 0.35),),
        bumps=(
            Bump(centre=(0.37, -0.33, 0.1), spread=(0.17, 0.15, 0.2), move=(0.015, 0.07, 0.075)),
            Bump(centre=(0.35, -0.2, 0.15), spread=(0.14, 0.055, 0.2), move=(0.0, 0.022, 0.045)),
            Bump(centre=(0.57, 0.02, 0.0), spread=(0.09, 0.11, 0.15), move=(-0.025, 0.0, 0.0)),
            Bump(centre=(0.48, 0.17, 0.1), spread=(0.12, 0.08, 0.2), move=(-0.006, -0.032, 0.006)),
        ),
    ),
    "7": Motion(shifts=(_shift("eyeSquintLeft", 0.5),)),
    "9": Motion(
        shifts=(
            _shift("noseSneerLeft", 0.7),
            _shift("nose-left-elevation", 0.5),
            _shift("mouth-elevation", 0.6, "upper"),
            _shift("mouthUpperUpLeft", 0.3),
            _shift("browDownLeft", 0.25),
        ),
        bumps=(
            Bump(centre=(0.1, -0.12, 0.25), spread=(0.07, 0.09, 0.12), move=(0.0, 0.04, 0.025)),
            Bump(centre=(0.16, -0.4, 0.25), spread=(0.09, 0.09, 0.2), move=(0.012, 0.03, 0.0)),
            Bump(centre=(0.0, -0.4, 0.4), spread=(0.1, 0.1, 0.15), move=(0.0, 0.028, 0.0)),
            Bump(centre=(0.12, 0.15, 0.25), spread=(0.1, 0.08, 0.15), move=(-0.012, -0.022, 0.0)),
            Bump(centre=(0.3, -0.3, 0.15), spread=(0.12, 0.09, 0.2), move=(0.0, 0.025, 0.02)),
        ),
    ),
    "10": Motion(shifts=(_shift("mouth-elevation", 1.05, "upper"), _shift("mouthUpperUpLeft", 0.65))),
    "11": Motion(
        shifts=(_shift("mouth-elevation", 0.3, "upper"),),
        bumps=(
            Bump(centre=(0.3, -0.36, 0.15), spread=(0.1, 0.1, 0.15), move=(0.02, 0.04, 0.04)),
            Bump(centre=(0.23, -0.5, 0.2), spread=(0.05, 0.1, 0.15), move=(0.0, 0.02, -0.025)),
        ),
    ),
    "12": Motion(shifts=(_shift("mouth-corner-puller", 0.8), _shift("mouthSmileLeft", 0.6))),
    "13": Motion(
        bumps=(
            Bump(centre=(0.25, -0.67, 0.15), spread=(0.07, 0.09, 0.15), move=(-0.01, 0.1, 0.0)),
            Bump(centre=(0.36, -0.42, 0.1), spread=(0.12, 0.12, 0.2), move=(0.01, 0.03, 0.055)),
        ),
    ),
    "14": Motion(
        shifts=(_shift("mouthDimpleLeft", 0.6),),
        bumps=(
            Bump(centre=(0.3, -0.66, 0.14), spread=(0.05, 0.07, 0.15), move=(0.012, -0.022, -0.1)),
            Bump(centre=(0.4, -0.66, 0.05), spread=(0.06, 0.13, 0.15), move=(-0.006, 0.0, 0.03)),
            Bump(centre=(0.26, -0.86, 0.15), spread=(0.1, 0.08, 0.2), move=(0.0, 0.03, 0.0)),
        ),
    ),
    "15": Motion(
        shifts=(_shift("mouthFrownLeft", 1.3),),
        bumps=(
            Bump(centre=(0.27, -0.7, 0.14), spread=(0.08, 0.08, 0.2), move=(0.02, -0.01, 0.0)),
            Bump(centre=(0.28, -0.85, 0.1), spread=(0.08, 0.07, 0.2), move=(0.01, -0.005, 0.025)),
        ),
    ),
    "16": Motion(shifts=(_shift("mouth-depression-retraction", 0.6, "lower"), _shift("mouthLowerDownLeft", 0.8))),
    "17": Motion(
        shifts=(_shift("mouthShrugLower", 0.9), _shift("mouthShrugUpper", 0.35)),
        bumps=(
            Bump(centre=(0.0, -0.99, 0.2), spread=(0.14, 0.1, 0.2), move=(0.0, 0.085, 0.04)),
            Bump(centre=(0.0, -0.72, 0.3), spread=(0.13, 0.06, 0.2), move=(0.0, 0.055, 0.05), region="lower"),
            Bump(centre=(0.0, -0.62, 0.3), spread=(0.12, 0.06, 0.2), move=(0.0, 0.03, 0.01), region="upper"),
            Bump(centre=(0.0, -0.84, 0.25), spread=(0.14, 0.035, 0.2), move=(0.0, 0.03, -0.045)),
        ),
    ),
    "18": Motion(shifts=(_shift("mouth-pursing", 0.9), _shift("mouthPucker", 0.5))),
    "20": Motion(
        shifts=(_shift("mouthStretchLeft", 0.9), _shift("mouth-retraction", 0.9)),
        bumps=(Bump(centre=(0.28, -0.69, 0.13), spread=(0.08, 0.08, 0.2), move=(0.035, -0.015, -0.01)),),
    ),
    "21": Motion(shifts=(_shift("neck-platysma", 1.2, "neck"),)),
    "22": Motion(
        shifts=(_shift("mouthFunnel", 0.8), _shift("mouth-protusion", 0.35)),
        bumps=(Bump(centre=(0.0, -0.68, 0.3), spread=(0.17, 0.11, 0.2), move=(0.0, 0.0, 0.045)),),
    ),
    "23": Motion(
        shifts=(_shift("mouthRollLower", 0.75), _shift("mouthRollUpper", 0.7), _shift("mouth-pursing", 0.25)),
        bumps=(Bump(centre=(0.0, -0.67, 0.3), spread=(0.2, 0.05, 0.2), move=(0.0, 0.0, 0.02)),),
    ),
    "24": Motion(
        shifts=(
            _shift("mouthPressLeft", 0.25),
            _shift("mouthPressRight", 0.25),
            _shift("mouthRollLower", 0.7),
            _shift("mouthRollUpper", 0.6),
            _shift("mouth-angles-down", 0.35),
        ),
        bumps=(
            Bump(centre=(0.0, -0.57, 0.3), spread=(0.2, 0.05, 0.2), move=(0.0, -0.035, 0.012), region="upper"),
            Bump(centre=(0.0, -0.8, 0.3), spread=(0.2, 0.05, 0.2), move=(0.0, 0.035, 0.012), region="lower"),
            Bump(centre=(0.0, -0.97, 0.2), spread=(0.13, 0.08, 0.2), move=(0.0, 0.02, 0.01)),
        ),
    ),
    "25": Motion(shifts=(_shift("mouth-parling", 0.9),)),
    "26": Motion(
        shifts=(_shift("jawOpen", 0.6),),
        bumps=(
            Bump(centre=(0.0, -1.05, 0.0), spread=(0.4, 0.16, 0.4), move=(0.0, -0.06, -0.01), region="lower"),
            Bump(centre=(0.27, -0.69, 0.15), spread=(0.09, 0.12, 0.2), move=(-0.022, 0.0, 0.006)),
            Bump(centre=(-0.27, -0.69, 0.15), spread=(0.09, 0.12, 0.2), move=(0.022, 0.0, 0.006)),
        ),
    ),
    "27": Motion(
        shifts=(_shift("jawOpen", 0.9), _shift("mouth-open", 0.2)),
        bumps=(
            Bump(centre=(0.0, -1.05, 0.0), spread=(0.4, 0.16, 0.4), move=(0.0, -0.12, -0.02), region="lower"),
            Bump(centre=(0.27, -0.69, 0.15), spread=(0.09, 0.14, 0.2), move=(-0.035, 0.0, 0.01)),
            Bump(centre=(-0.27, -0.69, 0.15), spread=(0.09, 0.14, 0.2), move=(0.035, 0.0, 0.01)),
        ),
    ),
    "28": Motion(
        shifts=(_shift("mouthRollLower", 1.6), _shift("mouthRollUpper", 1.3)),
        bumps=(
            Bump(centre=(0.0, -0.6, 0.3), spread=(0.22, 0.05, 0.2), move=(0.0, -0.05, -0.04), region="upper"),
            Bump(centre=(0.0, -0.76, 0.3), spread=(0.24, 0.06, 0.2), move=(0.0, 0.075, -0.085), region="lower"),
            Bump(centre=(0.0, -0.9, 0.25), spread=(0.2, 0.08, 0.2), move=(0.0, 0.045, 0.0), region="lower"),
        ),
    ),
    "34": Motion(
        shifts=(_shift("cheekPuff", 1.15),),
        bumps=(
            Bump(centre=(0.48, -0.62, 0.0), spread=(0.16, 0.17, 0.25), move=(0.06, 0.0, 0.03)),
            Bump(centre=(-0.48, -0.62, 0.0), spread=(0.16, 0.17, 0.25), move=(-0.06, 0.0, 0.03)),
        ),
    ),
    "38": Motion(
        shifts=(
            _shift("nose-left-dilatation", 1.6),
            _shift("nose-right-dilatation", 1.6),
            _shift("nose-flaring-incr", 0.6),
        )
    ),
    "39": Motion(shifts=(_shift("nose-compression", 1.5), _shift("nose-nostrils-width-decr", 0.6))),
    "43": Motion(),
}
"""AU code -> what it moves on the subject's left (lateral AUs) or on both sides (central ones)."""

JOINT_MOTIONS: Mapping[tuple[str, str], Motion] = {
    # 1 wins over 4 at the brow's inner end: drawn together, but up (FACS's 1+4); the tail sinks
    ("1", "4"): Motion(
        bumps=(
            Bump(centre=(0.13, 0.19, 0.25), spread=(0.08, 0.1, 0.2), move=(-0.004, 0.06, 0.01)),
            Bump(centre=(0.46, 0.19, 0.1), spread=(0.12, 0.1, 0.2), move=(0.0, -0.02, 0.0)),
        ),
    ),
    # 4 and 9 lower the same skin: 9's share of that is taken back
    ("4", "9"): Motion(
        shifts=(_shift("browDownLeft", -0.25), _shift("noseSneerLeft", -0.15)),
        bumps=(Bump(centre=(0.12, 0.15, 0.25), spread=(0.1, 0.08, 0.15), move=(0.012, 0.022, 0.0)),),
    ),
}
"""Two lateral AUs -> what their meeting moves beside what each moves alone, as strong as the weaker of them."""

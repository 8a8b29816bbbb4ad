"""The variants of the expressions: what people show that is named alike, as distributions over codings.

An expression has several named *variants* with weights; a variant lists action units, each with the probability that
it shows and a triangular distribution (low, mode, high) of its intensity, and says where gaze and head tend to and
where hands lie. `facsim.prototypes` draws from them.

Sources, named in the table by their initials:

- EM   EMFACS's predictions as commonly quoted (happiness 6+12, sadness 1+4+15, surprise 1+2+5B+26, fear
       1+2+4+5+7+20+26, anger 4+5+7+23, disgust 9+15+16, contempt R12A+R14A).
- DTM  S. Du, Y. Tao, A. M. Martinez, *Compound facial expressions of emotion*, PNAS 111(15), 2014, table 1: units shown
       by more than 70 % of subjects, and shares of those who show the others: happy 12 25 [6 .51]; sad 4 15 [1 .60,
       6 .50, 11 .26, 17 .67]; fearful 1 4 20 25 [2 .57, 5 .63, 26 .33]; angry 4 7 24 [10 .26, 17 .52, 23 .29];
       surprised 1 2 25 26 [5 .66]; disgusted 9 10 17 [4 .31, 24 .26].
- FF   intensities that SyntFER gives FineFace (0–5): happy 6 2.5, 12 4, 25 1.5; sad 1 2.5, 4 2, 15 3, 17 1.5; angry
       4 3.5, 5 .8, 17 1.2, 25 .3; disgust 9 3.5, 4 1.2, 17 .8, 25 .8; fear 1 1.8, 2 1.6, 5 2.5, 20 1.8, 25 1.2,
       26 1.2; surprise 1 2.5, 2 2.5, 5 2.8, 25 1.8, 26 2.5.
- own  our own choice, for what sets of real pictures hold beside the prototypes; tuned by looking at renders, and at
       what MediaPipe sees in renders and in photographs of FER2013's training split, class by class.

The variants' weights and hands are ours too: open mouths (shout, gasp, laugh, astonished) weigh more than in a
laboratory, as in FER2013's training split, at which we looked. So photographs stood behind the choice of expressions in
every domain: who ships what is trained on renders has to say that none was trained on, and not that none was seen.

Left out until renders show them well: 11 (DTM's sadness), 19 (disgust), 23 (anger: 24 and 22 stand where EM and DTM
have it, and no prototype says 23). Nothing here says what anybody feels: these are looks that people name alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PROTOTYPES", "PROTOTYPE_CODES", "Spread", "UnitRange", "Variant"]

Spread = tuple[float, float, float]
"""A triangular distribution: low, mode, high."""

_STILL: Spread = (0.0, 0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class UnitRange:
    """How one AU takes part in a variant: in what share of faces, how strongly (0–5), on both sides or on one.

    `one_sided` units of a sample all show on the same side, which is left in half of the samples.
    """

    code: int
    probability: float
    intensity: Spread
    one_sided: bool = False


# Hands on faces: shares that we chose after looking at FER2013's training split.
_IDLE = {"hand_cheek": 0.04, "hand_chin": 0.03, "hand_mouth": 0.02, "hand_forehead": 0.02}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way of showing an expression: its weight among the variants, its AUs, where gaze and head tend to, and hands.

    Angles in degrees, as the columns of the same names: yaw to the subject's left, pitch up. Those of the head are
    tendencies to be added to a plan's pose. `hands` says in what share of faces a hand lies where (names of
    `facsim.wearables.HANDS`): people who stage an expression for a picture put their hands to their faces.
    """

    name: str
    weight: float
    units: tuple[UnitRange, ...]
    gaze_yaw_deg: Spread = (-8.0, 0.0, 8.0)
    gaze_pitch_deg: Spread = (-4.0, 0.0, 4.0)
    head_yaw_deg: Spread = _STILL
    head_pitch_deg: Spread = _STILL
    hands: Mapping[str, float] = field(default_factory=lambda: _IDLE, hash=False)


def _au(code: int, low: float, mode: float, high: float, p: float = 1.0) -> UnitRange:
    return UnitRange(code=code, probability=p, intensity=(low, mode, high))


def _one(code: int, low: float, mode: float, high: float, p: float = 1.0) -> UnitRange:
    return UnitRange(code=code, probability=p, intensity=(low, mode, high), one_sided=True)


_STARTLED = {"hand_mouth": 0.08, "hand_cheek": 0.08, "hand_chin": 0.04}
_COVERED = {"hand_forehead": 0.12, "hand_mouth": 0.12, "hand_cheek": 0.08}
_MOURNING = {"hand_forehead": 0.08, "hand_cheek": 0.1, "hand_chin": 0.03, "hand_mouth": 0.03}
_ON_CHEEK = {"hand_cheek": 0.06, "hand_chin": 0.02}
_ON_HEAD = {"hand_forehead": 0.08, "hand_cheek": 0.06}
_AMAZED = {"hand_cheek": 0.12, "hand_mouth": 0.05, "hand_chin": 0.03}

# fmt: off
PROTOTYPES: Mapping[str, tuple[Variant, ...]] = {
    "anger": (
        Variant(name="glare", weight=0.2, head_pitch_deg=(-22, -5, 3), gaze_pitch_deg=(-4, 3, 12), hands=_ON_CHEEK,
            units=(  # EM, DTM; 4 from FF
            _au(4, 0.8, 2.6, 5.0), _au(5, 0.6, 1.6, 3.0, p=0.5), _au(7, 0.6, 1.7, 3.4), _au(24, 1.0, 2.4, 4.0),
            _au(17, 0.6, 1.6, 3.0, p=0.52), _au(38, 0.5, 1.4, 2.8, p=0.3),
        )),
        Variant(name="scowl", weight=0.14, head_pitch_deg=(-12, -4, 3), units=(  # DTM, own
            _au(4, 1.5, 3.2, 5.0), _au(7, 0.8, 2.0, 3.6, p=0.75), _au(10, 0.4, 0.9, 1.6, p=0.26),
            _au(17, 0.8, 1.8, 3.2, p=0.52), _au(24, 0.8, 1.8, 3.2, p=0.6), _au(15, 0.4, 0.8, 1.4, p=0.2),
        )),
        Variant(name="shout", weight=0.31, head_yaw_deg=(-14, 0, 14), head_pitch_deg=(-8, 0, 10),
            units=(  # own: 4+5+7+10+16+22+25+26
            _au(4, 0.4, 2.2, 5.0), _au(5, 0.8, 2.0, 3.6, p=0.5), _au(7, 0.8, 2.0, 3.6, p=0.6),
            _au(2, 0.5, 1.5, 3.0, p=0.25),
            _au(10, 1.2, 2.6, 4.4, p=0.85), _au(16, 1.6, 3.0, 4.8, p=0.9), _au(22, 0.8, 1.8, 3.2, p=0.3),
            _au(12, 0.6, 1.4, 2.6, p=0.3),
            _au(25, 2.6, 4.0, 5.0), _au(26, 1.8, 3.3, 5.0), _au(9, 0.4, 1.0, 1.8, p=0.3),
        )),
        Variant(name="bared teeth", weight=0.19, head_pitch_deg=(-8, -1, 5), units=(  # own
            _au(4, 0.8, 2.5, 5.0), _au(5, 0.6, 1.5, 2.8, p=0.4), _au(7, 0.8, 2.2, 4.2), _au(10, 1.6, 2.8, 4.4, p=0.9),
            _au(16, 1.8, 3.0, 4.8), _au(20, 0.8, 2.0, 3.6, p=0.6), _au(12, 0.6, 1.5, 2.8, p=0.5),
            _au(25, 2.0, 3.4, 4.8), _au(38, 0.6, 1.6, 3.0, p=0.5), _au(9, 0.5, 1.3, 2.6, p=0.3),
        )),
        Variant(name="screwed up", weight=0.1, head_pitch_deg=(-8, 0, 10), hands=_ON_HEAD,
            units=(  # own: rage, eyes shut
            _au(4, 1.5, 3.2, 5.0), _au(6, 1.2, 2.8, 4.5), _au(7, 1.0, 2.6, 4.4, p=0.7), _au(9, 0.8, 2.0, 3.8, p=0.5),
            _au(10, 1.2, 2.8, 4.6, p=0.9), _au(16, 1.6, 3.0, 4.8, p=0.9), _au(20, 0.8, 2.0, 3.6, p=0.5),
            _au(25, 2.6, 4.0, 5.0), _au(26, 1.6, 3.2, 5.0, p=0.85), _au(43, 1.5, 3.6, 5.0, p=0.7),
        )),
        Variant(name="cold", weight=0.06, head_pitch_deg=(-10, -3, 3), units=(  # own, mild
            _au(4, 0.8, 1.7, 3.0), _au(24, 0.8, 1.8, 3.2, p=0.8), _au(7, 0.4, 1.2, 2.4, p=0.6),
        )),
    ),
    "contempt": (
        Variant(name="smirk", weight=0.6, units=(  # EM, stronger, since its A hardly shows
            _one(12, 1.0, 2.0, 3.4), _one(14, 0.8, 2.0, 3.6), _au(7, 0.4, 0.9, 1.6, p=0.2),
        )),
        Variant(name="dimple", weight=0.25, units=(  # EM's 14 alone
            _one(14, 1.6, 3.0, 4.6), _au(24, 0.4, 1.0, 2.0, p=0.3),
        )),
        Variant(name="raised lip", weight=0.15, head_pitch_deg=(-2, 5, 12), gaze_pitch_deg=(-14, -6, 0), units=(  # own
            _one(10, 1.2, 2.2, 3.6), _one(14, 1.0, 2.0, 3.4), _au(43, 0.3, 0.9, 1.8, p=0.5),
        )),
    ),
    "disgust": (
        Variant(name="nose wrinkle", weight=0.34, head_pitch_deg=(-6, 0, 6), units=(  # DTM; 9 from FF
            _au(9, 1.6, 3.2, 5.0), _au(4, 0.6, 1.8, 3.6, p=0.6), _au(6, 0.8, 1.8, 3.2, p=0.5),
            _au(7, 0.8, 2.0, 3.6, p=0.6),
            _au(10, 0.8, 2.0, 3.4, p=0.7), _au(15, 0.4, 1.0, 2.0, p=0.3), _au(17, 0.6, 1.5, 3.0, p=0.75),
            _au(43, 0.6, 1.5, 3.0, p=0.3),
        )),
        Variant(name="raised lip", weight=0.26, head_pitch_deg=(-4, 2, 8), units=(  # DTM's 10 rather than 9
            _au(10, 2.2, 3.5, 5.0), _au(9, 0.6, 1.5, 2.8, p=0.5), _au(4, 0.4, 1.0, 1.8, p=0.3),
            _au(7, 0.6, 1.8, 3.4, p=0.5), _au(15, 0.4, 1.0, 2.0, p=0.3), _au(17, 0.8, 2.0, 3.4, p=0.75),
            _au(25, 0.8, 1.8, 3.2, p=0.5), _au(43, 0.6, 1.4, 2.8, p=0.25),
        )),
        Variant(name="gape", weight=0.25, units=(  # own; EM's 16
            _au(9, 1.4, 2.8, 4.5), _au(10, 1.8, 3.0, 4.5), _au(4, 0.6, 1.8, 3.6, p=0.55), _au(6, 0.8, 1.8, 3.2, p=0.5),
            _au(7, 0.8, 2.0, 3.6, p=0.5), _au(20, 0.8, 2.0, 3.6, p=0.5),
            _au(16, 1.4, 2.8, 4.4, p=0.85), _au(25, 2.0, 3.4, 5.0), _au(26, 1.0, 2.4, 4.2, p=0.75),
        )),
        Variant(name="aversion", weight=0.15, head_yaw_deg=(-22, 0, 22), head_pitch_deg=(-8, 0, 8),
            units=(  # EM, DTM's 24
            _au(9, 1.8, 3.0, 4.5), _au(4, 0.4, 1.1, 2.0, p=0.31), _au(15, 0.8, 1.8, 3.2, p=0.8),
            _au(17, 0.6, 1.6, 3.0, p=0.7),
            _au(16, 0.4, 1.0, 2.0, p=0.3), _au(24, 0.5, 1.2, 2.2, p=0.26), _au(43, 1.0, 2.6, 4.8, p=0.6),
        )),
    ),
    "fear": (
        Variant(name="terror", weight=0.2, head_pitch_deg=(-4, 2, 8), hands=_STARTLED,
            units=(  # EM; proportions from FF
            _au(1, 1.0, 2.5, 4.6), _au(2, 0.4, 1.6, 3.8), _au(4, 0.8, 2.0, 3.6), _au(5, 1.0, 2.7, 4.8, p=0.8),
            _au(7, 0.6, 1.6, 3.0, p=0.35),
            _au(20, 0.6, 1.6, 3.4, p=0.8), _au(25, 1.8, 3.2, 4.8), _au(26, 1.0, 2.4, 4.2, p=0.85),
            _au(16, 0.8, 2.0, 3.6, p=0.4),
        )),
        Variant(name="tense stretch", weight=0.16, hands=_STARTLED, units=(  # DTM
            _au(1, 1.0, 2.4, 4.4), _au(2, 0.5, 1.4, 2.8, p=0.57), _au(4, 1.2, 2.3, 4.0), _au(5, 0.6, 1.7, 3.4, p=0.5),
            _au(20, 1.0, 2.1, 4.0), _au(25, 1.0, 2.2, 3.8), _au(16, 0.8, 2.0, 3.6, p=0.4),
            _au(26, 0.6, 1.3, 2.4, p=0.33),
        )),
        Variant(name="apprehension", weight=0.2, gaze_yaw_deg=(-22, 0, 22), head_yaw_deg=(-14, 0, 14), hands=_STARTLED,
            units=(  # own, mild
            _au(1, 1.0, 2.2, 4.0), _au(2, 0.5, 1.3, 2.4, p=0.4), _au(4, 0.8, 1.9, 3.5), _au(5, 0.6, 1.6, 3.4, p=0.4),
            _au(7, 0.5, 1.4, 2.8, p=0.3),
            _au(20, 0.6, 1.3, 2.6, p=0.35), _au(25, 0.5, 1.3, 2.4, p=0.5), _au(18, 0.4, 1.0, 2.0, p=0.2),
        )),
        Variant(name="gasp", weight=0.14, head_pitch_deg=(-2, 3, 9), hands=_STARTLED, units=(  # own
            _au(1, 1.2, 2.7, 4.8), _au(2, 0.6, 1.8, 3.8), _au(4, 1.0, 2.0, 3.8), _au(5, 1.2, 3.0, 4.8, p=0.8),
            _au(20, 0.6, 1.5, 3.0, p=0.5), _au(22, 0.6, 1.5, 2.8, p=0.25), _au(25, 2.6, 3.8, 5.0),
            _au(26, 2.2, 3.6, 5.0),
        )),
        Variant(name="scream", weight=0.16, head_pitch_deg=(-6, 2, 10), hands=_STARTLED,
            units=(  # own: eyes wide or screwed up
            _au(1, 1.0, 2.4, 4.4, p=0.8), _au(4, 0.8, 2.2, 4.2), _au(5, 1.4, 3.0, 5.0, p=0.4),
            _au(7, 1.0, 2.4, 4.2, p=0.55), _au(16, 1.4, 2.8, 4.6, p=0.8), _au(20, 0.8, 1.8, 3.4, p=0.6),
            _au(25, 3.0, 4.2, 5.0), _au(27, 1.8, 3.2, 4.8),
        )),
        Variant(name="cower", weight=0.14, gaze_pitch_deg=(-24, -10, 4), gaze_yaw_deg=(-18, 0, 18),
            head_pitch_deg=(-22, -6, 4), hands=_COVERED, units=(  # own: shrinking away, eyes narrow or down
            _au(1, 1.2, 2.6, 4.4), _au(4, 1.0, 2.3, 4.0), _au(7, 0.6, 1.8, 3.6, p=0.6), _au(6, 0.6, 1.4, 2.6, p=0.3),
            _au(20, 0.8, 1.8, 3.4, p=0.5), _au(25, 0.6, 1.6, 3.2, p=0.6),
            _au(43, 0.8, 2.4, 4.8, p=0.35),
        )),
    ),
    "happiness": (
        Variant(name="open smile", weight=0.52, units=(  # DTM, FF; 10 and 16 bare the teeth
            _au(12, 2.8, 4.2, 5.0), _au(6, 1.0, 2.6, 4.2, p=0.75), _au(7, 0.4, 1.2, 2.2, p=0.2),
            _au(10, 0.8, 2.0, 3.4, p=0.8), _au(16, 0.8, 2.2, 3.8, p=0.75), _au(20, 0.6, 1.6, 3.0, p=0.4),
            _au(25, 2.4, 3.8, 5.0), _au(26, 0.4, 1.2, 2.4, p=0.4), _au(1, 0.4, 1.0, 2.0, p=0.08),
            _au(2, 0.4, 1.0, 2.0, p=0.1),
        )),
        Variant(name="closed smile", weight=0.15, units=(  # EM
            _au(12, 1.8, 3.2, 4.7), _au(6, 0.8, 2.1, 3.6, p=0.6), _au(7, 0.4, 1.2, 2.2, p=0.2),
            _au(14, 0.4, 1.0, 2.0, p=0.15),
            _au(24, 0.3, 0.7, 1.4, p=0.1),
        )),
        Variant(name="laugh", weight=0.28, head_pitch_deg=(-4, 4, 14), units=(  # own
            _au(12, 3.0, 4.3, 5.0), _au(6, 2.0, 3.5, 5.0), _au(7, 0.8, 2.0, 3.6, p=0.5), _au(25, 2.8, 4.0, 5.0),
            _au(10, 0.8, 2.2, 3.8, p=0.75), _au(16, 1.2, 2.8, 4.6, p=0.85),
            _au(26, 1.4, 2.8, 4.4), _au(43, 0.8, 2.6, 4.8, p=0.25),
        )),
        Variant(name="polite smile", weight=0.05, units=(  # own
            _au(12, 1.2, 1.8, 2.8), _au(6, 0.4, 0.9, 1.6, p=0.2), _au(14, 0.4, 1.0, 2.0, p=0.3),
            _au(25, 0.4, 0.9, 1.6, p=0.25),
        )),
    ),
    "neutral": (  # own: rest, and resting faces with one or two traces below what a coder would call a prototype
        Variant(name="rest", weight=0.26, units=()),
        Variant(name="parted lips", weight=0.16, units=(_au(25, 0.3, 0.8, 1.4), _au(26, 0.2, 0.5, 0.9, p=0.3))),
        Variant(name="resting brow", weight=0.1, units=(_au(4, 0.3, 0.7, 1.2), _au(7, 0.3, 0.6, 1.0, p=0.3))),
        Variant(name="resting mouth", weight=0.1, units=(_au(15, 0.2, 0.5, 0.9), _au(17, 0.2, 0.5, 0.9, p=0.25))),
        Variant(name="lips together", weight=0.1, units=(_au(24, 0.3, 0.7, 1.2), _au(14, 0.2, 0.5, 0.9, p=0.2))),
        Variant(name="near smile", weight=0.08, units=(_au(12, 0.2, 0.5, 0.9), _au(14, 0.2, 0.5, 0.9, p=0.2))),
        Variant(name="raised brow", weight=0.12, units=(_au(1, 0.3, 0.8, 1.5, p=0.75), _au(2, 0.3, 0.9, 1.6))),
        Variant(name="heavy lids", weight=0.08, gaze_pitch_deg=(-20, -8, 0), units=(_au(43, 0.3, 1.0, 1.9),)),
    ),
    "sadness": (
        Variant(name="downcast", weight=0.27, gaze_pitch_deg=(-24, -11, 0), head_pitch_deg=(-28, -9, 0),
            head_yaw_deg=(-16, 0, 16), hands=_MOURNING, units=(  # EM, DTM, FF
            _au(1, 0.8, 2.1, 4.0), _au(4, 0.6, 1.6, 3.0, p=0.85), _au(15, 0.5, 1.5, 3.2, p=0.8),
            _au(17, 0.4, 1.2, 2.6, p=0.6), _au(43, 0.5, 1.2, 2.4, p=0.4), _au(24, 0.4, 1.0, 2.0, p=0.2),
        )),
        Variant(name="sullen", weight=0.19, gaze_pitch_deg=(-16, -5, 2), head_pitch_deg=(-14, -4, 2), hands=_ON_CHEEK,
            units=(  # DTM
            _au(15, 0.6, 1.7, 3.6, p=0.9), _au(4, 0.6, 1.5, 2.6, p=0.8), _au(1, 0.8, 1.8, 3.0, p=0.5),
            _au(17, 0.5, 1.5, 3.0, p=0.6), _au(43, 0.4, 1.0, 2.0, p=0.35), _au(24, 0.4, 1.0, 2.0, p=0.25),
        )),
        Variant(name="withdrawn", weight=0.2, gaze_yaw_deg=(-24, 0, 24), gaze_pitch_deg=(-24, -7, 2),
            head_yaw_deg=(-28, 0, 28), head_pitch_deg=(-24, -5, 4), hands=_MOURNING,
            units=(  # own: hardly any of it in the face
            _au(1, 0.4, 1.1, 2.2, p=0.4), _au(4, 0.3, 0.9, 1.8, p=0.35), _au(15, 0.3, 0.9, 1.8, p=0.35),
            _au(17, 0.4, 1.0, 2.0, p=0.3), _au(43, 0.5, 1.6, 3.6, p=0.5), _au(24, 0.4, 1.0, 1.8, p=0.25),
        )),
        Variant(name="tearful", weight=0.14, gaze_pitch_deg=(-18, -6, 2), head_pitch_deg=(-18, -5, 2), hands=_MOURNING,
            units=(  # DTM's 6, own
            _au(1, 1.6, 3.0, 4.6), _au(4, 1.4, 2.5, 4.0), _au(6, 1.0, 2.2, 3.6), _au(7, 0.5, 1.4, 2.6, p=0.4),
            _au(15, 1.6, 3.0, 4.6), _au(17, 0.8, 2.2, 3.8, p=0.8), _au(25, 0.5, 1.4, 2.6, p=0.3),
        )),
        Variant(name="wail", weight=0.08, head_pitch_deg=(-10, 0, 10), units=(  # own: as small children cry
            _au(4, 1.8, 3.2, 4.8), _au(1, 0.8, 2.0, 3.8, p=0.6), _au(6, 1.6, 3.2, 5.0), _au(7, 1.0, 2.4, 4.0, p=0.6),
            _au(9, 0.6, 1.6, 3.2, p=0.4), _au(10, 0.8, 2.2, 4.0, p=0.7), _au(16, 1.0, 2.4, 4.2, p=0.7),
            _au(20, 0.8, 2.2, 4.0, p=0.6), _au(25, 2.4, 3.8, 5.0), _au(26, 1.6, 3.2, 5.0),
            _au(43, 1.6, 3.8, 5.0, p=0.8),
        )),
        Variant(name="crying", weight=0.12, gaze_pitch_deg=(-20, -6, 0), head_pitch_deg=(-20, -4, 6), hands=_MOURNING,
            units=(  # own
            _au(4, 1.8, 3.0, 4.5), _au(1, 1.0, 2.3, 4.0, p=0.7), _au(6, 1.8, 3.0, 4.6), _au(7, 1.0, 2.2, 3.8, p=0.6),
            _au(15, 1.2, 2.4, 4.0), _au(17, 0.6, 1.6, 3.0, p=0.4), _au(20, 0.6, 1.6, 3.0, p=0.4),
            _au(25, 1.4, 2.6, 4.0),
            _au(26, 0.8, 1.7, 3.0, p=0.6), _au(43, 1.6, 3.6, 5.0, p=0.5),
        )),
    ),
    "surprise": (
        Variant(name="raised and open", weight=0.33, hands=_AMAZED, units=(  # DTM, EM, FF
            _au(1, 0.8, 2.5, 4.6), _au(2, 0.8, 2.5, 4.6), _au(5, 2.4, 4.2, 5.0, p=0.95), _au(25, 2.0, 3.3, 4.8),
            _au(26, 2.2, 3.5, 5.0), _au(18, 0.6, 1.5, 2.8, p=0.3), _au(22, 0.6, 1.5, 2.8, p=0.2),
        )),
        Variant(name="astonished", weight=0.27, head_pitch_deg=(-2, 3, 9), hands=_AMAZED, units=(  # own; EM's 27 for 26
            _au(1, 1.0, 3.0, 4.9), _au(2, 1.0, 3.0, 4.9), _au(5, 3.0, 4.6, 5.0, p=0.97), _au(25, 2.6, 4.0, 5.0),
            _au(27, 2.2, 3.6, 5.0), _au(16, 0.8, 2.0, 3.6, p=0.3), _au(12, 0.6, 1.8, 3.4, p=0.2),
        )),
        Variant(name="rounded lips", weight=0.28, hands=_AMAZED, units=(  # own: "oh"
            _au(1, 0.8, 2.3, 4.4), _au(2, 0.8, 2.3, 4.4), _au(5, 2.2, 3.8, 5.0, p=0.92), _au(22, 1.0, 2.4, 4.0, p=0.6),
            _au(18, 1.2, 2.6, 4.4, p=0.8), _au(25, 1.6, 2.8, 4.2), _au(26, 1.6, 2.8, 4.6),
        )),
        Variant(name="raised brows", weight=0.12, units=(  # own: mild, by the brows
            _au(1, 1.6, 3.0, 4.6), _au(2, 1.6, 3.0, 4.6), _au(5, 1.4, 2.8, 4.4, p=0.85), _au(25, 0.5, 1.4, 2.6, p=0.6),
            _au(26, 0.4, 0.9, 1.6, p=0.2),
        )),
    ),
}
# fmt: on
"""Variants of the eight expressions. Weights of one expression sum to 1."""

PROTOTYPE_CODES: tuple[int, ...] = tuple(
    sorted({unit.code for variants in PROTOTYPES.values() for variant in variants for unit in variant.units})
)
"""Every AU that some prototype may show, ascending: what a renderer must be able to draw."""

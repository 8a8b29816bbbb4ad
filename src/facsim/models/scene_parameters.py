"""Every number, colour and choice of a scene that can be set, by its dotted path: kind, unit, range and meaning.

`PARAMETERS["hair.curl"]` says what `Scene.hair.curl` may be. Paths follow the dataclasses of `facsim.models.scene`;
`gaze` has `gaze.yaw_deg` and `gaze.pitch_deg`, action units and sliders go by their own names (`action_units.12L`,
`identity.shape.nose-hump`). A test holds that every field of a scene is here. docs/scene.md is made from this.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from facsim.facs import split_key
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.appearance import Colour
from facsim.models.casting import Person
from facsim.models.casting_hair import BEARD_KINDS
from facsim.models.hair_styles import HAIR_STYLES
from facsim.models.identity import roaming_sliders
from facsim.models.scene import BACKGROUND_KINDS, Scene
from facsim.models.staging import LIGHT_KINDS
from facsim.wearables import GLASSES_SHAPES, HEADWEAR_KINDS, OCCLUDER_KINDS

__all__ = ["PARAMETERS", "PLANNED", "Kind", "Parameter", "belongs_to_person"]

Kind = Literal["number", "integer", "yes or no", "text", "colour"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What one parameter may be: inclusive `low` to `high` (of each channel, for a colour), or one of `values`."""

    path: str
    kind: Kind
    meaning: str
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    values: tuple[str, ...] = ()
    optional: bool = False
    """Whether `"none"` may be written for it."""


PLANNED: Mapping[str, str] = {
    "identity.age_years": "apparent_age_years",
    "identity.gender": "apparent_gender",
    "identity.ancestry": "apparent_ancestry",
}
"""Paths that are the plan's to decide, and the plan's column: setting them here would make that column untrue."""

_Row = tuple[float, float, str, str]


def _share(meaning: str, *, high: float = 1.0) -> _Row:
    return (0.0, high, "share", meaning)


def _deg(low: float, high: float, meaning: str) -> _Row:
    return (low, high, "deg", meaning)


def _dm(low: float, high: float, meaning: str) -> _Row:
    return (low, high, "dm", meaning)


def _albedo(meaning: str) -> _Row:
    return (0.0, 1.0, "linear RGB", meaning)


def _radiance(meaning: str) -> _Row:
    return (0.0, 12.0, "linear RGB", meaning)


def _number(low: float, high: float, meaning: str) -> _Row:
    return (low, high, "", meaning)


def _plain(meaning: str) -> _Row:
    return (0.0, 1.0, "", meaning)


def _lamp(name: str, meaning: str) -> dict[str, _Row]:
    return {
        f"light.{name}.azimuth_deg": _deg(-180, 180, f"{meaning}: where it stands, from the camera round to the right"),
        f"light.{name}.elevation_deg": _deg(-90, 90, f"{meaning}: how high it stands"),
        f"light.{name}.colour": _radiance(f"{meaning}: its colour and strength; (0, 0, 0) is off"),
        f"light.{name}.softness": (0.005, 1.0, "rad", f"{meaning}: its angular radius; 0.02 the sun, 0.3 a window"),
    }


_ROWS: Mapping[str, _Row] = {
    "identity.weight": _share("body weight: 0 lean, 0.5 average, 1 heavy"),
    "identity.muscle": _share("muscle: 0 slack, 0.5 average, 1 muscular"),
    "gaze.yaw_deg": _deg(-30, 30, "eyes turned to the subject's left, within the head"),
    "gaze.pitch_deg": _deg(-24, 18, "eyes raised, within the head"),
    "skin.albedo": _albedo("the skin's mean colour; `ita_deg` follows it, the plan's `skin_tone_monk` does not"),
    "skin.redness": _share("blood in cheeks, nose and ears"),
    "skin.mottling": _share("unevenness of the skin's colour"),
    "skin.freckles": _share("freckles"),
    "skin.moles": _share("moles"),
    "skin.sheen": _share("gloss of the skin"),
    "skin.pores": _share("pores and fine relief"),
    "skin.age_lines": _share("wrinkles at rest", high=1.2),
    "skin.folds": _share("how deep action units fold the skin; 0 smooth young skin", high=1.2),
    "skin.under_eye": _share("dark rings under the eyes"),
    "beard.kind": _plain("a kind of beard; it presets the numbers below, and what else is set is set on top of it"),
    "beard.stubble": _share("shade of a shaven beard"),
    "beard.moustache": _share("density on the upper lip"),
    "beard.chin": _share("density on the chin"),
    "beard.cheeks": _share("density on the cheeks"),
    "beard.cheek_line": _number(-1, 1, "how high the beard grows on the cheeks; -1 along the jaw"),
    "beard.colour": _albedo("colour of the beard"),
    "eyes.iris": _albedo("colour of the irises"),
    "eyes.iris_ring": _albedo("colour of their outer rings"),
    "eyes.iris_deg": _deg(20, 28, "radius of an iris, seen from the ball's centre"),
    "eyes.pupil_deg": _deg(4, 18, "radius of a pupil, seen from the ball's centre"),
    "eyes.veins": _share("redness of the whites"),
    "eyes.lashes": _share("density of the lashes"),
    "brows.colour": _albedo("colour of the brows"),
    "brows.density": _share("density of the brows"),
    "brows.thickness": _number(0.4, 1.6, "width of the brows; 1 is the usual"),
    "brows.joined": _share("hair between the brows"),
    "brows.arch": _share("arch of the brows; 0 straight"),
    "brows.slant": _number(-1, 1, "slant of the brows; 1 lifts their outer ends"),
    "mouth.lip": _albedo("the lips' own colour"),
    "mouth.wetness": _share("gloss of the lips"),
    "mouth.teeth": _albedo("colour of the teeth"),
    "mouth.tongue": _albedo("colour of the tongue"),
    "make_up.lipstick": _share("strength of the lipstick"),
    "make_up.lipstick_colour": _albedo("its colour"),
    "make_up.shadow": _share("strength of the eye shadow"),
    "make_up.shadow_colour": _albedo("its colour"),
    "make_up.liner": _share("strength of the eyeliner"),
    "make_up.blush": _share("strength of the blusher"),
    "hair.style": _plain("a named style; it presets the numbers below, and what else is set is set on top of it"),
    "hair.colour": _albedo("colour of the hair"),
    "hair.grey": _share("share of grey hair"),
    "hair.length_dm": _dm(0, 3.5, "0 shaven, 0.08 a buzz cut, 1 to the chin, 3 past the shoulders"),
    "hair.lift_dm": _dm(0, 0.8, "how far the hair stands off the scalp"),
    "hair.receding": _share("how far the hairline has gone back", high=1.1),
    "hair.fringe": _share("how far hair comes down the forehead; 1 to the brows"),
    "hair.opening_deg": _deg(30, 90, "where long hair starts beside the face"),
    "hair.parting": _number(-1, 1, "where the parting is, from the subject's right to the left"),
    "hair.curl": _share("how coiled the hair is"),
    "hair.parted": _share("1 where the parting shows the scalp"),
    "hair.swept": _share("how far hair is combed back from the forehead"),
    "hair.fade": _share("how much closer the sides are cut"),
    "hair.thinning": _share("how bare the crown is"),
    "hair.cords": _share("1 for braids and locs"),
    "hair.tied": _plain("hair tied back"),
    "hair.pressed": _plain("hair that lies flat, as under a hat"),
    "hair.hidden": _plain("hair that is not drawn, as under a scarf"),
    "garment.colour": _albedo("colour of the clothes"),
    "garment.pattern_colour": _albedo("second colour, of their pattern"),
    "garment.pattern": _share("strength of the pattern"),
    "garment.collar_dm": _dm(-0.3, 0.5, "height of the collar"),
    "light.kind": _plain("which set-up of lamps and backdrop is drawn; what else is set is set on top of it"),
    "worn.glasses.shape": _plain("outline of the glasses, or none"),
    "worn.glasses.thickness_dm": _dm(0.008, 0.1, "width of their rims: 0.015 wire, 0.06 bold"),
    "worn.glasses.colour": _albedo("colour of the frame"),
    "worn.glasses.metal": _share("plastic (0) or metal (1)"),
    "worn.glasses.tint": _share("share of light that the lenses swallow; they count as hiding the eyes from 0.6 on"),
    "worn.glasses.tint_colour": _albedo("colour of tinted lenses"),
    "worn.glasses.gradient": _share("how much less of the tint there is below"),
    "worn.glasses.reflection": _share("strength of what the lenses mirror"),
    "worn.glasses.size": _number(0.7, 1.3, "factor on the lenses"),
    "worn.glasses.slide_dm": _dm(0, 0.3, "how far the bridge has come down the nose"),
    "worn.headwear.kind": _plain("what is worn on the head, or none"),
    "worn.headwear.colour": _albedo("its colour"),
    "worn.headwear.second_colour": _albedo("second colour, of its pattern"),
    "worn.headwear.pattern": _share("strength of its print or knit"),
    "worn.headwear.depth": _share("how low it sits on the forehead"),
    "worn.headwear.brim_dm": _dm(0.2, 1.2, "reach of a brim or visor"),
    "worn.headwear.loose": _share("how far its cloth stands off"),
    "worn.headwear.turn_deg": _deg(-180, 180, "a cap's visor turned to the subject's left"),
    "worn.occluder.kind": _plain("what stands before the face, or none"),
    "worn.occluder.x_dm": _dm(-1, 1, "moved to the subject's left"),
    "worn.occluder.y_dm": _dm(-1, 1, "moved upwards"),
    "worn.occluder.size": _number(0.5, 2, "factor on its size"),
    "worn.occluder.turn_deg": _deg(-90, 90, "turned clockwise in a frontal picture"),
    "worn.occluder.low": _share("a mask slid from over the nose (0) to below it (1)"),
    "worn.occluder.left": _plain("the subject's left hand, or a thing from that side"),
    "worn.occluder.colour": _albedo("its colour; a hand has the person's skin"),
    "worn.occluder.second_colour": _albedo("its second colour"),
    **_lamp("key", "the key, which casts shadows"),
    **_lamp("fill", "the fill, which casts none"),
    **_lamp("rim", "the rim light, seen on outlines"),
    "light.ambient.above": _radiance("light from above"),
    "light.ambient.below": _radiance("light from below"),
    "light.ambient.left": _radiance("light from the picture's left"),
    "light.ambient.right": _radiance("light from the picture's right"),
    "light.ambient.front": _radiance("light from the camera's side"),
    "light.ambient.behind": _radiance("light from behind the subject"),
    "camera.yaw_deg": _deg(-90, 90, "head turned to the subject's left"),
    "camera.pitch_deg": _deg(-60, 60, "head raised"),
    "camera.roll_deg": _deg(-90, 90, "head tilted towards the subject's left shoulder"),
    "camera.torso_follow": _share("share of the head's turn that the shoulders make too"),
    "camera.distance_dm": _dm(3, 50, "from the camera to the middle of the eyes of a head that looks straight ahead"),
    "camera.crop_scale": _number(0.8, 4, "side of the picture over the larger side of the 68 landmarks' box"),
    "camera.shift_x": _number(-0.5, 0.5, "face moved right, in shares of the picture"),
    "camera.shift_y": _number(-0.5, 0.5, "face moved down, in shares of the picture"),
    "camera.nose_share": _number(0, 1, "what is framed: the middle of the landmarks' box (0) to the tip of the nose"),
    "background.kind": _plain("what lies behind"),
    "background.near": _radiance("its first tone"),
    "background.far": _radiance("its second tone"),
    "background.contrast": _share("contrast of what stands in it"),
    "background.scale": _number(0.05, 1, "size of what stands in it, in shares of the picture"),
    "sensor.exposure_ev": _number(-4, 4, "brightened by powers of two"),
    "sensor.metering": _share("how far the camera exposes for the face"),
    "sensor.contrast": _number(0.3, 3, "slope of the tone curve; 1 leaves it as it is"),
    "sensor.saturation": _number(0, 2, "strength of colours; 1 leaves them as they are"),
    "sensor.white_balance": (0.3, 3.0, "factors", "what red, green and blue are multiplied by"),
    "sensor.vignetting": _share("darkening towards the corners"),
    "sensor.blur": _number(0, 0.05, "deviation of the lens's Gaussian, in shares of the picture"),
    "sensor.noise": _number(0, 0.3, "deviation of a mid-grey pixel, in shares of white"),
    "sensor.jpeg_quality": _number(5, 100, "JPEG quality that the picture went through"),
    "sensor.resolution": _number(0.1, 1, "size that the picture is drawn down to and up again, in shares of its side"),
    "sensor.sharpening": _number(0, 3, "share of the difference to its own blur that the camera adds"),
    "sensor.watermark": _number(0, 1, "opacity of letters written across the picture"),
    "sensor.grey": _plain("one grey level in all three channels"),
    "person_seed": _number(0, 2**31 - 1, "seed of what stays with a person: moles, hairs of brows and beard, wrinkles"),
    "seed": _number(0, 2**31 - 1, "seed of what is the moment's: how hair falls, backdrop, grain"),
    "mirrored": _plain("noise fields flipped left to right"),
}
_VALUES: Mapping[str, tuple[str, ...]] = {
    "background.kind": BACKGROUND_KINDS,
    "light.kind": LIGHT_KINDS,
    "worn.glasses.shape": GLASSES_SHAPES,
    "worn.headwear.kind": HEADWEAR_KINDS,
    "worn.occluder.kind": OCCLUDER_KINDS,
    "hair.style": tuple(HAIR_STYLES),
    "hair.tied": ("loose", "ponytail", "bun"),
    "beard.kind": BEARD_KINDS,
}


def _leaves(kind: type[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(path, annotation) of every field below a dataclass, but for maps, the identity and the gaze."""
    for name, hint in typing.get_type_hints(kind).items():
        path = f"{prefix}{name}"
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield from _leaves(hint, f"{path}.")
        elif path not in ("identity", "action_units", "gaze"):
            yield path, hint


_KINDS: Mapping[Any, Kind] = {bool: "yes or no", int: "integer", float: "number", str: "text", Colour: "colour"}


def _parameter(path: str, hint: Any) -> Parameter:
    given = typing.get_args(hint) if type(None) in typing.get_args(hint) else (hint,)
    kind: Kind = next(_KINDS[entry] for entry in given if entry is not type(None))
    low, high, unit, meaning = _ROWS.get(path, (0.0, 1.0, "", "not described yet"))
    return Parameter(
        path=path, kind=kind, meaning=meaning, unit=unit, low=low, high=high,
        values=_VALUES.get(path, ()), optional=len(given) > 1,
    )  # fmt: skip


def _named() -> Iterator[Parameter]:
    """Parameters that are no fields: parts of the identity, the gaze, action units, sliders."""
    for path in ("identity.weight", "identity.muscle", "gaze.yaw_deg", "gaze.pitch_deg"):
        yield _parameter(path, float)
    sides = {"L": ", the subject's left side", "R": ", the subject's right side"}
    for key in SUPPORTED_AUS:
        meaning = f"intensity of action unit {key}, {split_key(key)[0].name.lower()}{sides.get(key[-1], '')}"
        yield Parameter(path=f"action_units.{key}", kind="number", meaning=meaning, unit="FACS, A–E = 1–5", high=5.0)
    for name in roaming_sliders():
        meaning = f"the head model's slider `{name}`; people have it within ±0.5"
        yield Parameter(path=f"identity.shape.{name}", kind="number", meaning=meaning, low=-1.0)


PARAMETERS: Mapping[str, Parameter] = {
    entry.path: entry for entry in (*_named(), *(_parameter(*leaf) for leaf in _leaves(Scene)))
}
"""Every parameter by its path."""

_OF_PERSON = ("identity", *(entry.name for entry in dataclasses.fields(Person)))


def belongs_to_person(path: str) -> bool:
    """Whether the parameter at `path` stays with a person across pictures (skin, hair, …), or is the moment's."""
    return path.split(".", 1)[0] in _OF_PERSON and not path.startswith("worn.occluder.")

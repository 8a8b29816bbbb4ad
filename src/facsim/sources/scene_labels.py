"""Labels of a drawn scene, by column name (`facsim.columns`): what is known because it was drawn so."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.coding import coding_columns, format_coding
from facsim.facs import column_names, split_key
from facsim.label_maps import ENCODERS, PART_NAMES
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.appearance import Beard, Colour, Hair, MakeUp
from facsim.models.drawing import Drawing
from facsim.models.dressing import cover_hair
from facsim.models.scene import Light, Scene
from facsim.models.scene_text import write_scene
from facsim.models.vectors import clamp
from facsim.models.visibility import OPAQUE_TINT
from facsim.models.worn import Worn
from facsim.wearables import HAIR_LENGTHS

__all__ = ["LABEL_COLUMNS", "label_drawing", "map_arrays", "map_columns"]

_CODES = tuple(dict.fromkeys(split_key(key)[0].code for key in SUPPORTED_AUS))

LABEL_COLUMNS: tuple[str, ...] = (
    "action_units",
    *column_names(_CODES),
    *("landmarks_68", "landmarks_68_visible", "landmarks_5", "landmarks_5_visible", "face_box"),
    *("yaw_deg", "pitch_deg", "roll_deg", "gaze_yaw_deg", "gaze_pitch_deg", "camera_distance_m", "crop_scale"),
    *("light_kind", "light_azimuth_deg", "light_elevation_deg", "light_ratio", "light_temperature_k"),
    *("background_kind", "ita_deg", "face_luminance", "hair_style", "hair_length", "hair_covered", "beard", "make_up"),
    *("glasses", "sunglasses", "headwear", "occluder", "occlusion", "scene"),
)
"""What `label_drawing` gives, in the order of a table."""

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_LEAST_SEEN = 0.15
"""A density or strength of paint below this is not named: it hardly shows."""
_LEAST_HAIRY = 0.3
"""The same for a beard's density: less is a shaven beard's shade."""
_LENGTHS_DM = dict(zip(HAIR_LENGTHS, (0.02, 0.15, 0.7, 1.6, math.inf), strict=True))
"""The longest hair of each class, `Hair.length_dm`."""
_STRAP, _BOXED = -0.6, -0.07
"""The highest `Beard.cheek_line` of a chin strap, and of a beard cut lower than it grows."""


def label_drawing(scene: Scene, drawing: Drawing) -> dict[str, Any]:
    """What is known of the drawing by construction, `LABEL_COLUMNS`."""
    return {
        "action_units": format_coding(scene.action_units),
        **coding_columns(scene.action_units, _CODES),
        **_place_labels(drawing),
        "gaze_yaw_deg": scene.gaze[0],
        "gaze_pitch_deg": scene.gaze[1],
        "camera_distance_m": scene.camera.distance_dm / 10.0,
        "crop_scale": scene.camera.crop_scale,
        **_light_labels(scene.light),
        "background_kind": scene.background.kind,
        "hair_style": scene.hair.style,
        "hair_length": _name_length(scene.hair),
        "hair_covered": cover_hair(scene.hair, scene.worn.headwear).hidden,
        "beard": _name_beard(scene.beard),
        "make_up": _name_make_up(scene.make_up),
        **_worn_labels(scene.worn),
        "scene": write_scene(scene),
    }


def _place_labels(drawing: Drawing) -> dict[str, Any]:
    left, top, width, height = drawing.face_box_px
    return {
        "landmarks_68": drawing.landmarks_68_px.ravel().tolist(),
        "landmarks_68_visible": drawing.landmarks_68_visible.tolist(),
        "landmarks_5": drawing.landmarks_5_px.ravel().tolist(),
        "landmarks_5_visible": drawing.landmarks_5_visible.tolist(),
        "face_box": [left, top, left + width, top + height],
        "yaw_deg": drawing.yaw_deg,
        "pitch_deg": drawing.pitch_deg,
        "roll_deg": drawing.roll_deg,
        "ita_deg": drawing.ita_deg,
        "face_luminance": drawing.face_luminance,
        "occlusion": drawing.occlusion,
    }


def _light_labels(light: Light) -> dict[str, Any]:
    sides = (getattr(light.ambient, name) for name in ("above", "below", "left", "right", "front", "behind"))
    around = float(np.mean([_luminance(side) for side in sides])) + _luminance(light.fill.colour)
    return {
        "light_kind": light.kind,
        "light_azimuth_deg": light.key.azimuth_deg,
        "light_elevation_deg": light.key.elevation_deg,
        "light_ratio": (_luminance(light.key.colour) + around) / max(around, 1e-3),
        "light_temperature_k": _temperature_k(light.key.colour),
    }


def _luminance(colour: Colour) -> float:
    return float(np.asarray(colour) @ _LUMINANCE)


def _temperature_k(colour: Colour) -> float | None:
    """The black body whose light `facsim.models.staging.white_light` makes this colour; None for no light."""
    red, _, blue = colour
    if min(red, blue) <= 0.0:
        return None
    t = math.log(blue / red) / 1.4
    return clamp(5800.0 * math.exp((2.0 * t if t > 0.0 else t) / 0.38), 1000.0, 25000.0)


def _name_length(hair: Hair) -> str:
    return next(name for name, most in _LENGTHS_DM.items() if hair.length_dm <= most)


def _name_beard(beard: Beard) -> str:
    """Of `BEARD_NAMES`, by where it shows: what is drawn, whatever it was meant to be."""
    if beard.cheeks >= _LEAST_HAIRY:
        return "chin strap" if beard.cheek_line <= _STRAP else "boxed" if beard.cheek_line <= _BOXED else "full"
    if beard.chin >= _LEAST_HAIRY:
        return "circle" if beard.moustache >= _LEAST_HAIRY else "goatee"
    if beard.moustache >= _LEAST_HAIRY:
        return "moustache"
    return "stubble" if beard.stubble >= _LEAST_HAIRY else "clean"


def _name_make_up(paint: MakeUp) -> str:
    """What shows of it, joined by +, or none."""
    strengths = {"lipstick": paint.lipstick, "shadow": paint.shadow, "liner": paint.liner, "blush": paint.blush}
    return "+".join(name for name, strength in strengths.items() if strength >= _LEAST_SEEN) or "none"


def _worn_labels(worn: Worn) -> dict[str, Any]:
    return {
        "glasses": worn.glasses.shape,
        "sunglasses": worn.glasses.shape != "none" and worn.glasses.tint >= OPAQUE_TINT,
        "headwear": worn.headwear.kind,
        "occluder": worn.occluder.kind,
    }


def map_arrays(drawing: Drawing, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The maps of these names (`facsim.label_maps.MAP_NAMES`) of a drawing that was made with its surfaces.

    `depth` float32 (S, S) millimetres, infinite where nothing is; `normals` float32 (S, S, 3); `parts` uint8 (S, S),
    places in `facsim.label_maps.PART_NAMES`.
    """
    from facsim.models.shading import DRAWN_PARTS  # it loads Warp, which a drawing has done already

    found: dict[str, NDArray[Any]] = {}
    if "parts" in names:
        published = np.array([PART_NAMES.index(name) for name in DRAWN_PARTS], dtype=np.uint8)
        found["parts"] = published[drawing.parts]
    if drawing.surfaces is not None:
        found["depth"], found["normals"] = drawing.surfaces.depth_dm * np.float32(100.0), drawing.surfaces.normals
    return {name: found[name] for name in names}


def map_columns(sample_id: str, drawing: Drawing, names: tuple[str, ...]) -> dict[str, Any]:
    """The same, encoded, as columns hold them."""
    return {
        name: {"bytes": ENCODERS[name](array), "path": f"{sample_id}.{name}.png"}
        for name, array in map_arrays(drawing, names).items()
    }

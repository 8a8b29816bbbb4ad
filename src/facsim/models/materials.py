"""What the shading kernels read about one picture: its view, lights and materials as one Warp struct."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import warp as wp

from facsim.models.camera import NEAR_SHARE, NECK_PIVOT
from facsim.models.drapery import PARTING_DEG
from facsim.models.packing import pack_structs
from facsim.models.scene import BACKGROUND_KINDS, Lamp, Scene
from facsim.models.sitting import Sitting
from facsim.models.vectors import cross_vectors

__all__ = ["SHADOW_HALF_DM", "WRINKLE_REGIONS", "Look", "lamp_direction", "light_frame", "pack_looks"]

WRINKLE_REGIONS = (
    "forehead_inner",
    "forehead_outer_left",
    "forehead_outer_right",
    "glabella",
    "nose",
    "crow_left",
    "crow_right",
    "nasolabial_left",
    "nasolabial_right",
    "under_eye_left",
    "under_eye_right",
    "chin",
    "corner_left",
    "corner_right",
    "lips",
    "neck",
)
"""Where wrinkles are drawn; the number of a region in the kernels is its place here."""

SHADOW_HALF_DM = 1.9
"""Half the side of the square that the shadow map covers, round the middle of head and shoulders."""

_SHADOW_CENTRE = (0.0, -0.1, -0.5)

_Wrinkles = wp.types.vector(length=len(WRINKLE_REGIONS), dtype=wp.float32)


@wp.struct
class Look:
    """One picture's numbers for the kernels; colours are linear light, directions unit vectors in world coordinates.
    `person` and `seed` are the scene's two seeds."""

    person: wp.int32
    seed: wp.int32
    mirror: wp.float32
    turn: wp.mat33
    torso_turn: wp.mat33
    pivot: wp.vec3
    distance: wp.float32
    near: wp.float32
    focal: wp.float32
    centre_x: wp.float32
    centre_y: wp.float32
    key_frame: wp.mat33
    shadow_centre: wp.vec3
    shadow_half: wp.float32
    key: wp.vec3
    key_colour: wp.vec3
    key_softness: wp.float32
    fill: wp.vec3
    fill_colour: wp.vec3
    fill_softness: wp.float32
    rim: wp.vec3
    rim_colour: wp.vec3
    rim_softness: wp.float32
    above: wp.vec3
    below: wp.vec3
    left: wp.vec3
    right: wp.vec3
    front: wp.vec3
    behind: wp.vec3
    skin: wp.vec3
    redness: wp.float32
    mottling: wp.float32
    freckles: wp.float32
    moles: wp.float32
    sheen: wp.float32
    pores: wp.float32
    under_eye: wp.float32
    wrinkles: _Wrinkles  # pyright: ignore[reportInvalidTypeForm]
    stubble: wp.float32
    moustache: wp.float32
    beard_chin: wp.float32
    beard_cheeks: wp.float32
    beard_line: wp.float32
    beard_colour: wp.vec3
    iris: wp.vec3
    iris_ring: wp.vec3
    iris_deg: wp.float32
    pupil_deg: wp.float32
    veins: wp.float32
    lashes: wp.float32
    brow_colour: wp.vec3
    brow_density: wp.float32
    brow_thickness: wp.float32
    brow_joined: wp.float32
    brow_arch: wp.float32
    brow_slant: wp.float32
    lip: wp.vec3
    wetness: wp.float32
    teeth: wp.vec3
    tongue: wp.vec3
    lipstick: wp.float32
    lipstick_colour: wp.vec3
    shadow_paint: wp.float32
    shadow_colour: wp.vec3
    liner: wp.float32
    blush: wp.float32
    hair: wp.vec3
    hair_grey: wp.float32
    hair_length: wp.float32
    hair_curl: wp.float32
    hair_receding: wp.float32
    hair_thinning: wp.float32
    hair_part: wp.float32
    garment: wp.vec3
    garment_second: wp.vec3
    garment_pattern: wp.float32
    collar: wp.float32
    backdrop: wp.int32
    backdrop_near: wp.vec3
    backdrop_far: wp.vec3
    backdrop_contrast: wp.float32
    backdrop_scale: wp.float32
    gain: wp.float32
    contrast: wp.float32
    saturation: wp.float32
    white_balance: wp.vec3
    vignetting: wp.float32
    blur: wp.float32
    noise: wp.float32


def lamp_direction(lamp: Lamp) -> np.ndarray:
    """Unit vector (3,) towards a lamp, world coordinates."""
    azimuth, elevation = np.deg2rad([lamp.azimuth_deg, lamp.elevation_deg])
    flat = np.cos(elevation)
    return np.array([flat * np.sin(azimuth), np.sin(elevation), flat * np.cos(azimuth)])


def light_frame(towards: np.ndarray) -> np.ndarray:
    """An orthonormal frame (3, 3) whose rows are right, up and towards the light."""
    helper = np.array([0.0, 1.0, 0.0]) if abs(towards[1]) < 0.95 else np.array([1.0, 0.0, 0.0])
    right = cross_vectors(helper, towards)
    right /= np.linalg.norm(right)
    return np.stack([right, cross_vectors(towards, right), towards])


def pack_looks(sittings: Sequence[Sitting], device: str) -> wp.array:
    """One `Look` per picture, on `device`."""
    return pack_structs([_look_fields(one) for one in sittings], Look, device)


def _look_fields(one: Sitting) -> dict[str, Any]:
    return {**_view_fields(one), **_light_fields(one.scene), **_person_fields(one), **_picture_fields(one.scene)}


def _view_fields(one: Sitting) -> dict[str, Any]:
    view = one.view
    return {
        "person": one.scene.person_seed & 0x7FFFFFFF,
        "seed": one.scene.seed & 0x7FFFFFFF,
        "mirror": -1.0 if one.scene.mirrored else 1.0,
        "turn": view.turn,
        "torso_turn": view.torso_turn,
        "pivot": NECK_PIVOT,
        "distance": view.distance,
        "near": view.distance * NEAR_SHARE,
        "focal": view.focal,
        "centre_x": view.centre_x,
        "centre_y": view.centre_y,
        "shadow_centre": _SHADOW_CENTRE,
        "shadow_half": SHADOW_HALF_DM,
    }


def _light_fields(scene: Scene) -> dict[str, Any]:
    light = scene.light
    fields: dict[str, Any] = {"key_frame": light_frame(lamp_direction(light.key))}
    for name, lamp in (("key", light.key), ("fill", light.fill), ("rim", light.rim)):
        fields[name] = lamp_direction(lamp)
        fields[f"{name}_colour"] = lamp.colour
        fields[f"{name}_softness"] = lamp.softness
    for name in ("above", "below", "left", "right", "front", "behind"):
        fields[name] = getattr(light.ambient, name)
    return fields


def _person_fields(one: Sitting) -> dict[str, Any]:
    scene = one.scene
    skin, beard, eyes, brows, mouth = scene.skin, scene.beard, scene.eyes, scene.brows, scene.mouth
    paint, hair, garment = scene.make_up, scene.hair, scene.garment
    return {
        "skin": skin.albedo,
        "redness": skin.redness,
        "mottling": skin.mottling,
        "freckles": skin.freckles,
        "moles": skin.moles,
        "sheen": skin.sheen,
        "pores": skin.pores,
        "under_eye": skin.under_eye,
        "wrinkles": _order_wrinkles(one),
        "stubble": beard.stubble,
        "moustache": beard.moustache,
        "beard_chin": beard.chin,
        "beard_cheeks": beard.cheeks,
        "beard_line": beard.cheek_line,
        "beard_colour": beard.colour,
        "iris": eyes.iris,
        "iris_ring": eyes.iris_ring,
        "iris_deg": eyes.iris_deg,
        "pupil_deg": eyes.pupil_deg,
        "veins": eyes.veins,
        "lashes": eyes.lashes,
        "brow_colour": brows.colour,
        "brow_density": brows.density,
        "brow_thickness": brows.thickness,
        "brow_joined": brows.joined,
        "brow_arch": brows.arch,
        "brow_slant": brows.slant,
        "lip": mouth.lip,
        "wetness": mouth.wetness,
        "teeth": mouth.teeth,
        "tongue": mouth.tongue,
        "lipstick": paint.lipstick,
        "lipstick_colour": paint.lipstick_colour,
        "shadow_paint": paint.shadow,
        "shadow_colour": paint.shadow_colour,
        "liner": paint.liner,
        "blush": paint.blush,
        "hair": hair.colour,
        "hair_grey": hair.grey,
        "hair_length": hair.length_dm,
        "hair_curl": hair.curl,
        "hair_receding": hair.receding,
        "hair_thinning": hair.thinning,
        "hair_part": _part_azimuth(scene),
        "garment": garment.colour,
        "garment_second": garment.pattern_colour,
        "garment_pattern": garment.pattern,
        "collar": garment.collar_dm,
    }


def _part_azimuth(scene: Scene) -> float:
    """Azimuth of a parting that shows, on the head before it is mirrored; beyond all azimuths where there is none."""
    hair = scene.hair
    return (-1.0 if scene.mirrored else 1.0) * PARTING_DEG * hair.parting if hair.parted > 0.5 else 1e3


def _order_wrinkles(one: Sitting) -> list[float]:
    """Depths in the kernels' order; a mirrored scene's rest places are flipped there, so its sides are swapped here."""
    sides = {"left": "right", "right": "left"}
    names = list(WRINKLE_REGIONS)
    if one.scene.mirrored:
        names = [
            f"{name.rsplit('_', 1)[0]}_{sides[name.rsplit('_', 1)[1]]}" if name.endswith(tuple(sides)) else name
            for name in names
        ]
    return [one.wrinkles.get(name, 0.0) for name in names]


def _picture_fields(scene: Scene) -> dict[str, Any]:
    backdrop, sensor = scene.background, scene.sensor
    return {
        "backdrop": BACKGROUND_KINDS.index(backdrop.kind),
        "backdrop_near": backdrop.near,
        "backdrop_far": backdrop.far,
        "backdrop_contrast": backdrop.contrast,
        "backdrop_scale": backdrop.scale,
        "gain": 2.0**sensor.exposure_ev,
        "contrast": sensor.contrast,
        "saturation": sensor.saturation,
        "white_balance": sensor.white_balance,
        "vignetting": sensor.vignetting,
        "blur": sensor.blur,
        "noise": sensor.noise,
    }

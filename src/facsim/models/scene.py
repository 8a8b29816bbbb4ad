"""Everything that one picture is drawn from, as plain values: a `Scene` is its picture's recipe, to the last hair.

Directions of lights are given round the picture, not round the head: azimuth 0 is from the camera, positive from the
picture's right; elevation is upwards. Colours are linear-light RGB; light colours are intensities and may exceed 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from facsim.facs import mirrored_key
from facsim.models.appearance import Beard, Brows, Colour, Eyes, Garment, Hair, MakeUp, Mouth, Skin
from facsim.models.camera import Camera
from facsim.models.worn import Worn, mirror_worn

__all__ = [
    "BACKGROUND_KINDS",
    "Ambient",
    "Background",
    "Lamp",
    "Light",
    "Scene",
    "Sensor",
    "mirror_scene",
]

BACKGROUND_KINDS = ("plain", "gradient", "bokeh", "room", "foliage")
"""What may lie behind the subject, always out of focus."""


@dataclass(frozen=True, kw_only=True)
class Lamp:
    """One light far away. `softness` is its angular radius in radians: 0.02 is the sun, 0.3 a large window."""

    azimuth_deg: float = 30.0
    elevation_deg: float = 35.0
    colour: Colour = (2.6, 2.5, 2.4)
    softness: float = 0.12


@dataclass(frozen=True, kw_only=True)
class Ambient:
    """Light from all around, as the radiance that comes from six sides of the picture."""

    above: Colour = (0.6, 0.62, 0.66)
    below: Colour = (0.25, 0.22, 0.2)
    left: Colour = (0.4, 0.4, 0.4)
    right: Colour = (0.4, 0.4, 0.4)
    front: Colour = (0.45, 0.45, 0.45)
    behind: Colour = (0.4, 0.4, 0.4)


@dataclass(frozen=True, kw_only=True)
class Light:
    """The key casts shadows; fill and rim do not. `kind` names the set-up (of
    `facsim.models.staging.LIGHT_KINDS`, or `other`) and draws nothing."""

    kind: str = "other"
    key: Lamp = field(default_factory=Lamp)
    fill: Lamp = field(
        default_factory=lambda: Lamp(azimuth_deg=-50.0, elevation_deg=10.0, colour=(0.5, 0.5, 0.52), softness=0.5)
    )
    rim: Lamp = field(
        default_factory=lambda: Lamp(azimuth_deg=-150.0, elevation_deg=35.0, colour=(0.0, 0.0, 0.0), softness=0.2)
    )
    ambient: Ambient = field(default_factory=Ambient)


@dataclass(frozen=True, kw_only=True)
class Background:
    """What lies behind: two tones, `contrast` of what stands in it, `scale` its size in shares of the picture."""

    kind: str = "gradient"
    near: Colour = (0.35, 0.36, 0.38)
    far: Colour = (0.15, 0.15, 0.17)
    contrast: float = 0.5
    scale: float = 0.25


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """From light to pixels.

    `exposure_ev` brightens by powers of two; `metering` is how far the camera exposes for the face (0 not at all, 1
    to the same brightness whatever the skin and the light); `contrast` 1 leaves the tone curve as it is; `noise` is
    the deviation of a mid-grey pixel, in shares of white; `blur` is the deviation of the lens's Gaussian and
    `resolution` the size that the picture is drawn down to and up again, both in shares of its side; `sharpening` is
    how much of the difference to its own blur a camera adds (0 none, 1 crisp, 2 harsh); `watermark` is the opacity of
    letters written across the picture, as agencies do; `jpeg_quality` `None` does not compress; `white_balance`
    multiplies the channels.
    """

    exposure_ev: float = 0.0
    metering: float = 0.7
    contrast: float = 1.0
    saturation: float = 1.0
    white_balance: Colour = (1.0, 1.0, 1.0)
    vignetting: float = 0.1
    blur: float = 0.004
    noise: float = 0.01
    jpeg_quality: int | None = 90
    resolution: float = 1.0
    sharpening: float = 0.0
    watermark: float = 0.0
    grey: bool = False


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One picture.

    `identity` is a `facsim.models.head` identity; `action_units` maps AU keys (`12L`, `17`) to 0–5; `gaze` is where
    the eyes look (`facsim.models.head` says in what units). `person_seed` feeds the noise fields that stay with a
    person (moles, freckles, hairs of brows and beard, the run of wrinkles, patterns of cloth), `seed` those of the
    moment (how hair falls, backdrop, grain); `mirrored` flips all of them.
    """

    identity: Any
    action_units: Mapping[str, float] = field(default_factory=dict)
    gaze: tuple[float, float] = (0.0, 0.0)
    skin: Skin = field(default_factory=Skin)
    beard: Beard = field(default_factory=Beard)
    eyes: Eyes = field(default_factory=Eyes)
    brows: Brows = field(default_factory=Brows)
    mouth: Mouth = field(default_factory=Mouth)
    make_up: MakeUp = field(default_factory=MakeUp)
    hair: Hair = field(default_factory=Hair)
    garment: Garment = field(default_factory=Garment)
    worn: Worn = field(default_factory=Worn)
    light: Light = field(default_factory=Light)
    camera: Camera = field(default_factory=Camera)
    background: Background = field(default_factory=Background)
    sensor: Sensor = field(default_factory=Sensor)
    person_seed: int = 0
    seed: int = 0
    mirrored: bool = False


def mirror_scene(scene: Scene) -> Scene:
    """The scene whose picture is `scene`'s flipped left to right, for a head that is symmetric itself."""
    camera = replace(
        scene.camera,
        yaw_deg=-scene.camera.yaw_deg,
        roll_deg=-scene.camera.roll_deg,
        shift_x=-scene.camera.shift_x,
    )
    return replace(
        scene,
        camera=camera,
        light=_mirror_light(scene.light),
        hair=replace(scene.hair, parting=-scene.hair.parting),
        worn=mirror_worn(scene.worn),
        action_units={mirrored_key(key): value for key, value in scene.action_units.items()},
        gaze=(-scene.gaze[0], scene.gaze[1]),
        mirrored=not scene.mirrored,
    )


def _mirror_light(light: Light) -> Light:
    lamps = [replace(lamp, azimuth_deg=-lamp.azimuth_deg) for lamp in (light.key, light.fill, light.rim)]
    ambient = replace(light.ambient, left=light.ambient.right, right=light.ambient.left)
    return replace(light, key=lamps[0], fill=lamps[1], rim=lamps[2], ambient=ambient)

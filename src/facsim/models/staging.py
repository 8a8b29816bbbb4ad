"""Scenes at random: light and backdrop that go together; with a person and a domain's camera they make a whole
scene."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from facsim.errors import FacsimError, hint_nearest
from facsim.models.appearance import Colour
from facsim.models.camera import Camera
from facsim.models.casting import Person
from facsim.models.domains import find_domain
from facsim.models.identity import Identity
from facsim.models.scene import Ambient, Background, Lamp, Light, Scene
from facsim.models.vectors import clamp
from facsim.models.wardrobe import sample_occluder

__all__ = ["LIGHT_KINDS", "sample_light", "sample_scene", "white_light"]


def sample_scene(
    generator: np.random.Generator,
    *,
    identity: Identity,
    action_units: Mapping[str, float],
    person: Person,
    gaze: tuple[float, float] | None = None,
    domain: str = "open",
    occluders: float = 0.0,
) -> Scene:
    """A plausible scene of this head and person showing these AUs, everything else drawn from `generator`.

    `gaze` is (yaw_deg to the subject's left, pitch_deg up) in the head; None lets the eyes look mostly into the
    camera. `domain` is a name of `facsim.models.domains.DOMAINS`; `occluders` is the share of scenes with something
    before the face.
    """
    look = find_domain(domain)
    camera = look.camera(generator)
    light, background = sample_light(generator, kind=_choose_light(generator, look.lights))
    scene = Scene(
        identity=identity,
        action_units=dict(action_units),
        gaze=_sample_gaze(generator, camera) if gaze is None else gaze,
        skin=person.skin,
        beard=person.beard,
        eyes=person.eyes,
        brows=person.brows,
        mouth=person.mouth,
        make_up=person.make_up,
        hair=person.hair,
        garment=person.garment,
        worn=person.worn,
        person_seed=person.person_seed,
        light=light,
        camera=camera,
        background=background,
        sensor=look.sensor(generator),
        seed=int(generator.integers(2**31)),
    )
    if generator.random() >= occluders:
        return scene
    return replace(scene, worn=replace(scene.worn, occluder=sample_occluder(generator)))


def _uniform(generator: np.random.Generator, low: float, high: float) -> float:
    return float(generator.uniform(low, high))


def _sample_gaze(generator: np.random.Generator, camera: Camera) -> tuple[float, float]:
    kind = generator.random()
    if kind < 0.68:
        yaw, pitch, spread = -camera.yaw_deg, -camera.pitch_deg, 2.0
    elif kind < 0.9:
        yaw, pitch, spread = 0.0, 0.0, 10.0
    else:  # at something held or read
        yaw, pitch, spread = 0.0, -14.0, 6.0
    return (
        clamp(yaw + generator.normal(0.0, spread), -28.0, 28.0),
        clamp(pitch + generator.normal(0.0, 0.7 * spread), -24.0, 16.0),
    )


def white_light(kelvin: float) -> np.ndarray:
    """(3,) linear colour, of luminance 1, that a black body of 2500 to 10000 K leaves after a camera's automatic
    white balance.

    The slopes are a fit by eye to Planck's law; balance takes away nearly two thirds of the cast.
    """
    t = 0.38 * np.log(kelvin / 5800.0)
    t = 0.5 * t if t > 0.0 else t
    colour = np.array([np.exp(-0.55 * t), 1.0, np.exp(0.85 * t)])
    return colour / (colour @ np.array([0.2126, 0.7152, 0.0722]))


def _paint(level: float, tint: np.ndarray) -> Colour:
    red, green, blue = np.clip(level * tint, 0.0, 12.0)
    return (float(red), float(green), float(blue))


def sample_light(generator: np.random.Generator, *, kind: str | None = None) -> tuple[Light, Background]:
    """A light and the backdrop that it comes with, of one of `LIGHT_KINDS`, or of any by their shares.

    Raises FacsimError for an unknown kind, with the nearest.
    """
    if kind is None:
        shares = np.array([share for share, _ in _LIGHTS.values()])
        kind = LIGHT_KINDS[int(generator.choice(len(shares), p=shares / shares.sum()))]
    if kind not in _LIGHTS:
        raise FacsimError(f'no light is called "{kind}".{hint_nearest(kind, LIGHT_KINDS)}')
    light, background = _LIGHTS[kind][1](generator)
    return replace(light, kind=kind), background


def _choose_light(generator: np.random.Generator, shares: Mapping[str, float] | None) -> str | None:
    if shares is None:
        return None
    weights = np.array(list(shares.values()))
    return list(shares)[int(generator.choice(len(weights), p=weights / weights.sum()))]


def _lamp(
    generator: np.random.Generator,
    azimuths: tuple[float, float],
    elevations: tuple[float, float],
    colour: Colour,
    softness: float,
) -> Lamp:
    """A lamp on either side, within these bounds of azimuth (from the camera) and elevation, in degrees."""
    side = float(generator.choice([-1.0, 1.0]))
    return Lamp(
        azimuth_deg=side * _uniform(generator, *azimuths),
        elevation_deg=_uniform(generator, *elevations),
        colour=colour,
        softness=softness,
    )


def _surround(generator: np.random.Generator, level: float, tint: np.ndarray, *, above: float, below: float) -> Ambient:
    """Light of about `level` from all sides, uneven between them; `above` and `below` are factors."""
    sides = level * np.exp(generator.normal(0.0, 0.35, 4))
    warm = np.array([1.08, 1.0, 0.9])
    return Ambient(
        above=_paint(level * above, tint),
        below=_paint(level * below, tint * warm),
        left=_paint(sides[0], tint),
        right=_paint(sides[1], tint),
        front=_paint(sides[2], tint),
        behind=_paint(sides[3], tint),
    )


def _no_lamp() -> Lamp:
    return Lamp(azimuth_deg=180.0, elevation_deg=30.0, colour=(0.0, 0.0, 0.0), softness=0.3)


def _backdrop(generator: np.random.Generator, kind: str, level: float, tint: np.ndarray) -> Background:
    near = np.exp(generator.normal(0.0, 0.16, 3)) * tint
    far = np.exp(generator.normal(0.0, 0.16, 3)) * tint
    return Background(
        kind=kind,
        near=_paint(level * _uniform(generator, 0.7, 1.3), near),
        far=_paint(level * _uniform(generator, 0.3, 0.9), far),
        contrast=_uniform(generator, 0.2, 1.0),
        scale=_uniform(generator, 0.12, 0.5),
    )


def _overcast(generator: np.random.Generator) -> tuple[Light, Background]:
    tint = white_light(_uniform(generator, 5800, 8000))
    level = _uniform(generator, 0.55, 0.8)
    key = _lamp(
        generator,
        (0.0, 50.0),
        (35.0, 70.0),
        _paint(_uniform(generator, 0.7, 1.5), tint),
        _uniform(generator, 0.35, 0.7),
    )
    above, below = _uniform(generator, 1.2, 1.9), _uniform(generator, 0.3, 0.6)
    ambient = _surround(generator, level, tint, above=above, below=below)
    light = Light(key=key, fill=_no_lamp(), rim=_no_lamp(), ambient=ambient)
    green = np.array([0.75, 1.0, 0.5])
    kind = str(generator.choice(["foliage", "bokeh", "room", "gradient"], p=[0.4, 0.2, 0.2, 0.2]))
    return light, _backdrop(
        generator, kind, _uniform(generator, 0.15, 0.8), green * tint if kind == "foliage" else tint
    )


def _window(generator: np.random.Generator) -> tuple[Light, Background]:
    tint, inside = white_light(_uniform(generator, 5000, 7500)), white_light(_uniform(generator, 3200, 5500))
    key = _lamp(
        generator,
        (25.0, 80.0),
        (0.0, 35.0),
        _paint(_uniform(generator, 1.6, 3.2), tint),
        _uniform(generator, 0.15, 0.4),
    )
    level = _uniform(generator, 0.2, 0.45)
    ambient = _surround(generator, level, inside, above=1.1, below=_uniform(generator, 0.4, 0.9))
    light = Light(key=key, fill=_no_lamp(), rim=_no_lamp(), ambient=ambient)
    return light, _backdrop(
        generator, "room" if generator.random() < 0.7 else "gradient", _uniform(generator, 0.08, 0.6), inside
    )


def _studio(generator: np.random.Generator) -> tuple[Light, Background]:
    tint = white_light(_uniform(generator, 4800, 6200))
    strong = _uniform(generator, 1.6, 2.8)
    key = _lamp(generator, (5.0, 50.0), (10.0, 45.0), _paint(strong, tint), _uniform(generator, 0.12, 0.35))
    fill = _lamp(generator, (20.0, 70.0), (-10.0, 25.0), _paint(strong * _uniform(generator, 0.1, 0.6), tint), 0.4)
    rim = _lamp(
        generator, (120.0, 165.0), (10.0, 50.0), _paint(strong * float(generator.choice([0.0, 0.6, 1.3])), tint), 0.2
    )
    ambient = _surround(generator, _uniform(generator, 0.2, 0.45), tint, above=1.1, below=_uniform(generator, 0.5, 0.9))
    level = float(generator.choice([0.01, 0.06, 0.25, 0.6, 1.4], p=[0.15, 0.15, 0.2, 0.2, 0.3]))
    kind = "plain" if generator.random() < 0.5 else "gradient"
    return Light(key=key, fill=fill, rim=rim, ambient=ambient), _backdrop(generator, kind, level, tint)


def _overhead(generator: np.random.Generator) -> tuple[Light, Background]:
    tint = white_light(_uniform(generator, 2900, 5000))
    key = _lamp(
        generator,
        (0.0, 60.0),
        (50.0, 72.0),
        _paint(_uniform(generator, 1.4, 2.4), tint),
        _uniform(generator, 0.1, 0.35),
    )
    ambient = _surround(generator, _uniform(generator, 0.3, 0.5), tint, above=1.3, below=_uniform(generator, 0.5, 0.9))
    kind = str(generator.choice(["room", "bokeh", "gradient"], p=[0.55, 0.25, 0.2]))
    return Light(key=key, fill=_no_lamp(), rim=_no_lamp(), ambient=ambient), _backdrop(
        generator, kind, _uniform(generator, 0.05, 0.6), tint
    )


def _flash(generator: np.random.Generator) -> tuple[Light, Background]:
    tint, inside = white_light(_uniform(generator, 5500, 6500)), white_light(_uniform(generator, 2800, 4200))
    key = _lamp(
        generator, (0.0, 8.0), (2.0, 14.0), _paint(_uniform(generator, 1.8, 3.0), tint), _uniform(generator, 0.03, 0.08)
    )
    ambient = _surround(generator, _uniform(generator, 0.1, 0.25), inside, above=1.3, below=0.6)
    kind = str(generator.choice(["room", "bokeh", "gradient"]))
    return Light(key=key, fill=_no_lamp(), rim=_no_lamp(), ambient=ambient), _backdrop(
        generator, kind, _uniform(generator, 0.02, 0.2), inside
    )


def _sun(generator: np.random.Generator) -> tuple[Light, Background]:
    tint, sky = white_light(_uniform(generator, 4300, 5600)), white_light(_uniform(generator, 7500, 10000))
    key = _lamp(
        generator,
        (10.0, 75.0),
        (20.0, 60.0),
        _paint(_uniform(generator, 2.4, 3.6), tint),
        _uniform(generator, 0.03, 0.07),
    )
    ambient = _surround(generator, _uniform(generator, 0.4, 0.7), sky, above=1.5, below=_uniform(generator, 0.6, 1.2))
    kind = str(generator.choice(["foliage", "gradient", "room", "bokeh"]))
    green = np.array([0.8, 1.0, 0.45])
    return Light(key=key, fill=_no_lamp(), rim=_no_lamp(), ambient=ambient), _backdrop(
        generator, kind, _uniform(generator, 0.2, 1.0), green if kind == "foliage" else sky
    )


def _low_key(generator: np.random.Generator) -> tuple[Light, Background]:
    tint = white_light(_uniform(generator, 2800, 6500))
    key = _lamp(
        generator,
        (30.0, 95.0),
        (0.0, 45.0),
        _paint(_uniform(generator, 2.0, 3.4), tint),
        _uniform(generator, 0.05, 0.25),
    )
    rim = _lamp(
        generator, (110.0, 160.0), (10.0, 45.0), _paint(float(generator.choice([0.0, 1.5])), white_light(6500)), 0.15
    )
    ambient = _surround(generator, _uniform(generator, 0.05, 0.15), tint, above=1.1, below=0.7)
    return Light(key=key, fill=_no_lamp(), rim=rim, ambient=ambient), _backdrop(
        generator, "gradient", _uniform(generator, 0.002, 0.05), tint
    )


def _against(generator: np.random.Generator) -> tuple[Light, Background]:
    tint = white_light(_uniform(generator, 5000, 7500))
    key = _lamp(generator, (0.0, 60.0), (10.0, 50.0), _paint(_uniform(generator, 0.5, 1.0), tint), 0.6)
    rim = _lamp(generator, (120.0, 170.0), (20.0, 55.0), _paint(_uniform(generator, 1.5, 3.5), white_light(4800)), 0.08)
    ambient = _surround(generator, _uniform(generator, 0.45, 0.7), tint, above=1.3, below=_uniform(generator, 0.4, 0.8))
    kind = str(generator.choice(["foliage", "bokeh", "gradient", "room"]))
    return Light(key=key, fill=_no_lamp(), rim=rim, ambient=ambient), _backdrop(
        generator, kind, _uniform(generator, 0.8, 2.0), tint
    )


_LIGHTS: Mapping[str, tuple[float, Callable[[np.random.Generator], tuple[Light, Background]]]] = {
    "overcast": (0.20, _overcast),
    "window": (0.20, _window),
    "studio": (0.20, _studio),
    "overhead": (0.12, _overhead),
    "flash": (0.08, _flash),
    "sun": (0.10, _sun),
    "low key": (0.06, _low_key),
    "against the light": (0.04, _against),
}
LIGHT_KINDS: tuple[str, ...] = tuple(_LIGHTS)
"""Lights that `sample_light` knows, each with backdrops of its own."""

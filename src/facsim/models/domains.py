"""Domains: what kind of picture a scene is to look like, as distributions of pose, framing, light and camera.

    scene = sample_scene(generator, identity=identity, action_units={}, person=person, domain="fer2013")

`open` is broad on purpose; `studio` and `web` are our idea of a laboratory's set and of faces cut from web pages, not
fitted to anything. `fer2013` is fitted: to the framing, pose, grey levels and sharpness of FER2013's training split
(Goodfellow et al., 2013), less the cut that choices are made on; its hands, watermarks and turned heads came of looking
at photographs of the whole split, the cut's included. Pictures drawn for it have seen no photograph, but
photographs stood behind their statistics: say so in the card of what is trained on them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from facsim.errors import FacsimError, hint_nearest
from facsim.models.camera import Camera
from facsim.models.scene import Sensor
from facsim.models.vectors import clamp

__all__ = ["DOMAINS", "Domain", "find_domain"]


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A kind of picture.

    `camera` and `sensor` draw theirs from a generator, `lights` are shares of `facsim.models.staging.LIGHT_KINDS` (none
    given: the usual ones), `hands` in what share of the pictures a hand is laid on the face where the prototype has one
    (`facsim.variants.Variant`), `fitted_on` says which photographs' statistics were used, if any.
    """

    meaning: str
    camera: Callable[[np.random.Generator], Camera]
    sensor: Callable[[np.random.Generator], Sensor]
    lights: Mapping[str, float] | None = None
    hands: float = 1.0
    fitted_on: str | None = None


def find_domain(name: str) -> Domain:
    """The domain of this name. Raises FacsimError for an unknown one, with the nearest."""
    if name not in DOMAINS:
        raise FacsimError(f'no domain is called "{name}".{hint_nearest(name, DOMAINS)}')
    return DOMAINS[name]


def _uniform(generator: np.random.Generator, low: float, high: float) -> float:
    return float(generator.uniform(low, high))


def _normal(generator: np.random.Generator, mean: float, spread: float, *, most: float) -> float:
    """A normal number, drawn in to within `most` of 0."""
    return clamp(generator.normal(mean, spread), -most, most)


def _tailed(generator: np.random.Generator, spread: float, wide: float, *, share: float, most: float) -> float:
    """A number about 0: normal of deviation `spread`, in `share` of the cases of deviation `wide`; within `most`."""
    return _normal(generator, 0.0, wide if generator.random() < share else spread, most=most)


def _distance(generator: np.random.Generator) -> float:
    """From a selfie's half metre to a long lens's two, dm."""
    return float(np.exp(_uniform(generator, np.log(5.0), np.log(22.0))))


def _open_camera(generator: np.random.Generator) -> Camera:
    """Mostly frontal: yaw of 11 deg deviation with a tenth out to 35, pitch 7, roll 6; framed from brows-to-chin to
    the collar."""
    turned = generator.random() < 0.12
    yaw = (
        _uniform(generator, 18.0, 35.0) * generator.choice([-1.0, 1.0])
        if turned
        else _normal(generator, 0.0, 10.0, most=26.0)
    )
    return Camera(
        yaw_deg=float(yaw),
        pitch_deg=_normal(generator, -1.0, 7.0, most=20.0),
        roll_deg=_normal(generator, 0.0, 6.0, most=20.0),
        torso_follow=_uniform(generator, 0.0, 0.9),
        distance_dm=_distance(generator),
        crop_scale=clamp(generator.normal(1.17, 0.11), 1.0, 1.6),
        shift_x=_normal(generator, 0.0, 0.025, most=0.08),
        shift_y=clamp(generator.normal(0.055, 0.03), -0.04, 0.13),
    )


def _open_sensor(generator: np.random.Generator) -> Sensor:
    """A camera of any decade: sharp or soft, clean or noisy, stored well or badly, sometimes grey or blown up from a
    small picture."""
    poor = generator.random() < 0.25
    return Sensor(
        exposure_ev=_normal(generator, 0.2, 0.45, most=1.2),
        metering=_uniform(generator, 0.5, 0.95),
        contrast=clamp(generator.normal(1.28, 0.22), 0.75, 1.9),
        saturation=clamp(generator.normal(1.05, 0.13), 0.55, 1.4),
        white_balance=_balance(generator, 1.0),
        vignetting=_uniform(generator, 0.0, 0.35),
        blur=_uniform(generator, 0.004, 0.010) if poor else _uniform(generator, 0.001, 0.005),
        noise=_uniform(generator, 0.012, 0.045) if poor else _uniform(generator, 0.002, 0.02),
        jpeg_quality=int(generator.integers(55, 82)) if poor else int(generator.integers(80, 97)),
        resolution=_uniform(generator, 0.5, 0.85) if poor and generator.random() < 0.4 else 1.0,
        sharpening=0.0 if poor else _uniform(generator, 0.0, 0.6),
        grey=bool(generator.random() < 0.05),
    )


def _balance(generator: np.random.Generator, amount: float) -> tuple[float, float, float]:
    """Factors on red, green and blue: what a camera's white balance leaves."""
    red, green, blue = np.exp(amount * generator.normal(0.0, 1.0, 3) * [0.035, 0.012, 0.045])
    return (float(red), float(green), float(blue))


def _studio_camera(generator: np.random.Generator) -> Camera:
    """A chair before a tripod: nearly frontal, head and hair in the picture."""
    return Camera(
        yaw_deg=_normal(generator, 0.0, 3.0, most=9.0),
        pitch_deg=_normal(generator, 0.0, 3.0, most=9.0),
        roll_deg=_normal(generator, 0.0, 2.0, most=6.0),
        torso_follow=0.0,
        distance_dm=_uniform(generator, 10.0, 16.0),
        crop_scale=_uniform(generator, 1.4, 1.6),
        shift_x=_normal(generator, 0.0, 0.01, most=0.03),
        shift_y=_uniform(generator, 0.04, 0.08),
    )


def _studio_sensor(generator: np.random.Generator) -> Sensor:
    return Sensor(
        exposure_ev=_normal(generator, 0.25, 0.12, most=0.6),
        metering=0.9,
        contrast=_uniform(generator, 1.1, 1.3),
        white_balance=_balance(generator, 0.4),
        vignetting=0.0,
        blur=0.001,
        noise=0.002,
        sharpening=_uniform(generator, 0.2, 0.5),
        jpeg_quality=None,
    )


def _web_camera(generator: np.random.Generator) -> Camera:
    """Faces found on web pages and cut out with a margin: any pose that a detector finds, tight to loose."""
    return Camera(
        yaw_deg=_tailed(generator, 12.0, 28.0, share=0.25, most=40.0),
        pitch_deg=_tailed(generator, 7.0, 13.0, share=0.2, most=26.0),
        roll_deg=_tailed(generator, 6.0, 15.0, share=0.15, most=32.0),
        torso_follow=_uniform(generator, 0.0, 0.9),
        distance_dm=_distance(generator),
        crop_scale=clamp(np.exp(generator.normal(np.log(1.3), 0.13)), 1.02, 1.9),
        shift_x=_normal(generator, 0.0, 0.03, most=0.1),
        shift_y=clamp(generator.normal(0.05, 0.035), -0.05, 0.15),
        nose_share=_uniform(generator, 0.0, 0.4),
    )


def _fer2013_camera(generator: np.random.Generator) -> Camera:
    """Framing, scale and pose of FER2013's training split (`benchmarks/gap.py`)."""
    return Camera(
        yaw_deg=_tailed(generator, 9.0, 26.0, share=0.35, most=50.0),
        pitch_deg=_tailed(generator, 9.0, 15.0, share=0.28, most=34.0),
        roll_deg=_tailed(generator, 5.5, 17.0, share=0.33, most=45.0),
        torso_follow=_uniform(generator, 0.0, 0.9),
        distance_dm=_distance(generator),
        crop_scale=clamp(1.165 * np.exp(_tailed(generator, 0.1, 0.25, share=0.2, most=0.6)), 0.8, 2.2),
        shift_x=_tailed(generator, 0.03, 0.09, share=0.2, most=0.2),
        shift_y=0.12 + _tailed(generator, 0.035, 0.08, share=0.2, most=0.2),
        nose_share=0.39,
    )


def _fer2013_sensor(generator: np.random.Generator) -> Sensor:
    """Its grey levels and sharpness: 48 px, grey, crisp, often hard in contrast."""
    poor = generator.random() < 0.1
    return Sensor(
        exposure_ev=_normal(generator, 0.5, 0.5, most=1.5),
        metering=_uniform(generator, 0.5, 0.95),
        contrast=clamp(generator.normal(1.33, 0.25), 0.8, 2.0),
        saturation=1.0,
        vignetting=_uniform(generator, 0.0, 0.3),
        blur=_uniform(generator, 0.004, 0.012) if poor else _uniform(generator, 0.0, 0.003),
        noise=_uniform(generator, 0.002, 0.03),
        jpeg_quality=int(generator.integers(55, 97)),
        resolution=1.0,
        sharpening=_uniform(generator, 0.0, 0.85),
        watermark=_uniform(generator, 0.1, 0.7) if generator.random() < 0.15 else 0.0,
        grey=True,
    )


DOMAINS: Mapping[str, Domain] = {
    "open": Domain(
        meaning="broad: mostly frontal faces in any light, by any camera",
        camera=_open_camera,
        sensor=_open_sensor,
        hands=0.4,
    ),
    "studio": Domain(
        meaning="a laboratory's set: frontal, even light, plain backdrop, a good camera",
        camera=_studio_camera,
        sensor=_studio_sensor,
        lights={"studio": 1.0},
        hands=0.0,
    ),
    "web": Domain(
        meaning="faces cut from web pages, as AffectNet's: any pose and framing, colour, stored well or badly",
        camera=_web_camera,
        sensor=_open_sensor,
    ),
    "fer2013": Domain(
        meaning="FER2013: grey, small, crisp, cut from forehead to chin",
        camera=_fer2013_camera,
        sensor=_fer2013_sensor,
        fitted_on="FER2013's training split",
    ),
}
"""What a recipe may name."""

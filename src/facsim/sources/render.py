"""Render: a drawn head for every planned sample, and everything that is known about it by construction.

The person comes from the identity's own generator, so that pictures of one identity share the face; action units from
the prototypes of the expression asked for; pose, light, background and camera from the sample's generator. The
picture of a sample depends on its planned row and the stage's settings alone.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from facsim.coding import lateral_intensities, parse_coding
from facsim.errors import FacsimError, RecipeError, hint_nearest
from facsim.label_maps import MAP_NAMES
from facsim.models.camera import Camera
from facsim.models.casting import Person, sample_person
from facsim.models.domains import DOMAINS, find_domain
from facsim.models.drawing import Drawing, draw
from facsim.models.identity import Identity, sample_identity
from facsim.models.scene import Scene
from facsim.models.scene_settings import check_settings, set_scene
from facsim.models.staging import sample_scene
from facsim.models.vectors import clamp
from facsim.models.wardrobe import sample_occluder
from facsim.models.worn import Worn
from facsim.pictures import encode_picture, encoding_for
from facsim.prototypes import PrototypeSample
from facsim.sample import Sample, generator_for
from facsim.sources.codings import check_coding, draw_coding, table_of
from facsim.sources.scene_labels import LABEL_COLUMNS, label_drawing, map_arrays, map_columns
from facsim.stage import Determinism, Resources, Row, Work

__all__ = ["PersonKey", "Render", "Rendered", "cast_person", "compose_scene", "render"]

_MAX_YAW, _MAX_PITCH = 50.0, 34.0  # of faces found in FER2013, 99 % lie within each (docs/results.md)


@dataclass(frozen=True, kw_only=True)
class Render:
    """Draw each planned sample.

    size_px: side of the picture. coding: where action units are drawn from, a name of `facsim.sources.codings.CODINGS`:
    `shown` as people show expressions, `literature` as it has them, `scattered` any units at all, `measured` as they
    were found in FER2013's training split; or the path of such a table (`facsim.measured`). intensity, pose:
    factors on the action units' intensities and on the head's turn (1 is as drawn from prototypes and poses). variety:
    how far draws from the prototypes roam (0: everybody shows the middle of every draw). grey: one grey level in all
    three channels. domain: what kind of pictures they are to look like, a name of `facsim.models.domains.DOMAINS`.
    occluders: share of pictures with something before the face, such as a hand or a mask (glasses and headwear belong
    to people). hands: factor on the share in which people put a hand to the face with an expression (`facsim.variants`;
    a domain has a factor too). scene: what parameters of the scene shall be, by path (docs/scene.md): a value, a list
    of choices or a range, `"hair.curl" = 0.8`. extra: maps to write beside the picture, of `depth`, `normals` and
    `parts` (facsim.label_maps).
    """

    size_px: int = 112
    domain: str = "open"
    coding: str = "shown"
    intensity: float = 1.0
    pose: float = 1.0
    variety: float = 1.0
    grey: bool = False
    occluders: float = 0.04
    hands: float = 1.0
    scene: Mapping[str, Any] = field(default_factory=dict, hash=False)
    extra: tuple[str, ...] = ()

    name: ClassVar[str] = "render"
    version: ClassVar[int] = 4
    mirrors: ClassVar[bool] = False
    determinism: ClassVar[Determinism] = Determinism()
    reads: ClassVar[tuple[str, ...]] = (
        *("expression_target", "identity_id", "apparent_age_years"),
        *("apparent_gender", "apparent_ancestry", "skin_tone_monk"),
    )
    resources: ClassVar[Resources] = Resources(batch=64, memory_mb=1024)

    def __post_init__(self) -> None:
        if not 16 <= self.size_px <= 1024:
            raise RecipeError(f"render.size_px is {self.size_px}; expected 16 to 1024")
        if not 0 <= self.intensity <= 2 or not 0 <= self.pose <= 2:
            raise RecipeError(f"render.intensity is {self.intensity:g}, render.pose {self.pose:g}; expected 0 to 2")
        if not 0 <= self.variety <= 1:
            raise RecipeError(f"render.variety is {self.variety:g}; expected 0 (all alike) to 1")
        if self.domain not in DOMAINS:
            raise RecipeError(f'render.domain is "{self.domain}".{hint_nearest(self.domain, DOMAINS)}')
        check_coding(self.coding, "render.coding")
        if not 0 <= self.occluders <= 1:
            raise RecipeError(f"render.occluders is {self.occluders:g}; expected a share, 0 to 1")
        if not 0 <= self.hands <= 2:
            raise RecipeError(f"render.hands is {self.hands:g}; expected a factor, 0 (never) to 2")
        object.__setattr__(self, "scene", check_settings(self.scene, place="render.scene"))
        _check_maps(self.extra, "render.extra")

    @property
    def writes(self) -> tuple[str, ...]:
        """The picture, its labels and the maps asked for."""
        return ("image", "width_px", "height_px", "prototype", *LABEL_COLUMNS, *self.extra)

    @property
    def weights(self) -> tuple[str, ...]:
        """The version of the package whose mesh and targets are drawn, and the photographs that the domain and the
        codings were fitted to, if any: who trains on the pictures has to say so."""
        fitted, table = find_domain(self.domain).fitted_on, table_of(self.coding)
        behind = (f"domain {self.domain}, fitted to statistics of {fitted}",) if fitted else ()
        shown = (f"codings {table.sha256[:16]}, fitted to statistics of {table.fitted_on}",) if table else ()
        return (f"anny {importlib.metadata.version('anny')}", *behind, *shown)

    def open(self, device: str) -> Work:
        """The renderer on a Warp device, `cpu` or `cuda:0`."""
        return lambda samples: self._rows(samples, device)

    def _rows(self, samples: Sequence[Sample], device: str) -> list[Row]:
        prototypes = [_drawn_units(sample, self.coding, self.variety) for sample in samples]
        scenes = [self._scene(sample, drawn) for sample, drawn in zip(samples, prototypes, strict=True)]
        drawings = draw(scenes, size_px=self.size_px, device=device, surfaces=_needs_surfaces(self.extra))
        return [
            {
                **_picture_columns(sample.sample_id, drawing),
                "prototype": drawn.variant,
                **label_drawing(scene, drawing),
                **map_columns(sample.sample_id, drawing, self.extra),
            }
            for sample, drawn, scene, drawing in zip(samples, prototypes, scenes, drawings, strict=True)
        ]

    def _scene(self, sample: Sample, drawn: PrototypeSample) -> Scene:
        identity, person = cast_person(_person_key(sample))
        units = {key: min(value * self.intensity, 5.0) for key, value in drawn.coding.items()}
        generator = generator_for(sample.sample_id, "render/scene")
        scene = sample_scene(
            generator,
            identity=identity,
            action_units=units,
            person=person,
            domain=self.domain,
            occluders=self.occluders,
        )
        camera = _posed(scene.camera, drawn, self.pose)
        gaze = (
            clamp(scene.gaze[0] + drawn.gaze_yaw_deg, -30.0, 30.0),
            clamp(scene.gaze[1] + drawn.gaze_pitch_deg, -24.0, 18.0),
        )
        sensor = replace(scene.sensor, grey=scene.sensor.grey or self.grey)
        worn = _lay_hand(scene.worn, drawn.hand, sample, find_domain(self.domain).hands * self.hands)
        scene = replace(scene, camera=camera, gaze=gaze, sensor=sensor, worn=worn)
        return set_scene(scene, self.scene, sample=sample.sample_id, person=sample["identity_id"])


@dataclass(frozen=True, kw_only=True)
class PersonKey:
    """What a person is drawn from: equal keys are the same person. `gender` is feminine or masculine, `ancestry` the
    weights of African, Asian and European targets, `tone` a Monk tone."""

    identity_id: str
    age_years: float
    gender: str
    ancestry: tuple[float, float, float]
    tone: int


def _person_key(sample: Sample) -> PersonKey:
    african, asian, european = (float(weight) for weight in sample["apparent_ancestry"])
    return PersonKey(
        identity_id=sample["identity_id"],
        age_years=float(sample["apparent_age_years"]),
        gender=sample["apparent_gender"],
        ancestry=(african, asian, european),
        tone=int(sample["skin_tone_monk"]),
    )


@lru_cache(maxsize=64)
def cast_person(key: PersonKey) -> tuple[Identity, Person]:
    """Who the identity is: the same for all of its pictures. Apparent gender spreads a little within its half."""
    generator = generator_for(key.identity_id, "render/person")
    gender = abs(float(key.gender == "masculine") - 0.3 * float(generator.beta(1.2, 3.0)))
    identity = sample_identity(generator, age_years=key.age_years, gender=gender, ancestry=key.ancestry)
    return identity, sample_person(generator, identity, skin_tone_monk=key.tone)


def _drawn_units(sample: Sample, coding: str, variety: float) -> PrototypeSample:
    generator = generator_for(sample.sample_id, "render/prototype")
    return draw_coding(coding, sample["expression_target"], generator, variety=variety)


def _posed(camera: Camera, drawn: PrototypeSample, factor: float) -> Camera:
    """The camera with the prototype's turn of the head added, within what the face can still be read at."""
    return replace(
        camera,
        yaw_deg=clamp((camera.yaw_deg + drawn.head_yaw_deg) * factor, -_MAX_YAW, _MAX_YAW),
        pitch_deg=clamp((camera.pitch_deg + drawn.head_pitch_deg) * factor, -_MAX_PITCH, _MAX_PITCH),
        roll_deg=camera.roll_deg * factor,
    )


def _lay_hand(worn: Worn, hand: str, sample: Sample, share: float) -> Worn:
    """What is worn, with the prototype's hand before the face in this share of the pictures that have one."""
    generator = generator_for(sample.sample_id, "render/hand")
    if hand == "none" or worn.occluder.kind != "none" or generator.random() >= share:
        return worn
    return replace(worn, occluder=sample_occluder(generator, kind=hand))


def _picture_columns(sample_id: str, drawing: Drawing) -> dict[str, Any]:
    height, width = drawing.picture.shape[:2]
    name = f"{sample_id}.{encoding_for(width, height).kind}"
    return {
        "image": {"bytes": encode_picture(drawing.picture), "path": name},
        "width_px": width,
        "height_px": height,
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Rendered:
    """One picture, uint8 (S, S, 3) hwc sRGB, its labels by column name (`facsim.columns`), and the maps asked for
    (`facsim.label_maps`): `depth` float32 (S, S) millimetres, infinite where nothing is; `normals` float32 (S, S, 3);
    `parts` uint8 (S, S)."""

    picture: NDArray[np.uint8]
    labels: Mapping[str, Any]
    maps: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def render(
    action_units: str | Mapping[str, float] = "0",
    *,
    apparent_age_years: float = 30.0,
    apparent_gender: str = "feminine",
    apparent_ancestry: tuple[float, float, float] = (0.2, 0.3, 0.5),
    skin_tone_monk: int = 4,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    roll_deg: float = 0.0,
    scene: Mapping[str, Any] | None = None,
    extra: tuple[str, ...] = (),
    size_px: int = 224,
    seed: int = 0,
    device: str = "cpu",
) -> Rendered:
    """One face showing these action units: `render("6+12D", apparent_age_years=60, skin_tone_monk=8, yaw_deg=20)`.

    `action_units` is text (`facsim.coding`) or intensities by code or key; `seed` chooses the person, the light and
    all else that is not given; `scene` sets parameters of the scene by path, as a recipe does (`Render.scene`), and
    `extra` asks for maps (`Rendered`). The eyes look into the camera. Raises FacsimError for what the head cannot show.
    """
    settings = check_settings(scene or {})
    _check_maps(extra, "extra")
    _check_looks(apparent_age_years, apparent_gender, skin_tone_monk)
    coding = parse_coding(action_units) if isinstance(action_units, str) else lateral_intensities(action_units)
    key = PersonKey(
        identity_id=f"render/{seed}",
        age_years=apparent_age_years,
        gender=apparent_gender,
        ancestry=apparent_ancestry,
        tone=skin_tone_monk,
    )
    composed = compose_scene(key, coding, pose_deg=(yaw_deg, pitch_deg, roll_deg), seed=seed)
    made = set_scene(composed, settings, sample=key.identity_id, person=key.identity_id)
    drawing = draw([made], size_px=size_px, device=device, surfaces=_needs_surfaces(extra))[0]
    labels = {**_person_labels(key), **label_drawing(made, drawing)}
    return Rendered(picture=drawing.picture, labels=labels, maps=map_arrays(drawing, extra))


def _person_labels(key: PersonKey) -> dict[str, Any]:
    """What a plan's columns say in a run."""
    return {
        "apparent_age_years": key.age_years,
        "apparent_gender": key.gender,
        "apparent_ancestry": list(key.ancestry),
        "skin_tone_monk": key.tone,
    }


def _check_maps(names: tuple[str, ...], place: str) -> None:
    for name in names:
        if name not in MAP_NAMES:
            raise RecipeError(f'{place} asks for "{name}", which is no map.{hint_nearest(name, MAP_NAMES)}')
    if len(set(names)) < len(names):
        raise RecipeError(f"{place} is {list(names)}; name each map once")


def _needs_surfaces(maps: tuple[str, ...]) -> bool:
    return "depth" in maps or "normals" in maps


def compose_scene(
    key: PersonKey, coding: Mapping[str, float], *, pose_deg: tuple[float, float, float], seed: int
) -> Scene:
    """The scene that `render` draws: this person showing this coding (by key), turned by yaw, pitch and roll, with the
    eyes on the camera; light, background and camera are `seed`'s."""
    identity, person = cast_person(key)
    yaw_deg, pitch_deg, roll_deg = pose_deg
    gaze = (clamp(-yaw_deg, -30, 30), clamp(-pitch_deg, -24, 18))
    generator = generator_for(f"render/{seed}", "render/scene")
    scene = sample_scene(generator, identity=identity, action_units=coding, person=person, gaze=gaze)
    camera = replace(
        scene.camera, yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=roll_deg, crop_scale=1.45, shift_x=0.0
    )
    return replace(scene, camera=camera)


def _check_looks(age_years: float, gender: str, tone: int) -> None:
    if not 3 <= age_years <= 90:
        raise FacsimError(f"apparent_age_years is {age_years:g}; expected 3 to 90")
    if gender not in ("feminine", "masculine"):
        raise FacsimError(f'apparent_gender is "{gender}".{hint_nearest(gender, ("feminine", "masculine"))}')
    if not 1 <= tone <= 10:
        raise FacsimError(f"skin_tone_monk is {tone}; expected 1 (lightest) to 10 (darkest)")

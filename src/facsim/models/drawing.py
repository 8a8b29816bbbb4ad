"""Pictures from scenes: posed heads placed, seen, lit, exposed, and what is known about each picture by construction.

    drawings = draw([scene, other], size_px=112)

On a CPU the bits of a picture depend on its scene and `size_px` alone: not on what else is in the batch, nor on the
process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facsim.models.appearance import individual_typology_angle
from facsim.models.camera import place_head, project_points
from facsim.models.scene import Scene
from facsim.models.sitting import Sitting, sit_for
from facsim.models.surfaces import Geometry, Surfaces, trace_surfaces

if TYPE_CHECKING:
    from facsim.models.exposure import Exposure
from facsim.models.visibility import Sight, find_points, see_points

__all__ = ["BATCH_SIZE", "GPU_BATCH_SIZE", "Drawing", "batch_size_for", "draw"]

BATCH_SIZE = 16
"""Pictures drawn together on a CPU; larger lists are cut up, which bounds the memory."""

GPU_BATCH_SIZE = 64
"""Pictures drawn together on a GPU, which a few do not fill."""

_LIFTS_DM = np.append(np.zeros(68), [0.1, 0.1, 0.0, 0.0, 0.0])
"""How far what is seen stands before each of the 68 landmarks and then the five: an eyeball's front before the middle
of the eye's corners."""

_FACE = 1
"""`DRAWN_PARTS.index("skin")`, repeated because that module loads Warp; a test compares them."""

_LUMA = np.array([0.299, 0.587, 0.114])

_METER_TARGET = 0.21
"""Linear light that the meter wants on a face of light skin: a light grey (about 0.5 in sRGB)."""

_METER_ALBEDO = 0.36
"""Luminance of the skin albedo that this is for; darker skin is left darker, by the power below (our choice: as dark as
it must be for eyes and teeth not to glare, and as light as it may be then)."""

_METER_POWER = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """A picture and the truth about it. Left and right are the subject's; pixel i covers [i, i + 1)."""

    picture: NDArray[np.uint8]
    """(S, S, 3) hwc sRGB."""
    parts: NDArray[np.uint8]
    """(S, S) places in `facsim.models.shading.DRAWN_PARTS`: what the larger part of each pixel shows."""
    landmarks_68_px: NDArray[np.float32]
    """(68, 2) x, y; the usual 68 points (Multi-PIE / iBUG 300-W order)."""
    landmarks_68_visible: NDArray[np.bool_]
    """(68,) inside the picture and not behind something."""
    landmarks_5_visible: NDArray[np.bool_]
    """(5,) likewise; a lid before an eye's middle hides it."""
    occlusion: float
    """Share of the 68 landmarks hidden by something worn or held: not by hair, nor by the face itself."""
    landmarks_5_px: NDArray[np.float32]
    """(5, 2) in the order of `facsim.models.landmarks.landmarks_5`: left and right eye, nose tip, left and right
    mouth corner."""
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    face_box_px: tuple[float, float, float, float]
    """x, y, width, height round the 68 points."""
    face_luminance: float
    """Mean luma of the face's skin, 0–1; 0 where no skin is seen."""
    ita_deg: float
    """Individual typology angle of the skin's albedo (not of the lit picture)."""
    surfaces: Surfaces | None = None
    """Depth and normals, where they were asked for."""


def draw(scenes: Sequence[Scene], *, size_px: int, device: str = "cpu", surfaces: bool = False) -> list[Drawing]:
    """One drawing per scene, in order, with its `surfaces` or without. `device` is Warp's: `"cpu"` or `"cuda:0"`; a
    GPU's pictures differ by rounding."""
    drawings: list[Drawing] = []
    together = batch_size_for(device)
    for start in range(0, len(scenes), together):
        drawings += _draw_batch(scenes[start : start + together], size_px, device, surfaces=surfaces)
    return drawings


def batch_size_for(device: str) -> int:
    """How many pictures are drawn together on a Warp device."""
    return BATCH_SIZE if device == "cpu" else GPU_BATCH_SIZE


def _draw_batch(scenes: Sequence[Scene], size_px: int, device: str, *, surfaces: bool) -> list[Drawing]:
    # imported here: Warp takes a second to load, and reading a scene or a drawing does not need it
    from facsim.models.develop import expose_pictures, finish_picture
    from facsim.models.exposure import expose_sittings
    from facsim.models.studio import open_studio

    studio = open_studio(device)
    sittings = [sit_for(scene, studio.head, studio.shell, size_px=size_px) for scene in scenes]
    exposure = expose_sittings(sittings, studio, size_px=size_px)
    light, parts = exposure.light.numpy(), exposure.parts.numpy()
    gains = np.array([_meter(light[i], parts[i], scene) for i, scene in enumerate(scenes)])
    pictures = expose_pictures(exposure.looks, exposure.light, gains)
    finished = [
        finish_picture(picture, scene.sensor, seed=scene.seed, mirrored=scene.mirrored)
        for picture, scene in zip(pictures, scenes, strict=True)
    ]
    sights = _see_landmarks(sittings, exposure, studio.bare_faces.triangles.shape[0], size_px=size_px)
    drawings = [_describe(sittings[i], finished[i], parts[i], sights[i]) for i in range(len(scenes))]
    return _trace_all(drawings, sittings, exposure) if surfaces else drawings


def _see_landmarks(sittings: Sequence[Sitting], exposure: Exposure, first_worn: int, *, size_px: int) -> list[Sight]:
    """Sight of the 68 and then the five landmarks of every picture."""
    found = [
        find_points(one, np.concatenate([one.landmarks, one.five]), size_px=size_px, lift=_LIFTS_DM) for one in sittings
    ]
    seen = exposure.read_samples(np.stack([one.samples for one in found]))
    return [see_points(sittings[i], found[i], seen[i], first_worn) for i in range(len(sittings))]


def _trace_all(drawings: Sequence[Drawing], sittings: Sequence[Sitting], exposure: Exposure) -> list[Drawing]:
    """The drawings with their surfaces."""
    from facsim.models.shading import DRAWN_PARTS

    mesh, visible = exposure.mesh, exposure.visible.numpy()
    triangles, parts = mesh.triangles.numpy(), mesh.parts.numpy()
    screen, normals = mesh.screen.numpy(), mesh.normals.numpy()
    traced: list[Drawing] = []
    for i, (drawing, sitting) in enumerate(zip(drawings, sittings, strict=True)):
        geometry = Geometry(triangles=triangles, parts=parts, screen=screen[i], normals=normals[i], visible=visible[i])
        traced.append(replace(drawing, surfaces=trace_surfaces(geometry, sitting.view, drawing.parts, DRAWN_PARTS)))
    return traced


def _meter(light: np.ndarray, parts: np.ndarray, scene: Scene) -> float:
    """The exposure's factor: the sensor's own, times its automatic share towards the brightness that the face should
    have."""
    skin, sensor = _take_face(light, parts), scene.sensor
    if not len(skin):
        return 2.0**sensor.exposure_ev
    mean = float(np.einsum("ij->j", skin.astype(np.float64)) / len(skin) @ _LUMA)
    target = _METER_TARGET * min(1.0, float(np.array(scene.skin.albedo) @ _LUMA) / _METER_ALBEDO) ** _METER_POWER
    return 2.0**sensor.exposure_ev * (target / max(mean, 1e-3)) ** sensor.metering


def _take_face(values: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(n, 3) of the values (S, S, 3) where a picture shows the face's skin."""
    return values.reshape(-1, 3).take(np.flatnonzero(parts == _FACE), axis=0)


def _describe(sitting: Sitting, picture: np.ndarray, parts: np.ndarray, sight: Sight) -> Drawing:
    view, camera = sitting.view, sitting.scene.camera
    world, five = place_head(sitting.landmarks, view.turn), place_head(sitting.five, view.turn)
    points, five_px = project_points(world, view), project_points(five, view)
    low, high = points.min(axis=0), points.max(axis=0)
    skin = _take_face(picture, parts)
    both, count = sight.seen, len(sitting.landmarks)
    return Drawing(
        picture=picture,
        parts=parts,
        landmarks_68_px=points.astype(np.float32),
        landmarks_68_visible=both[:count],
        landmarks_5_visible=both[count:],
        landmarks_5_px=five_px.astype(np.float32),
        occlusion=float(sight.covered[:count].mean()),
        yaw_deg=camera.yaw_deg,
        pitch_deg=camera.pitch_deg,
        roll_deg=camera.roll_deg,
        face_box_px=(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])),
        face_luminance=float((skin @ _LUMA).mean() / 255.0) if len(skin) else 0.0,
        ita_deg=individual_typology_angle(sitting.scene.skin.albedo),
    )

"""Which way to find what a picture's samples see, and which of those the key light reaches, is quickest on one core?

    python benchmarks/visibility.py --json

The same posed heads and hair, at the samples that 112 px and 48 px pictures need (224 x 224 and 96 x 96):

- `rasterise`: facsim's Warp kernel, once for the camera and once for the light's depth map of 256 x 256;
- `warp_refit`, `warp_build`: rays against Warp's bounding volume hierarchy, refitted to each head or built anew, one
  from the camera for every sample and one to the light for every sample that hit;
- `embree`: the same rays against Embree's hierarchy (package `embreex`; left out where it is not installed).

Hair is whole here: no method cuts its strands. `agreement` is the share of samples for which a method names the
rasteriser's triangle, or nothing where that names nothing; `shadow_agreement` the share of samples on the head that
both say the light reaches, or both say it does not (not softened here; the map's cells are 1.5 mm). What it costs to
look the map up, and to make up the rays, is not counted. The process keeps to one core.
"""

# What Warp compiles is not what a type checker reads.
# pyright: reportArgumentType=false, reportAssignmentType=false, reportAttributeAccessIssue=false
# pyright: reportGeneralTypeIssues=false, reportInvalidTypeForm=false, reportMissingImports=false

import argparse
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from render import sample_scenes

from facsim.models.materials import lamp_direction, pack_looks
from facsim.models.posing import SHADOW_SIDE, Placed, place_vertices
from facsim.models.raster import BOTH_SIDES, EMPTY, STRANDS, Ends, Faces, rasterise, sample_position
from facsim.models.sitting import Sitting, sit_for
from facsim.models.studio import Studio, open_studio

__all__ = ["main"]

wp.set_module_options({"enable_backward": False})

SIZES_PX = (112, 48)
_OFF_DM = 0.004
"""How far a ray to the light begins from the surface, towards the camera and the light each."""
_BIAS = 0.004
"""Depth behind the light's map within which a sample still counts as lit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Posed:
    """One head to look at."""

    sitting: Sitting
    looks: wp.array
    placed: Placed
    points: np.ndarray
    """(V, 3) float32 in the world."""
    origin: np.ndarray
    """(3,) the camera."""
    rays: np.ndarray
    """(N, 3) float32 unit directions of the picture's samples, row by row."""
    towards: np.ndarray
    """(3,) float32 to the key light."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What a method says and how long it took, in ms."""

    triangles: np.ndarray
    """(N,) int64, -1 for nothing."""
    lit: np.ndarray
    """(N,) bool; False where nothing is seen."""
    ready_ms: float
    """Making the geometry ready: refitting or building a hierarchy."""
    primary_ms: float
    shadow_ms: float


@wp.kernel
def _cast(
    mesh: wp.uint64,
    origins: wp.array(dtype=wp.vec3),
    directions: wp.array(dtype=wp.vec3),
    hits: wp.array(dtype=wp.int32),
    distances: wp.array(dtype=wp.float32),
):
    ray = wp.tid()
    hits[ray] = -1
    found = wp.mesh_query_ray(mesh, origins[ray], directions[ray], 100.0)
    if found.result:
        hits[ray] = found.face
        distances[ray] = found.t


@wp.kernel
def _lay_samples(side: int, places: wp.array2d(dtype=wp.vec2)):
    row, column = wp.tid()
    places[row, column] = sample_position(column, row, 1)


def _pose(sitting: Sitting, studio: Studio, faces: Faces, size_px: int) -> Posed:
    looks = pack_looks([sitting], "cpu")
    count = int(faces.triangles.numpy().max()) + 1
    points = wp.array(sitting.points[None, :count], dtype=wp.vec3, device="cpu")
    placed = place_vertices(looks, points, studio.torso, size_px=size_px)
    view, side = sitting.view, 2 * size_px
    places = wp.empty((side, side), dtype=wp.vec2, device="cpu")
    wp.launch(_lay_samples, dim=(side, side), inputs=[side], outputs=[places], device="cpu")
    flat = places.numpy().reshape(-1, 2) / 2.0 - (view.centre_x, view.centre_y)
    rays = np.stack([flat[:, 0] / view.focal, -flat[:, 1] / view.focal, -np.ones(len(flat))], axis=1)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    return Posed(
        sitting=sitting, looks=looks, placed=placed, points=placed.world.numpy()[0],
        origin=np.array([0.0, 0.0, view.distance], dtype=np.float32), rays=rays.astype(np.float32),
        towards=lamp_direction(sitting.scene.light.key).astype(np.float32),
    )  # fmt: skip


def _whole_faces(studio: Studio, count: int) -> Faces:
    """Head and hair, `count` vertices, with hair as a closed surface seen from both sides."""
    triangles, kinds = studio.faces.triangles.numpy(), studio.faces.kinds.numpy().copy()
    kept = (triangles < count).all(axis=1)
    kinds[kinds >= int(STRANDS)] = int(BOTH_SIDES)
    faces = Faces()
    faces.triangles = wp.array(triangles[kept], dtype=wp.vec3i, device="cpu")
    faces.kinds = wp.array(kinds[kept], device="cpu")
    faces.uv = studio.faces.uv
    return faces


def _timed(act: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = act()
    return result, (time.perf_counter() - start) * 1e3


def _split(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (-1 for nothing) and depths of packed samples."""
    flat = packed.reshape(-1)
    empty = flat >= EMPTY
    depth = (np.where(empty, 0, flat) >> 32).astype(np.int32).view(np.float32)
    return np.where(empty, -1, flat & 0xFFFFFFFF), np.where(empty, np.float32(1.0), depth)


class _Rasteriser:
    """facsim's own."""

    def __init__(self, faces: Faces, ends: Any) -> None:
        self.faces, self.ends = faces, ends

    def __call__(self, posed: Posed, size_px: int) -> Seen:
        side = 2 * size_px
        seen, primary = _timed(lambda: rasterise(posed.placed.screen, self.faces, self.ends, side=side, grid=1))
        held, shadow = _timed(lambda: rasterise(posed.placed.lit, self.faces, self.ends, side=SHADOW_SIDE, grid=0))
        triangles, depth = _split(seen.numpy())
        lit = _look_up(posed, triangles, depth, held.numpy()[0])
        return Seen(triangles=triangles, lit=lit, ready_ms=0.0, primary_ms=primary, shadow_ms=shadow)


def _look_up(posed: Posed, triangles: np.ndarray, depth: np.ndarray, held: np.ndarray) -> np.ndarray:
    """(N,) bool: in front of what the light's depth map holds there (the shader does this itself, softened)."""
    look = posed.looks.numpy()[0]
    distance = look["near"] / (1.0 - np.where(triangles >= 0, depth, 0.0))
    places = posed.origin + posed.rays * (distance / -posed.rays[:, 2])[:, None]
    local = (places - look["shadow_centre"]) @ look["key_frame"].T
    half = look["shadow_half"]
    cell = np.stack([local[:, 0] / half * 0.5 + 0.5, 0.5 - local[:, 1] / half * 0.5], axis=1) * SHADOW_SIDE
    inside = ((cell >= 0) & (cell < SHADOW_SIDE)).all(axis=1)
    column, row = np.clip(cell.astype(int), 0, SHADOW_SIDE - 1).T
    front = _split(held)[1].reshape(held.shape)[row, column]
    return (triangles >= 0) & (~inside | (0.5 - local[:, 2] / (4.0 * half) <= front + _BIAS))


class _WarpRays:
    """Rays against Warp's hierarchy."""

    def __init__(self, faces: Faces, points: np.ndarray, *, refit: bool) -> None:
        self.indices = wp.array(faces.triangles.numpy().reshape(-1), dtype=wp.int32, device="cpu")
        self.refit, self.mesh = refit, self._build(points)

    def _build(self, points: np.ndarray) -> wp.Mesh:
        return wp.Mesh(points=wp.array(points, dtype=wp.vec3, device="cpu"), indices=self.indices)

    def _fit(self, points: np.ndarray) -> None:
        if not self.refit:
            self.mesh = self._build(points)
            return
        self.mesh.points.assign(points)
        self.mesh.refit()

    def _shoot(self, origins: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        starts, along = (wp.array(values, dtype=wp.vec3, device="cpu") for values in (origins, rays))
        hits, far = wp.empty(len(rays), dtype=wp.int32), wp.zeros(len(rays), dtype=wp.float32)
        inputs = [self.mesh.id, starts, along]
        _, spent = _timed(lambda: wp.launch(_cast, dim=len(rays), inputs=inputs, outputs=[hits, far], device="cpu"))
        return hits.numpy().astype(np.int64), far.numpy(), spent

    def __call__(self, posed: Posed, size_px: int) -> Seen:
        _, ready = _timed(lambda: self._fit(posed.points))
        return _cast_both(posed, self._shoot, ready)


class _EmbreeRays:
    """Rays against Embree's hierarchy."""

    def __init__(self, faces: Faces) -> None:
        self.triangles = faces.triangles.numpy()
        self.scene: Any = None

    def _build(self, points: np.ndarray) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self.scene = EmbreeScene()
        TriangleMesh(self.scene, points, self.triangles)
        self.scene.run(points[:1], points[:1])  # the hierarchy is built on the first question

    def _shoot(self, origins: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        found, spent = _timed(lambda: self.scene.run(origins, rays, output=True))
        return found["primID"].astype(np.int64), found["tfar"], spent

    def __call__(self, posed: Posed, size_px: int) -> Seen:
        _, ready = _timed(lambda: self._build(posed.points))
        return _cast_both(posed, self._shoot, ready)


_Shoot = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, float]]


def _cast_both(posed: Posed, shoot: _Shoot, ready_ms: float) -> Seen:
    """Camera rays, and a ray to the light from every place that they hit."""
    origins = np.ascontiguousarray(np.broadcast_to(posed.origin, posed.rays.shape))
    triangles, far, primary = shoot(origins, posed.rays)
    hit = triangles >= 0
    places = origins[hit] + posed.rays[hit] * (far[hit] - _OFF_DM)[:, None] + _OFF_DM * posed.towards
    towards = np.ascontiguousarray(np.broadcast_to(posed.towards, places.shape))
    blocked, _, shadow = shoot(places, towards)
    lit = np.zeros(len(triangles), dtype=bool)
    lit[hit] = blocked < 0
    return Seen(triangles=triangles, lit=lit, ready_ms=ready_ms, primary_ms=primary, shadow_ms=shadow)


def _measure(size_px: int, sittings: Sequence[Sitting], rounds: int) -> dict[str, Any]:
    studio = open_studio("cpu")
    faces = _whole_faces(studio, len(sittings[0].points))
    heads = [_pose(sitting, studio, faces, size_px) for sitting in sittings]
    methods: dict[str, Callable[[Posed, int], Seen]] = {
        "rasterise": _Rasteriser(faces, Ends()),
        "warp_refit": _WarpRays(faces, heads[0].points, refit=True),
        "warp_build": _WarpRays(faces, heads[0].points, refit=False),
    }
    if importlib.util.find_spec("embreex") is not None:
        methods["embree"] = _EmbreeRays(faces)
    seen = {name: [[see(head, size_px) for head in heads] for _ in range(rounds)] for name, see in methods.items()}
    truth = seen["rasterise"][0]
    return {name: _row(found, truth, size_px) for name, found in seen.items()}


def _row(found: list[list[Seen]], truth: list[Seen], size_px: int) -> dict[str, float]:
    """Each head's quickest round, averaged over the heads."""
    parts = {
        part: float(np.mean([min(getattr(one, part) for one in rounds) for rounds in zip(*found, strict=True)]))
        for part in ("ready_ms", "primary_ms", "shadow_ms")
    }
    whole, first = sum(parts.values()), found[0]
    same = np.mean([(one.triangles == other.triangles).mean() for one, other in zip(first, truth, strict=True)])
    lit = [(one.lit == other.lit)[other.triangles >= 0].mean() for one, other in zip(first, truth, strict=True)]
    row = {name: round(value, 3) for name, value in parts.items()}
    row |= {"ms_per_picture": round(whole, 3), "samples_per_s": round((2 * size_px) ** 2 / whole * 1e3)}
    return row | {"agreement": round(float(same), 5), "shadow_agreement": round(float(np.mean(lit)), 4)}


def main() -> int:
    """Measure, and print a table or, with --json, one object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--heads", type=int, default=12, help="people")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is looked at; the quickest counts")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    studio, scenes = open_studio("cpu"), sample_scenes(asked.seed, asked.heads)
    found: dict[str, Any] = {"heads": asked.heads, "rounds": asked.rounds, "seed": asked.seed}
    for size in SIZES_PX:
        sittings = [sit_for(scene, studio.head, studio.shell, size_px=size) for scene in scenes]
        found[f"samples_{2 * size}"] = _measure(size, sittings, asked.rounds)
    print(json.dumps(found) if asked.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

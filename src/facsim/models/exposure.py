"""One batch through the kernels: place, rasterise for the eye and for the light, shade. Its result is light, not yet
a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import warp as wp
from numpy.typing import NDArray

from facsim.models.hair_cut import cut_hair
from facsim.models.materials import pack_looks
from facsim.models.outfit import pack_outfits
from facsim.models.patches import count_vertices
from facsim.models.posing import SHADOW_SIDE, place_vertices
from facsim.models.raster import SAMPLES_PER_AXIS, interpolate_normals, rasterise
from facsim.models.shading import Mesh, shade_pictures
from facsim.models.sitting import Sitting
from facsim.models.studio import Studio

__all__ = ["Exposure", "expose_sittings", "see_sittings"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Exposure:
    """Device arrays of a batch of B pictures of S pixels."""

    looks: wp.array
    """(B,) of `Look`."""
    light: wp.array
    """(B, S, S) of vec3: linear light."""
    parts: wp.array
    """(B, S, S) uint8: places in `DRAWN_PARTS`."""
    visible: wp.array
    """(B, 2 S, 2 S) int64: what each sample sees (see `facsim.models.raster`)."""
    mesh: Mesh  # pyright: ignore[reportGeneralTypeIssues]
    """The mesh that was drawn."""

    def read_samples(self, samples: NDArray[np.int32]) -> NDArray[np.int64]:
        """What samples see: as `samples` (B, …), places in each picture's (2 S, 2 S). Only these leave the device."""
        count, side = len(samples), self.visible.shape[1]
        first = (side * side * np.arange(count)).reshape(count, *(1,) * (samples.ndim - 1))
        places = wp.array((samples + first).astype(np.int32).ravel(), dtype=wp.int32, device=self.visible.device)
        seen = wp.indexedarray(self.visible.flatten(), [places])  # pyright: ignore[reportArgumentType]
        return np.asarray(seen.numpy(), dtype=np.int64).reshape(samples.shape)


def expose_sittings(sittings: Sequence[Sitting], studio: Studio, *, size_px: int) -> Exposure:
    """Light and parts of every picture of a batch."""
    looks = pack_looks(sittings, studio.device)
    mesh = see_sittings(sittings, studio, looks, size_px=size_px)
    mesh.normals = interpolate_normals(mesh.world, mesh.triangles, studio.fans)
    mesh.outfits = pack_outfits(sittings, studio.device)
    light, parts = shade_pictures(looks, mesh, size_px=size_px)
    return Exposure(looks=looks, light=light, parts=parts, visible=mesh.visible, mesh=mesh)


def see_sittings(sittings: Sequence[Sitting], studio: Studio, looks: wp.array, *, size_px: int) -> Mesh:  # pyright: ignore[reportGeneralTypeIssues]
    """The batch's mesh where it stands, with what camera and key light see of it; normals and outfits are not set."""
    bare = all(one.dressed.bare for one in sittings)
    faces = studio.bare_faces if bare else studio.faces
    points = wp.array(_stack_points(sittings, bare=bare), dtype=wp.vec3, device=studio.device, copy=False)
    placed = place_vertices(looks, points, studio.torso, size_px=size_px)
    hair = cut_hair(sittings, studio.strands)
    mesh = Mesh()
    mesh.hair = hair
    mesh.visible = rasterise(placed.screen, faces, hair, side=SAMPLES_PER_AXIS * size_px, grid=1)
    mesh.shadow = rasterise(placed.lit, faces, hair, side=SHADOW_SIDE, grid=0)
    mesh.triangles, mesh.parts, mesh.uv = studio.faces.triangles, studio.parts, studio.faces.uv
    mesh.rest, mesh.paint, mesh.edges = studio.rest, studio.paint, studio.edges
    mesh.world, mesh.screen = placed.world, placed.screen
    return mesh


def _stack_points(sittings: Sequence[Sitting], *, bare: bool) -> np.ndarray:
    """(B, V, 3) float32: heads and hair, and unless all are `bare` the worn patches, in one point where not worn."""
    if bare:
        return np.stack([one.points for one in sittings])
    nothing = np.zeros((count_vertices(), 3), dtype=np.float32)
    dressed = [nothing if one.dressed.points is None else one.dressed.points for one in sittings]
    return np.stack([np.concatenate([one.points, worn]) for one, worn in zip(sittings, dressed, strict=True)])

"""How many pictures a second Blender draws of the same heads: Cycles on the CPU, the rate's peer in `render.py`.

    python benchmarks/blender.py --json

Each picture is another person: the head and hair that facsim poses, at the same size, from the same camera, under the
same three lamps (suns as wide as facsim's) and an even surround; 16 samples, no denoising. Skin scatters light and has
pores, which facsim's has too; with `--plain` all materials are one colour without texture, which is much less than
facsim draws. The mesh is made once and its vertices are moved for every picture; scene data stay in memory between
pictures. Needs the package `bpy` (its wheels are for one Python each: 5.0.1 for Python 3.11).
"""

# pyright: reportMissingImports=false

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np
from PIL import Image
from render import sample_scenes

from facsim.models.exposure import see_sittings
from facsim.models.head import PARTS
from facsim.models.materials import lamp_direction, light_frame, pack_looks
from facsim.models.scene import Scene
from facsim.models.sitting import Sitting, sit_for
from facsim.models.studio import Studio, open_studio

__all__ = ["main", "measure_blender"]

SAMPLES = 16
_COLOURS = {"eye_left": (0.7, 0.7, 0.7), "eye_right": (0.7, 0.7, 0.7), "teeth": (0.7, 0.65, 0.55)}
_RED = (0.25, 0.06, 0.05)
_LAMPS = ("key", "fill", "rim")
_SCATTER_DM = (0.037, 0.014, 0.007)
"""How far red, green and blue travel under skin: Jensen et al., "A Practical Model for Subsurface Light Transport"
(SIGGRAPH 2001): diffuse mean free paths from the coefficients of their first skin sample."""


def measure_blender(
    scenes: Sequence[Scene], *, size_px: int, plain: bool = False, picture: Path | None = None
) -> float:
    """Pictures a second of one thread over `scenes`, drawn one after another; the first, untimed one builds the scene.

    `picture` is where the last one is kept as a PNG.
    """
    studio = open_studio("cpu")
    sittings = [sit_for(scene, studio.head, studio.shell, size_px=size_px) for scene in scenes]
    places = _place(sittings, studio)
    with tempfile.TemporaryDirectory() as folder:
        stage = _build_stage(places[0], studio, plain=plain)
        _set_renderer(size_px, Path(folder) / "picture.png")
        _draw_one(stage, sittings[0], places[0])
        start = time.perf_counter()
        for sitting, points in zip(sittings, places, strict=True):
            _draw_one(stage, sitting, points)
        rate = len(sittings) / (time.perf_counter() - start)
        if picture is not None:
            Image.open(Path(folder) / "picture.png").save(picture)
    return rate


def _place(sittings: Sequence[Sitting], studio: Studio) -> np.ndarray:
    """(B, V, 3) float32: heads, hair and what is worn, in the world, as facsim itself places them."""
    return see_sittings(sittings, studio, pack_looks(sittings, "cpu"), size_px=16).world.numpy()


def _build_stage(points: np.ndarray, studio: Studio, *, plain: bool) -> bpy.types.Mesh:
    """An empty file with the mesh, a camera, three suns and a surround in it."""
    triangles, parts = studio.faces.triangles.numpy(), studio.parts.numpy()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    mesh = bpy.data.meshes.new("head")
    mesh.from_pydata(points.tolist(), [], triangles.tolist())
    for part in PARTS:
        mesh.materials.append(_material(part, plain))
    mesh.polygons.foreach_set("material_index", parts.astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(triangles), dtype=bool))
    data = {"head": mesh, "camera": bpy.data.cameras.new("camera")}
    data |= {name: bpy.data.lights.new(name, "SUN") for name in _LAMPS}
    for name, held in data.items():
        bpy.context.scene.collection.objects.link(bpy.data.objects.new(name, held))
    bpy.context.scene.camera = bpy.data.objects["camera"]
    world = bpy.data.worlds.new("surround")
    world.use_nodes = True
    bpy.context.scene.world = world
    return mesh


def _material(part: str, plain: bool) -> bpy.types.Material:
    material = bpy.data.materials.new(part)
    material.use_nodes = True
    surface = material.node_tree.nodes["Principled BSDF"]
    surface.inputs["Base Color"].default_value = (*_COLOURS.get(part, _RED), 1.0)
    surface.inputs["Roughness"].default_value = 0.5
    if part == "skin" and not plain:
        _scatter(material, surface)
    return material


def _scatter(material: bpy.types.Material, surface: bpy.types.Node) -> None:
    """Light that spreads under the skin, a mottled colour and pores."""
    surface.inputs["Subsurface Weight"].default_value = 1.0
    surface.inputs["Subsurface Radius"].default_value = _SCATTER_DM
    nodes, links = material.node_tree.nodes, material.node_tree.links
    pores, bump = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeBump")
    pores.inputs["Scale"].default_value = 38.0
    bump.inputs["Strength"].default_value = 0.1
    links.new(pores.outputs["Factor" if "Factor" in pores.outputs else "Fac"], bump.inputs["Height"])
    links.new(bump.outputs["Normal"], surface.inputs["Normal"])


def _set_renderer(size_px: int, path: Path) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.render.resolution_x = scene.render.resolution_y = size_px
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.use_persistent_data = True
    scene.render.filepath = str(path)


def _draw_one(mesh: bpy.types.Mesh, sitting: Sitting, points: np.ndarray) -> None:
    mesh.vertices.foreach_set("co", points.ravel())
    mesh.update()
    _aim_camera(sitting)
    _light_scene(sitting.scene)
    bpy.ops.render.render(write_still=True)


def _aim_camera(sitting: Sitting) -> None:
    """Blender's camera looks down -z of its own, as facsim's does; its shift is in shares of the picture."""
    view, size = sitting.view, bpy.context.scene.render.resolution_x
    camera = bpy.data.objects["camera"]
    camera.location = (0.0, 0.0, view.distance)
    camera.data.sensor_width = 36.0
    camera.data.lens = view.focal / size * 36.0
    camera.data.shift_x = 0.5 - view.centre_x / size
    camera.data.shift_y = view.centre_y / size - 0.5


def _light_scene(scene: Scene) -> None:
    for name in _LAMPS:
        lamp, sun = getattr(scene.light, name), bpy.data.objects[name]
        right, up, towards = light_frame(lamp_direction(lamp))
        sun.matrix_world = [[right[i], up[i], towards[i], 0.0] for i in range(3)] + [[0.0, 0.0, 0.0, 1.0]]
        sun.data.angle = 2.0 * lamp.softness
        # a white matt surface that faces it shows the lamp's colour
        sun.data.energy, sun.data.color = np.pi, lamp.colour
    around = bpy.context.scene.world.node_tree.nodes["Background"]
    around.inputs["Color"].default_value = (*scene.light.ambient.front, 1.0)
    skin = bpy.data.materials["skin"].node_tree.nodes["Principled BSDF"]
    skin.inputs["Base Color"].default_value = (*scene.skin.albedo, 1.0)
    hair = bpy.data.materials["hair"].node_tree.nodes["Principled BSDF"]
    hair.inputs["Base Color"].default_value = (*scene.hair.colour, 1.0)


def main() -> int:
    """Measure, and print a table or, with --json, one object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--size", type=int, default=112, metavar="PX")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=6, help="pictures")
    parser.add_argument("--plain", action="store_true", help="one colour to a material, nothing scatters")
    parser.add_argument("--picture", type=Path, help="keep the last picture here, as a PNG")
    asked = parser.parse_args()
    scenes = sample_scenes(asked.seed, asked.count)
    rate = measure_blender(scenes, size_px=asked.size, plain=asked.plain, picture=asked.picture)
    found = {
        "pictures_per_s": round(rate, 3),
        "size_px": asked.size,
        "n": asked.count,
        "threads": 1,
        "plain": asked.plain,
    }
    found |= {"samples": SAMPLES, "blender": bpy.app.version_string}
    print(json.dumps(found) if asked.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

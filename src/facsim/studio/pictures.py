"""Pictures for the page: drawn from settings, packed for the wire, and as files and as code to take away."""

import json
import struct
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from facsim.coding import conflicts, format_coding
from facsim.models.drawing import Drawing, draw
from facsim.models.scene import Scene
from facsim.models.scene_text import write_scene
from facsim.pictures import encode_png
from facsim.sources.scene_labels import label_drawing
from facsim.studio.controls import read_controls
from facsim.studio.settings import Settings, compose

__all__ = ["SMALL_PX", "Taken", "pack_picture", "png_file", "python_text", "take_picture", "write_labels"]

SMALL_PX = 48
"""Side of the small grey picture beside the large one: what FER2013's pictures have."""

_SHOWN = (
    *("action_units", "landmarks_68", "landmarks_68_visible", "landmarks_5", "face_box", "yaw_deg", "pitch_deg"),
    *("roll_deg", "gaze_yaw_deg", "gaze_pitch_deg", "ita_deg", "face_luminance", "light_kind"),
)
"""Labels that the page shows while it draws; the file of labels has all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Taken:
    """A picture that was drawn, from what, and in how many milliseconds."""

    settings: Settings
    scene: Scene
    drawing: Drawing
    milliseconds: float


def take_picture(settings: Settings) -> Taken:
    """The picture that the settings ask for: the very pixels that `facsim.models.drawing.draw` gives their scene.

    Raises FacsimError where a value cannot be set.
    """
    start = time.perf_counter()
    scene = compose(settings)
    drawing = draw([scene], size_px=settings.size_px)[0]
    spent = 1000.0 * (time.perf_counter() - start)
    return Taken(settings=settings, scene=scene, drawing=drawing, milliseconds=spent)


def pack_picture(taken: Taken) -> bytes:
    """The answer to the page: the length of a JSON text (uint32, little-endian), the text, then the pixels, RGB, row by
    row, and after them those of the small grey picture, one byte each.

    The pixels are not compressed: on the loopback address that is quicker than to compress them, and exact.
    """
    known = {
        "turn": taken.settings.turn,
        "size_px": taken.settings.size_px,
        "small_px": SMALL_PX,
        "draw_ms": round(taken.milliseconds, 1),
        "labels": _shown_labels(taken),
        "conflicts": list(conflicts(taken.scene.action_units)),
        "coding": dict(taken.scene.action_units),
        "values": read_controls(taken.scene),
    }
    text = json.dumps(known, separators=(",", ":")).encode("utf-8")
    return struct.pack("<I", len(text)) + text + taken.drawing.picture.tobytes() + _small_grey(taken.drawing)


def _shown_labels(taken: Taken) -> dict[str, Any]:
    labels = label_drawing(taken.scene, taken.drawing)
    return {name: labels[name] for name in _SHOWN if name in labels}


def _small_grey(drawing: Drawing) -> bytes:
    """The picture at 48 px in grey, by area."""
    image = Image.fromarray(np.ascontiguousarray(drawing.picture)).convert("L")
    return image.resize((SMALL_PX, SMALL_PX), Image.Resampling.BOX).tobytes()


def png_file(taken: Taken) -> bytes:
    """The picture as PNG."""
    return encode_png(taken.drawing.picture)


def write_labels(taken: Taken) -> str:
    """All that is known of the picture, JSON: labels by column name, the scene as an object, and what was asked."""
    labels = label_drawing(taken.scene, taken.drawing)
    scene = json.loads(write_scene(taken.scene))
    return json.dumps(labels | {"size_px": taken.settings.size_px, "scene": scene}, indent=1)


def python_text(settings: Settings) -> str:
    """Python that draws this picture, to the bit."""
    yaw, pitch, roll = settings.pose_deg
    given = {
        "apparent_age_years": settings.age_years,
        "apparent_gender": settings.gender,
        "apparent_ancestry": settings.ancestry,
        "skin_tone_monk": settings.tone,
        "yaw_deg": yaw,
        "pitch_deg": pitch,
        "roll_deg": roll,
        "scene": dict(settings.set),
        "size_px": settings.size_px,
        "seed": settings.seed,
    }
    said = {name: value for name, value in given.items() if value != {} and value != 0.0}
    lines = [f"    {format_coding(settings.coding)!r},", *(f"    {name}={value!r}," for name, value in said.items())]
    return "\n".join(["import facsim", "", "rendered = facsim.render(", *lines, ")", ""])

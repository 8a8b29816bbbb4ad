"""The calibration chart: every action unit that the head shows, at neutral and at A, B, C, D and E, on two people.

    python benchmarks/action_units.py --out docs/images

Writes one contact sheet for each group of action units, `action-units-<group>.jpg`: a row for each unit, the first
person on the left and the second on the right, intensity growing to the right, seen from the front at one framing
whatever the jaw does. Units that show more from the side have a second row, turned by 40 degrees. Prints how far the
landmarks move at C and at E, the mean over 24 random people, as rows of a Markdown table; and draws
`action-units-48px.jpg`, mixtures of units at 48 px in grey, enlarged, on people of four ages.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from facsim.coding import parse_coding
from facsim.facs import INTENSITY_LETTERS, action_unit, lateral_keys
from facsim.models.camera import Camera, frame_face
from facsim.models.casting import sample_person
from facsim.models.drawing import draw
from facsim.models.head import load_head
from facsim.models.identity import sample_identity
from facsim.models.landmarks import landmarks_68
from facsim.models.scene import Background, Lamp, Light, Scene, Sensor

__all__ = [
    "GROUPS",
    "MEASURES",
    "MIXTURES",
    "PEOPLE",
    "SIDE_VIEWS",
    "Row",
    "draw_mixtures",
    "draw_row",
    "main",
    "measure_movements",
    "sit",
    "stack_rows",
]

Points = np.ndarray

GROUPS: Mapping[str, tuple[str, ...]] = {
    "brows": ("1", "2", "1+2", "4", "1+4"),
    "eyes": ("5", "7", "43", "6"),
    "nose": ("9", "10", "11", "38", "39"),
    "corners": ("12", "13", "14", "15", "20"),
    "chin-and-lips": ("16+25B", "17", "18", "22+25B", "23", "24", "28"),
    "jaw": ("25", "25+26", "25+27", "34", "21"),
}
"""Sheets, and the codings of their rows; units without a letter take the column's intensity."""

SIDE_VIEWS = ("17", "22+25B", "28", "34")
"""Rows drawn a second time, turned to the side."""

PEOPLE = ((27.0, 0.05, (0.1, 0.45, 0.45), 3, 4), (64.0, 0.95, (0.75, 0.05, 0.2), 7, 9))
"""Age, gender, ancestry, Monk tone and seed of the two."""

MIXTURES = (
    "0", "1D+2D+5D+25D+26D", "1D+2C+4C+5D+20D+25D+26C", "1D+4C+15D+17C", "9D+10C+17C", "9C+10D+25C", "4D+7C+24C",
    "6D+12D+25C",
)  # fmt: skip
"""Codings that stand behind expressions: none, surprise, fear, sadness, disgust twice, anger, happiness."""

MIXED_PEOPLE = (
    (7.0, 0.4, (0.1, 0.1, 0.8), 3, 1),
    PEOPLE[0],
    (45.0, 0.9, (0.05, 0.05, 0.9), 4, 5),
    (74.0, 0.1, (0.05, 0.9, 0.05), 4, 3),
    PEOPLE[1],
)
"""A child, young and old adults."""


def _eye(points: Points) -> float:
    return float(np.linalg.norm(points[[43, 44]] - points[[47, 46]], axis=1).mean())


MEASURES: Mapping[str, tuple[str, str, Callable[[Points], float]]] = {
    "1": ("1", "inner end of the brow up", lambda p: p[22, 1]),
    "2": ("2", "outer brow up", lambda p: p[25, 1]),
    "4": ("4", "inner end of the brow down", lambda p: -p[22, 1]),
    "4 together": ("4", "brows nearer each other", lambda p: p[21, 0] - p[22, 0]),
    "1+4": ("1+4", "inner end of the brow up", lambda p: p[22, 1]),
    "5": ("5", "eye wider open", _eye),
    "6": ("6", "eye narrower", lambda p: -_eye(p)),
    "7": ("7", "eye narrower", lambda p: -_eye(p)),
    "9": ("9", "wing of the nose up", lambda p: p[35, 1]),
    "10": ("10+25B", "upper lip up", lambda p: p[51, 1]),
    "11": ("11", "upper lip up", lambda p: p[52, 1]),
    "12": ("12", "corner of the mouth up", lambda p: p[54, 1]),
    "12 out": ("12", "corner of the mouth out", lambda p: p[54, 0]),
    "13": ("13", "corner of the mouth up", lambda p: p[54, 1]),
    "14": ("14", "corner of the mouth in", lambda p: -p[54, 2]),
    "15": ("15", "corner of the mouth down", lambda p: -p[54, 1]),
    "16": ("16+25B", "lower lip down", lambda p: -p[57, 1]),
    "17": ("17", "lower lip up", lambda p: p[57, 1]),
    "18": ("18", "mouth narrower", lambda p: p[48, 0] - p[54, 0]),
    "20": ("20", "corner of the mouth out", lambda p: p[54, 0]),
    "22": ("22+25B", "lips forward", lambda p: float(p[[51, 57], 2].mean())),
    "23": ("23", "red of the lips lower", lambda p: p[57, 1] - p[51, 1]),
    "24": ("24", "red of the lips lower", lambda p: p[57, 1] - p[51, 1]),
    "25": ("25", "gap between the lips", lambda p: p[62, 1] - p[66, 1]),
    "26": ("25+26", "gap between the lips", lambda p: p[62, 1] - p[66, 1]),
    "27": ("25+27", "gap between the lips", lambda p: p[62, 1] - p[66, 1]),
    "28": ("28", "red of the lips lower", lambda p: p[57, 1] - p[51, 1]),
    "34": ("34", "cheeks wider", lambda p: p[13, 0] - p[3, 0]),
    "38": ("38", "nose wider", lambda p: p[35, 0] - p[31, 0]),
    "39": ("39", "nose narrower", lambda p: p[31, 0] - p[35, 0]),
    "43": ("43", "eye narrower", lambda p: -_eye(p)),
}
"""What is measured -> the coding (units without a letter take the intensity), words for it, and how it is read off the
68 landmarks in decimetres."""

_CROP = 1.22
_LABEL_PX = 16
_FROM_AFAR = ("21",)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One strip of a sheet."""

    coding: str
    yaw_deg: float = 0.0


def sit(person: tuple[float, float, tuple[float, float, float], int, int]) -> Scene:
    """One of `PEOPLE`, neutral, close up, in plain light, without beard or fringe."""
    age, gender, ancestry, tone, seed = person
    generator = np.random.default_rng(seed)
    identity = sample_identity(generator, age_years=age, gender=gender, ancestry=ancestry)
    drawn = sample_person(generator, identity, skin_tone_monk=tone)
    light = Light(key=Lamp(azimuth_deg=25.0, elevation_deg=38.0, colour=(2.2, 2.15, 2.1), softness=0.2))
    sensor = Sensor(blur=0.0, noise=0.0, jpeg_quality=None, metering=0.9, vignetting=0.0)
    return Scene(
        identity=identity, skin=drawn.skin, brows=drawn.brows, eyes=drawn.eyes, mouth=drawn.mouth, light=light,
        background=Background(kind="plain"), sensor=sensor, seed=seed,
        camera=Camera(distance_dm=10.0, crop_scale=_CROP, shift_y=0.03),
    )  # fmt: skip


def draw_row(row: Row, people: Sequence[Scene], *, size_px: int) -> np.ndarray:
    """(S, 6 S n, 3) uint8: each person at neutral and A to E."""
    scenes = [_show(scene, row, level) for scene in people for level in range(6)]
    return np.concatenate([drawing.picture for drawing in draw(scenes, size_px=size_px)], axis=1)


def _show(scene: Scene, row: Row, level: int) -> Scene:
    crop = 1.5 * _CROP if row.coding in _FROM_AFAR else _CROP
    camera = replace(scene.camera, yaw_deg=row.yaw_deg, shift_x=-0.1 * row.yaw_deg / 40.0, crop_scale=crop)
    camera = replace(camera, shift_y=-0.12) if row.coding in _FROM_AFAR else camera
    shown = replace(scene, camera=camera, action_units=_intensities(row.coding, level))
    return replace(shown, camera=_keep_framing(shown))


def _intensities(coding: str, level: int) -> dict[str, float]:
    """The coding at this level; all of it is absent at 0, so that a fixed letter's effect is counted too."""
    units: dict[str, float] = {}
    for part in coding.split("+") if level else ():
        code, fixed = (part[:-1], 1.0 + INTENSITY_LETTERS.index(part[-1])) if part[-1].isalpha() else (part, level)
        units |= dict.fromkeys(lateral_keys(code), float(fixed))
    return units


def _keep_framing(scene: Scene) -> Camera:
    """The camera that frames this scene as its neutral face is framed: only then does a dropped jaw look longer."""
    head, camera = load_head(), scene.camera
    neutral, posed = (
        frame_face(camera, landmarks_68(head, head.pose_vertices(scene.identity, units)), size_px=1)
        for units in ({}, scene.action_units)
    )
    crop = replace(camera, crop_scale=camera.crop_scale * posed.focal / neutral.focal)
    posed = frame_face(crop, landmarks_68(head, head.pose_vertices(scene.identity, scene.action_units)), size_px=1)
    shift_x, shift_y = neutral.centre_x - posed.centre_x, neutral.centre_y - posed.centre_y
    return replace(crop, shift_x=camera.shift_x + shift_x, shift_y=camera.shift_y + shift_y)


def measure_movements(count: int = 24, seed: int = 0) -> dict[str, tuple[float, float]]:
    """What -> mean movement at C and at E over `count` people of 5 to 80 years, in millimetres."""
    generator, head = np.random.default_rng(seed), load_head()
    people = []
    for _ in range(count):
        african, asian, european = (float(share) for share in generator.dirichlet([0.6, 0.6, 0.6]))
        age, gender = float(generator.uniform(5.0, 80.0)), float(generator.random())
        people.append(sample_identity(generator, age_years=age, gender=gender, ancestry=(african, asian, european)))
    found: dict[str, tuple[float, float]] = {}
    for name, (coding, _, read) in MEASURES.items():
        moved = np.zeros((count, 2))
        for number, who in enumerate(people):
            rest, marked, most = (
                read(np.asarray(landmarks_68(head, head.pose_vertices(who, _intensities(coding, level)))))
                for level in (0, 3, 5)
            )
            moved[number] = marked - rest, most - rest
        found[name] = (float(100.0 * moved[:, 0].mean()), float(100.0 * moved[:, 1].mean()))
    return found


def draw_mixtures(*, enlarged_px: int = 120) -> Image.Image:
    """`MIXTURES` on `MIXED_PEOPLE` at 48 px in grey, enlarged; a row for each person."""
    rows: list[np.ndarray] = []
    for person in MIXED_PEOPLE:
        scenes = [replace(sit(person), action_units=parse_coding(coding)) for coding in MIXTURES]
        scenes = [replace(scene, camera=_keep_framing(scene)) for scene in scenes]
        small = [Image.fromarray(drawing.picture).convert("L") for drawing in draw(scenes, size_px=48)]
        large = [np.asarray(one.resize((enlarged_px, enlarged_px), Image.Resampling.BICUBIC)) for one in small]
        rows.append(np.concatenate(large, axis=1))
    return Image.fromarray(np.concatenate(rows))


def stack_rows(strips: Mapping[str, np.ndarray]) -> Image.Image:
    """The strips under one another, each under its name and its letters."""
    side = next(iter(strips.values())).shape[0]
    width = next(iter(strips.values())).shape[1]
    sheet = Image.new("RGB", (width, len(strips) * (side + _LABEL_PX)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (name, strip) in enumerate(strips.items()):
        top = number * (side + _LABEL_PX)
        pen.text((4, top + 2), name, fill="black")
        for column in range(1, width // side):
            letter = f"-{INTENSITY_LETTERS}"[column % 6]
            pen.text((column * side + side // 2, top + 2), letter, fill="black")
        sheet.paste(Image.fromarray(strip), (0, top + _LABEL_PX))
    return sheet


def _title(row: Row) -> str:
    names = [action_unit(part.rstrip(INTENSITY_LETTERS)).name for part in row.coding.split("+")]
    return f"{row.coding} {names[0]}" if len(names) == 1 else row.coding


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--size", type=int, default=112, metavar="PX")
    parser.add_argument("--groups", nargs="*", choices=tuple(GROUPS), default=tuple(GROUPS), help="sheets to draw")
    parser.add_argument("--quality", type=int, default=82, help="of the JPEG files")
    asked = parser.parse_args()
    people = [sit(person) for person in PEOPLE]
    asked.out.mkdir(parents=True, exist_ok=True)
    for group in asked.groups:
        rows = [Row(coding=coding, yaw_deg=yaw) for coding in GROUPS[group] for yaw in _views(coding)]
        strips = {
            _title(row) + (" (side)" if row.yaw_deg else ""): draw_row(row, people, size_px=asked.size) for row in rows
        }
        stack_rows(strips).save(asked.out / f"action-units-{group}.jpg", quality=asked.quality)
    draw_mixtures().save(asked.out / "action-units-48px.jpg", quality=asked.quality)
    for name, (marked, most) in measure_movements().items():
        coding, words, _ = MEASURES[name]
        print(f"| {coding} | {words} | {marked:.1f} | {most:.1f} |")


def _views(coding: str) -> tuple[float, ...]:
    return (0.0, 40.0) if coding in SIDE_VIEWS else (0.0,)


if __name__ == "__main__":
    main()

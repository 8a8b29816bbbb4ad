"""Does anything go through anything? Random people under random action units and gazes, measured and looked at.

    python benchmarks/penetration.py --cases 200 --json

Every case is another person, framed at random up to 35 degrees to either side. Measured on the mesh, in tenths of a
millimetre of the drawn head (0 where nothing goes through): lids in the eyeball, lips past one another, lips in the
teeth, the tongue in the teeth or in front of them, and the share of the face's triangles that have turned over. Looked
at in the part map of a picture of 112 px: eye where AU43 is E, eye outside the lids, teeth, gums, tongue or lining
where nothing parts the lips, and outside the lips where something does. Classes of cases are reported apart; `strange`
ones hold what `facsim.coding.conflicts` says no face can show.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from action_units import PEOPLE, sit
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from facsim.coding import conflicts
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import lateral_keys
from facsim.models.action_units import SUPPORTED_AUS
from facsim.models.camera import Camera, View, frame_face, place_head, project_points
from facsim.models.drawing import Drawing, draw
from facsim.models.eyeballs import CORNEA_BULGE
from facsim.models.eyelids import EDGE_ROW, find_eye
from facsim.models.head import PARTS, Head, load_head
from facsim.models.identity import sample_identity
from facsim.models.landmarks import landmarks_68
from facsim.models.lips import CONTACT_ROW
from facsim.models.scene import Scene
from facsim.models.shading import DRAWN_PARTS
from facsim.prototypes import sample_prototype
from facsim.provenance import environment

__all__ = ["CLASSES", "Case", "main", "measure_depths", "sample_case", "spot_wrong_parts"]

SIZE_PX = 112
PARTING = ("25", "26", "27")
INNER = tuple(DRAWN_PARTS.index(part) for part in ("teeth", "gums", "tongue", "mouth_interior"))
SLACK_PX = 1.5

Floats = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is drawn."""

    units: Mapping[str, float]
    gaze: tuple[float, float]


def _random_units(generator: np.random.Generator, chance: float) -> dict[str, float]:
    """Each action unit with this chance, from trace to maximum; a third of the lateral ones on one side."""
    units: dict[str, float] = {}
    for code in sorted({key.rstrip("LR") for key in SUPPORTED_AUS}, key=int):
        if generator.random() < chance:
            keys, strength = lateral_keys(code), float(generator.uniform(0.3, 5.0))
            chosen = keys if len(keys) == 1 or generator.random() < 0.67 else (keys[int(generator.integers(2))],)
            units |= dict.fromkeys(chosen, strength)
    return units


def _one(generator: np.random.Generator) -> dict[str, float]:
    code = str(generator.choice(sorted({key.rstrip("LR") for key in SUPPORTED_AUS})))
    parted = {"25": 2.0} if code == "27" else {}
    return parted | dict.fromkeys(lateral_keys(code), float(generator.uniform(1.0, 5.0)))


def _sealed(generator: np.random.Generator) -> dict[str, float]:
    return {key: value for key, value in _random_units(generator, 0.3).items() if key not in PARTING}


def _parted(generator: np.random.Generator) -> dict[str, float]:
    jaw = str(generator.choice(["26", "27"]))
    wide = {jaw: float(generator.uniform(1.0, 5.0))} if generator.random() < 0.7 else {}
    return _sealed(generator) | {"25": float(generator.uniform(1.0, 5.0))} | wide


def _closed(generator: np.random.Generator) -> dict[str, float]:
    return _random_units(generator, 0.25) | {"43L": 5.0, "43R": 5.0}


def _prototype(generator: np.random.Generator) -> dict[str, float]:
    return sample_prototype(str(generator.choice(EIGHT_EXPRESSIONS)), generator.random).coding


def _allowed(draw_units: Callable[[np.random.Generator], dict[str, float]]) -> Callable[..., dict[str, float]]:
    """The same drawn until no conflict is left: from each conflict the unit named last goes."""

    def draw_allowed(generator: np.random.Generator) -> dict[str, float]:
        units = draw_units(generator)
        while found := conflicts(units):
            units = _drop(units, found[0])
        return units

    return draw_allowed


def _drop(units: Mapping[str, float], conflict: str) -> dict[str, float]:
    first, word, second = conflict.split(":")[0].split(" ")
    return {key: value for key, value in units.items() if key != (second if word == "with" else first)}


CLASSES: Mapping[str, Callable[[np.random.Generator], dict[str, float]]] = {
    "prototypes": _prototype,
    "one unit": _one,
    "lips sealed": _allowed(_sealed),
    "lips parted": _allowed(_parted),
    "eyes closed": _allowed(_closed),
    "strange": lambda generator: _random_units(generator, 0.5),
}
"""How the cases of a class are drawn. All but the last hold no conflict."""


def sample_case(name: str, generator: np.random.Generator) -> Case:
    """A case of this class; eyes look anywhere."""
    gaze = (float(generator.uniform(-28.0, 28.0)), float(generator.uniform(-20.0, 18.0)))
    return Case(units=CLASSES[name](generator), gaze=gaze)


def measure_depths(head: Head, scene: Scene) -> dict[str, float]:
    """How deep parts go through one another, decimetres (0 or more); `folded` is a share of the face's triangles."""
    vertices = head.pose_vertices(scene.identity, scene.action_units, gaze=scene.gaze)
    neutral = head.pose_vertices(scene.identity, {})
    return {
        "lid in eyeball": _sink_lids(head, vertices),
        "lip past lip": _cross_lips(head, vertices),
        "lip in teeth": _bite_lips(head, vertices),
        "tongue in teeth": _bite_tongue(head, vertices),
        "folded": _fold(head, vertices, neutral),
    }


def _sink_lids(head: Head, vertices: Floats) -> float:
    """Lids' vertices, and the middles between neighbours, within the eyeball with its cornea."""
    worst = 0.0
    for rig in head.eyes:
        centre, radius = find_eye(vertices, rig)
        rows = vertices[rig.rings[1:]] - centre
        axis = vertices[rig.ball.start] - centre
        for lid in (rows, 0.5 * (rows + np.roll(rows, 1, axis=1)), 0.5 * (rows[1:] + rows[:-1])):
            away = np.linalg.norm(lid, axis=-1)
            angle = np.degrees(np.arccos(np.clip(lid @ axis / (away * np.linalg.norm(axis)), -1.0, 1.0)))
            surface = radius * (1.0 + CORNEA_BULGE * np.clip(1.0 - (angle / 24.0) ** 2, 0.0, None))
            worst = max(worst, float((surface - away).max()))
    return worst


def _cross_lips(head: Head, vertices: Floats) -> float:
    """How far the upper lip's line of contact hangs below the lower lip's, beyond the overlap that seals them."""
    rig = head.mouth
    contact = vertices[rig.rings[CONTACT_ROW]]
    gap = np.where(rig.upper, 1.0, -1.0) * (contact - rig.opposite @ contact)[:, 1]
    return max(0.0, float(-gap.min()) - 0.0065)


def _bite_lips(head: Head, vertices: Floats) -> float:
    """Lips behind the crowns' front, at the crowns' height."""
    worst = 0.0
    for columns, crown in zip((head.mouth.upper, ~head.mouth.upper), head.mouth.crowns, strict=True):
        lips, arch = vertices[head.mouth.rings[:6, columns]].reshape(-1, 3), vertices[crown]
        front = np.interp(lips[:, 0], arch[:, 0], arch[:, 2], left=-9.0, right=-9.0)
        beside = np.abs(lips[:, 1] - np.interp(lips[:, 0], arch[:, 0], arch[:, 1])) < 0.045
        worst = max(worst, float(np.where(beside, front - lips[:, 2], 0.0).max()))
    return worst


def _bite_tongue(head: Head, vertices: Floats) -> float:
    """The tongue in front of the teeth's backs, at the crowns' height."""
    tongue, worst = vertices[head.mouth.tongue], 0.0
    for edge, crown in zip(head.mouth.edges, head.mouth.crowns, strict=True):
        low, high = sorted((float(vertices[edge, 1].mean()), float(vertices[crown, 1].mean())))
        arch = vertices[crown]
        back = np.interp(tongue[:, 0], arch[:, 0], arch[:, 2]) - 0.05
        beside = (tongue[:, 1] > low - 0.02) & (tongue[:, 1] < high + 0.02)
        worst = max(worst, float(np.where(beside, tongue[:, 2] - back, 0.0).max()))
    return worst


def _fold(head: Head, vertices: Floats, neutral: Floats) -> float:
    chosen = head.triangles[_find_face(head)]
    turned = (_normals(vertices, chosen) * _normals(neutral, chosen)).sum(axis=1) < -0.1
    return float(turned.mean())


def _find_face(head: Head) -> NDArray[np.bool_]:
    """Triangles of the face's skin, without what is tucked behind lids and lips."""
    tucked = np.zeros(len(head.rest), dtype=bool)
    for rings in (head.eyes[0].rings[:2], head.eyes[1].rings[:2], head.mouth.rings[:2], head.mouth.rings[10:]):
        tucked[rings.ravel()] = True
    middle = head.rest[head.triangles].mean(axis=1)
    face = (head.parts == PARTS.index("skin")) & (middle[:, 1] > -1.2) & (middle[:, 2] > -0.35)
    return face & ~tucked[head.triangles].any(axis=1) & (head.masks["ears"][head.triangles].max(axis=1) < 0.1)


def _normals(vertices: Floats, triangles: NDArray[np.int32]) -> Floats:
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    normal = np.cross(b - a, c - a)
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)


def spot_wrong_parts(head: Head, scene: Scene, drawing: Drawing) -> dict[str, int]:
    """Pixels that show what should be hidden."""
    vertices = head.pose_vertices(scene.identity, scene.action_units, gaze=scene.gaze)
    view = frame_face(scene.camera, np.asarray(landmarks_68(head, vertices)), size_px=SIZE_PX)
    parts, units = drawing.parts, scene.action_units
    inner = np.isin(parts, INNER)
    wrong = {"eye outside lids": 0, "eye through shut lids": 0}
    for rig, side in zip(head.eyes, "LR", strict=True):
        eye = parts == DRAWN_PARTS.index("eye_left" if side == "L" else "eye_right")
        opening = _outline(vertices, rig.rings[[EDGE_ROW]], view)
        wrong["eye outside lids"] += int((eye & ~opening).sum())
        wrong["eye through shut lids"] += int(eye.sum()) if units.get(f"43{side}", 0.0) == 5.0 else 0
    parted = max(units.get(key, 0.0) for key in PARTING) > 0.0
    mouth = _outline(vertices, head.mouth.rings[:5], view)
    wrong["mouth's inside through sealed lips"] = 0 if parted else int(inner.sum())
    wrong["mouth's inside outside lips"] = int((inner & ~mouth).sum()) if parted else 0
    return wrong


def _outline(vertices: Floats, rings: NDArray[np.int32], view: View) -> NDArray[np.bool_]:
    """(S, S) pixels within any of the closed lines of vertices, or within `SLACK_PX` of them."""
    canvas = Image.new("1", (SIZE_PX, SIZE_PX))
    pen = ImageDraw.Draw(canvas)
    for ring in rings:
        points = [tuple(point) for point in project_points(place_head(vertices[ring], view.turn), view).tolist()]
        pen.polygon(points, fill=1)
        pen.line([*points, points[0]], fill=1, width=int(2 * SLACK_PX))
    return np.asarray(canvas)


def _scene(case: Case, generator: np.random.Generator) -> Scene:
    african, asian, european = (float(share) for share in generator.dirichlet([0.6, 0.6, 0.6]))
    age, gender = float(generator.uniform(5.0, 82.0)), float(generator.random())
    identity = sample_identity(generator, age_years=age, gender=gender, ancestry=(african, asian, european))
    camera = Camera(yaw_deg=float(generator.uniform(-35.0, 35.0)), pitch_deg=float(generator.uniform(-15.0, 15.0)))
    return replace(sit(PEOPLE[0]), identity=identity, action_units=dict(case.units), gaze=case.gaze, camera=camera)


def _report(name: str, scenes: list[Scene]) -> dict[str, Any]:
    head = load_head()
    depths = [measure_depths(head, scene) for scene in scenes]
    drawings = draw(scenes, size_px=SIZE_PX)
    wrong = [spot_wrong_parts(head, scene, drawing) for scene, drawing in zip(scenes, drawings, strict=True)]
    return {
        "class": name,
        "cases": len(scenes),
        "depth_mm": {
            part: {
                "share": round(float(np.mean([one[part] > 0.002 for one in depths])), 4),
                "worst": round(100.0 * max(one[part] for one in depths), 2),
            }
            for part in depths[0]
            if part != "folded"
        },
        "folded_share": round(float(np.mean([one["folded"] for one in depths])), 5),
        "pictures_wrong": {
            part: {"count": sum(one[part] > 0 for one in wrong), "most_px": max(one[part] for one in wrong)}
            for part in wrong[0]
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200, help="of each class")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--classes", nargs="+", choices=tuple(CLASSES), default=tuple(CLASSES))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    for name in asked.classes:
        generator = np.random.default_rng([asked.seed, list(CLASSES).index(name)])
        scenes = [_scene(sample_case(name, generator), generator) for _ in range(asked.cases)]
        rows.append(_report(name, scenes))
    found = {"seed": asked.seed, "size_px": SIZE_PX, "classes": rows, "environment": environment()}
    print(json.dumps(found, indent=1) if asked.json else _table(rows))


def _table(rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        lines.append(f"{row['class']}: n = {row['cases']}, folded triangles {row['folded_share']:.3%}")
        lines += [
            f"    {part:36} {d['share']:7.1%} over 0.2 mm, worst {d['worst']:.2f} mm"
            for part, d in row["depth_mm"].items()
        ]
        lines += [
            f"    {part:36} {w['count']:4} pictures, at most {w['most_px']} px"
            for part, w in row["pictures_wrong"].items()
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

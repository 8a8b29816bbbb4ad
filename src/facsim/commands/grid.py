"""A grid of faces: a person in each row, action units or an expression in each column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facsim.products import OnProgress
    from facsim.sources.render import PersonKey

__all__ = ["CELL_PX", "Grid", "Look", "draw_grid", "invent_people", "looks_of"]

CELL_PX = 192
"""Side of a picture of the grid."""

_STEP = "preview"


@dataclass(frozen=True, kw_only=True)
class Look:
    """A column: its title, and the action units by key, or None for the expression's prototypes."""

    title: str
    coding: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Encoded pictures by column title, from top to bottom; a line about each row; facts of each cell by row."""

    columns: Mapping[str, Sequence[bytes]]
    rows: Sequence[str]
    cells: Sequence[Mapping[str, Any]]


def looks_of(action_units: Sequence[str], expressions: Sequence[str]) -> list[Look]:
    """Columns for codings such as `6+12D`, then for expressions. Raises FacsimError for what cannot be shown."""
    from facsim.coding import parse_coding
    from facsim.errors import FacsimError, hint_nearest
    from facsim.expressions import EIGHT_EXPRESSIONS
    from facsim.models.action_units import check_action_units

    looks = [Look(title=text, coding=check_action_units(parse_coding(text))) for text in action_units]
    for name in expressions:
        if name not in EIGHT_EXPRESSIONS:
            raise FacsimError(f'no expression is called "{name}".{hint_nearest(name, EIGHT_EXPRESSIONS)}')
    return [*looks, *(Look(title=name) for name in expressions)]


def invent_people(count: int) -> list[PersonKey]:
    """As many people as asked, spread over ages, genders and skin tones, from light skin to dark: always the same."""
    from facsim.plan import Plan, plan_table
    from facsim.sources.render import PersonKey

    tones = Counter(str(1 + round(9 * (k + 0.5) / count - 0.5)) for k in range(count))
    plan = Plan(count=count, quotas={"skin_tone_monk": dict(tones)})
    rows = sorted(plan_table(plan).to_pylist(), key=lambda row: row["skin_tone_monk"])
    return [
        PersonKey(
            identity_id=row["identity_id"],
            age_years=float(row["apparent_age_years"]),
            gender=row["apparent_gender"],
            ancestry=tuple(row["apparent_ancestry"]),
            tone=int(row["skin_tone_monk"]),
        )
        for row in rows
    ]


def draw_grid(people: Sequence[PersonKey], looks: Sequence[Look], *, device: str, on_progress: OnProgress) -> Grid:
    """Every person with every look, facing the camera, each in a light and before a backdrop of their own."""
    from facsim.products import Progress
    from facsim.worker import device_of_worker

    total, drawn, cells = len(people) * len(looks), dict[str, list[bytes]](), list[dict[str, Any]]()
    on_progress(Progress(step=_STEP, done=0, total=total))
    for row, person in enumerate(people):
        faces = _draw_row(person, looks, row, device_of_worker(device, 0))
        for look, (image, facts) in zip(looks, faces, strict=True):
            drawn.setdefault(look.title, []).append(image)
            cells.append({"person": person.identity_id, "row": _row_title(person), "column": look.title, **facts})
        on_progress(Progress(step=_STEP, done=len(cells), total=total))
    return Grid(columns=drawn, rows=[_row_title(person) for person in people], cells=cells)


def _draw_row(person: PersonKey, looks: Sequence[Look], row: int, device: str) -> list[tuple[bytes, dict[str, Any]]]:
    from facsim.coding import format_coding
    from facsim.models.drawing import draw
    from facsim.pictures import encode_png
    from facsim.sources.render import compose_scene

    scenes = []
    for look in looks:
        coding, pose = _shown(person, look)
        scenes.append(compose_scene(person, coding, pose_deg=pose, seed=row))
    drawings = draw(scenes, size_px=CELL_PX, device=device)
    return [
        (encode_png(drawing.picture), {"action_units": format_coding(scene.action_units)})
        for drawing, scene in zip(drawings, scenes, strict=True)
    ]


def _shown(person: PersonKey, look: Look) -> tuple[Mapping[str, float], tuple[float, float, float]]:
    """The coding, and how the head is turned: what prototypes say, or straight ahead."""
    from facsim.prototypes import sample_prototype
    from facsim.sample import generator_for

    if look.coding is not None:
        return look.coding, (0.0, 0.0, 0.0)
    drawn = sample_prototype(look.title, generator_for(person.identity_id, f"preview/{look.title}").random)
    return drawn.coding, (drawn.head_yaw_deg, drawn.head_pitch_deg, 0.0)


def _row_title(person: PersonKey) -> str:
    return f"{person.gender[0]}, {person.age_years:.0f} years, tone {person.tone}"

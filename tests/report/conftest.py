"""A finished run of drawn faces with every column that the report reads; no stage and no model is needed for it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from PIL import Image, ImageDraw

from facsim.coding import coding_columns, format_coding
from facsim.manifest import Manifest, StepRecord, create_manifest, rows_table
from facsim.plan import PLAN_WRITES, Plan, plan_table, shard_sizes
from facsim.provenance import environment
from facsim.sample import generator_for

SIDE = 64
CODES = (1, 2, 4, 5, 6, 9, 12, 15, 20, 25, 26)
SHOWN = {
    "anger": (4, 5),
    "disgust": (9, 15),
    "fear": (1, 2, 4, 5, 20, 25),
    "happiness": (6, 12, 25),
    "neutral": (),
    "sadness": (1, 4, 15),
    "surprise": (1, 2, 5, 26),
}
RENDERED = (
    "image",
    "width_px",
    "height_px",
    "action_units",
    *coding_columns({}, CODES),
    "landmarks_68",
    "landmarks_68_visible",
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "face_luminance",
    "light_kind",
    "hair_length",
)


def draw_face(coding: Mapping[str, float], tone: int) -> Image.Image:
    """A cartoon: brows by AU 1 and 4, eyes by 5, mouth by 12, 15 and 26."""
    light = 240 - 17 * tone
    image = Image.new("RGB", (SIDE, SIDE), (70, 90, 110))
    pen = ImageDraw.Draw(image)
    pen.ellipse((8, 4, 56, 62), fill=(light, int(light * 0.8), int(light * 0.65)))
    inner = 2 * (coding.get("4L", 0) - coding.get("1L", 0)) / 2
    for x, towards in ((22, 1), (42, -1)):
        pen.line((x - 6 * towards, 20, x + 5 * towards, 20 + inner), fill=(30, 20, 20), width=2)
        pen.ellipse((x - 4, 27 - coding.get("5L", 0) / 2, x + 4, 31 + coding.get("5L", 0) / 2), fill=(250, 250, 250))
        pen.ellipse((x - 2, 27, x + 2, 31), fill=(20, 20, 30))
    bend, drop = 2 * (coding.get("12L", 0) - coding.get("15L", 0)), 3 * coding.get("26", 0)
    pen.polygon([(22, 46 - bend), (32, 46 + bend / 2), (42, 46 - bend), (32, 48 + drop)], fill=(120, 30, 40))
    return image


def rendered_row(sample_id: str, expression: str, tone: int) -> dict[str, Any]:
    """What a source would write for one sample."""
    generator = generator_for(sample_id, "drawn")
    keys = [key for code in SHOWN[expression] for key in ([f"{code}L", f"{code}R"] if code < 25 else [str(code)])]
    coding = {key: float(np.round(generator.uniform(0.6, 4.8), 2)) for key in keys}
    sink = io.BytesIO()
    draw_face(coding, tone).save(sink, "PNG")
    yaw, pitch, roll = (float(v) for v in generator.normal(0, (14, 7, 4)).clip(-60, 60))
    return {
        "sample_id": sample_id,
        "image": {"bytes": sink.getvalue(), "path": f"{sample_id}.png"},
        "width_px": SIDE,
        "height_px": SIDE,
        "action_units": format_coding(coding),
        **coding_columns(coding, CODES),
        "landmarks_68": (face_points() + generator.normal(0, 0.8, (68, 2))).ravel().tolist(),
        "landmarks_68_visible": [bool(seen) for seen in generator.random(68) > 0.03],
        "yaw_deg": yaw,
        "pitch_deg": pitch,
        "roll_deg": roll,
        "face_luminance": float(np.clip(0.85 - 0.06 * tone + generator.normal(0, 0.05), 0, 1)),
        "light_kind": str(generator.choice(["studio", "window", "low key"])),
        "hair_length": str(generator.choice(["short", "long"])),
    }


def face_points() -> np.ndarray:
    """68 landmarks (68, 2) of the cartoon, iBUG order, px."""

    def arc(
        centre: tuple[float, float], radii: tuple[float, float], turn: tuple[float, float], count: int
    ) -> np.ndarray:
        angle = np.radians(np.linspace(*turn, count))
        return np.stack([centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)], axis=1)

    jaw = arc((32, 33), (23, 28), (180, 0), 17)
    brows = [arc((x, 24), (7, 5), (200, 340), 5) for x in (22, 42)]
    nose = [np.stack([np.full(4, 32.0), np.linspace(28, 38, 4)], axis=1), arc((32, 39), (5, 2), (180, 0), 5)]
    eyes = [arc((x, 29), (4, 2), (180, 480), 6) for x in (22, 42)]
    mouth = [arc((32, 48), (10, 5), (180, 510), 12), arc((32, 48), (7, 2), (180, 495), 8)]
    return np.concatenate([jaw, *brows, *nose, *eyes, *mouth])


def record(name: str, stage: str, writes: tuple[str, ...], **configuration: Any) -> StepRecord:
    """A step as it would be recorded."""
    return StepRecord(
        name=name,
        stage=stage,
        version=1,
        configuration=configuration,
        bindings={},
        writes=writes,
        weights=(),
        upstream={},
    )


def write_step(run: Manifest, step: StepRecord, rows: list[dict[str, Any]]) -> None:
    """Begin a step and land all of its shards."""
    run.begin_step(step)
    table, start = rows_table(rows, step.writes, {}), 0
    for shard, count in enumerate(run.shard_rows):
        run.write_shard(step.name, shard, table.slice(start, count))
        start += count


@dataclass(frozen=True, kw_only=True)
class Made:
    """What is asked of a made run. `pictures`: drawn, large or noise; `hostile`: text put where a run's text may be."""

    count: int = 42
    recipe: str = ""
    pictures: str = "drawn"
    hostile: str = ""
    quotas: Mapping[str, int] = field(default_factory=dict[str, int])
    unlabelled: bool = False
    reject_all: bool = False

    def planned(self) -> list[dict[str, Any]]:
        """The plan's rows; the first is without a label, or full of hostile text, where that is asked for."""
        rows = plan_table(Plan(count=self.count, seed=7)).to_pylist()
        if self.unlabelled:
            rows[0]["expression_target"] = None
        if self.hostile:
            rows[0].update(expression_target=self.hostile, apparent_gender=self.hostile)
        return rows

    def rendered(self, index: int, row: Mapping[str, Any]) -> dict[str, Any]:
        """The source's row: the fourth has a problem."""
        if index == 3:
            return {"sample_id": row["sample_id"], "problem": "crashed", "problem_detail": "the worker died"}
        expression = row["expression_target"] if row["expression_target"] in SHOWN else "neutral"
        drawn = rendered_row(row["sample_id"], expression, row["skin_tone_monk"])
        if self.pictures != "drawn":
            drawn["image"]["bytes"] = self._replaced(row["sample_id"], drawn["image"]["bytes"])
        return {**drawn, "action_units": self.hostile} if self.hostile and index == 0 else drawn

    def _replaced(self, sample_id: str, picture: bytes) -> bytes:
        sink = io.BytesIO()
        if self.pictures == "noise":
            pixels = generator_for(sample_id, "noise").integers(0, 256, (112, 112, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(sink, "PNG")
        else:
            Image.open(io.BytesIO(picture)).resize((300, 300)).save(sink, "PNG")
        return sink.getvalue()

    def verdict(self, index: int, row: Mapping[str, Any]) -> dict[str, Any]:
        """Rows 5, 6 and 8 are rejected, or all of them."""
        reason = {5: "duplicate", 6: "over_quota", 8: "over_quota"}.get(index)
        reason = self.hostile if self.hostile and index == 6 else "not_asked" if self.reject_all else reason
        return {"sample_id": row["sample_id"], "accepted": reason is None, "reason": reason}


def new_run(place: Path, source: Mapping[str, Any], count: int, recipe: str) -> Manifest:
    """An empty run folder."""
    header = {"facsim": "0.1.0", "created": "2025-01-02T03:04:05+00:00", "source": dict(source)}
    return create_manifest(str(place), header={**header, "rounds": [list(shard_sizes(count))]}, recipe_text=recipe)


def planned_run(place: Path, made: Made) -> Manifest:
    """A run of drawn faces: plan, render, select."""
    plan = {"count": made.count, "seed": 7}
    steps = [{"use": "render"}, {"use": "select"}]
    run = new_run(place, {"plan": plan}, made.count, made.recipe or tomli_w.dumps({"plan": plan, "step": steps}))
    rows = made.planned()
    write_step(run, record("plan", "plan", PLAN_WRITES), rows)
    rendered = [made.rendered(i, row) for i, row in enumerate(rows)]
    write_step(run, record("render", "render", RENDERED, size_px=SIDE), rendered)
    settings = {"quotas": dict(made.quotas)} if made.quotas else {}
    verdicts = [made.verdict(i, row) for i, row in enumerate(rows)]
    write_step(run, record("select", "select", ("accepted", "reason"), **settings), verdicts)
    for step, seconds in (("render", 12.5), ("select", 0.25)):
        entry = {"at": "2025-01-02T03:05:05+00:00", "step": step, "rows": made.count, "seconds": seconds, "workers": 2}
        run.folder.append("log.jsonl", json.dumps({**entry, "device": "cpu", "environment": environment()}))
    return run


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Manifest]:
    """A function from the fields of `Made` to a finished run: row 3 crashed, rows 5, 6 and 8 are rejected."""
    return lambda count=42, **asked: planned_run(tmp_path_factory.mktemp("runs") / "drawn", Made(count=count, **asked))


@pytest.fixture(scope="session")
def ingested_run(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """14 pictures that were there before: no plan, no action units, no verdict."""
    source = {"input": [{"path": "faces"}]}
    run = new_run(tmp_path_factory.mktemp("runs") / "ingested", source, 14, tomli_w.dumps(source))
    rows = Made(count=14).planned()
    given = [{"sample_id": row["sample_id"], "expression_given": row["expression_target"]} for row in rows]
    drawn = [rendered_row(row["sample_id"], row["expression_target"], 5) for row in rows]
    write_step(run, record("plan", "plan", ("expression_given",)), given)
    write_step(
        run, record("ingest", "ingest", ("image",)), [{k: row[k] for k in ("sample_id", "image")} for row in drawn]
    )
    return run


@pytest.fixture(name="face_points")
def fixture_face_points() -> np.ndarray:
    """68 landmarks (68, 2) of an upright face in a picture of 64 px."""
    return face_points()


@pytest.fixture(scope="session")
def run(make_run: Callable[..., Manifest]) -> Manifest:
    """42 drawn faces, of which one could not be drawn and three are rejected; trained on and evaluated."""
    made = make_run()
    write_learning(made)
    return made


def write_learning(made: Manifest) -> None:
    """`model/training.json` and one evaluation, as training and `facsim evaluate` leave them."""
    curve: list[dict[str, float]] = []
    for step in range(10, 301, 10):
        curve.append({"step": step, "loss": 0.55 + 1.4 * float(np.exp(-step / 80)), "lr": 0.002})
        if step % 30 == 0:
            share = 0.95 - 0.8 * float(np.exp(-step / 90))
            curve.append({"step": step, "validation_accuracy": share, "validation_uar": share - 0.02})
    training = {
        "stopped": "finished",
        "step": 300,
        "total_steps": 300,
        "seconds": 41.5,
        "config": {"steps": 300, "lr": 0.002, "seed": 3, "augmentation": {"flip": 0.5}},
        "pictures_left_out": {},
        "curve": curve,
    }
    made.folder.write("model/training.json", json.dumps(training).encode())
    made.folder.write("evaluations/publictest.json", json.dumps(evaluation()).encode())


def evaluation() -> dict[str, Any]:
    """What `facsim evaluate --json` prints: 70 of 100 pictures of each class right, the rest called neutral."""
    classes = sorted(SHOWN)
    counts = [[0] * 7 for _ in classes]
    for index, name in enumerate(classes):
        counts[index][index] = 70
        counts[index][classes.index("neutral") if name != "neutral" else 0] += 30
    measure = {"value": 0.7, "n": 700, "low": 0.665, "high": 0.734}
    return {
        "on": "../data/publictest.zip",
        "accuracy": measure,
        "uar": measure,
        "macro_f1": {**measure, "value": 0.71},
        "ece": {"value": 0.08, "n": 700, "low": 0.05, "high": 0.11},
        "n": 700,
        "classes": classes,
        "recall": dict.fromkeys(classes, 0.7),
        "confusion": counts,
        "seen_in_training": {"count": 0, "without": None},
        "model_sha256": "",
        "left_out": {"truncated": 2},
    }

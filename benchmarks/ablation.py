"""What is each part of the renderer worth? The yardstick on renders that lack it, on the cut of FER2013 for choices.

    python benchmarks/ablation.py --recipe recipes/yardstick.toml --count 14000 \\
        --photos fer2013/train.zip --barred fer2013/publictest.zip --json

Every row is the recipe with one change (`CHANGES`), the same seed, rendered and trained anew; `everything` is the
recipe as it is. One seed screens: a difference under two standard errors of the cut, about 0.018 in accuracy, says
nothing.
Rows already measured in `--out` are not measured again, so that a run that was killed goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from facsim.learn.data import chooser_split
from facsim.learn.sources import load_pictures
from facsim.learn.yardstick import measure
from facsim.provenance import environment
from facsim.recipe import Recipe, load_recipe
from facsim.runner import run

__all__ = ["CHANGES", "change_recipe", "main"]

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "everything": {},
    "no wrinkles": {"scene": {"skin.folds": 0.0, "skin.age_lines": 0.0}},
    "no hair": {"scene": {"hair.style": "shaved", "beard.kind": "clean"}},
    "one light": {"scene": {"light.kind": "studio", "light.key.azimuth_deg": 20.0, "light.key.elevation_deg": 30.0}},
    "clean camera": {
        "scene": {
            "sensor.blur": 0.0, "sensor.noise": 0.0, "sensor.sharpening": 0.0, "sensor.contrast": 1.2,
            "sensor.exposure_ev": 0.3, "sensor.metering": 0.9, "sensor.vignetting": 0.0, "sensor.watermark": 0.0,
            "sensor.jpeg_quality": "none",
        }
    },
    "frontal": {"pose": 0.0},
    "nothing worn or held": {
        "occluders": 0.0, "hands": 0.0, "scene": {"worn.glasses.shape": "none", "worn.headwear.kind": "none"}
    },
    "one coding an expression": {"variety": 0.0},
    "100 people": {"people": 100},
}  # fmt: skip
"""Name -> what the render step is told beside what the recipe says; `people` is how many are cast."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", required=True, metavar="TOML")
    parser.add_argument("--photos", required=True, metavar="SOURCE", help="FER2013's training split")
    parser.add_argument("--barred", required=True, metavar="SOURCE", help="PublicTest: its pictures are left out")
    parser.add_argument("--count", type=int, default=14000, help="renders for each row")
    parser.add_argument("--only", nargs="+", choices=tuple(CHANGES), default=tuple(CHANGES), metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="for screening: fewer steps than the yardstick's own")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = {name: _row(name, asked) for name in asked.only}
    found = {"rows": rows, "seed": asked.seed, "count": asked.count, "steps": asked.steps, "environment": environment()}
    print(json.dumps(found, indent=1) if asked.json else _table(rows))


def change_recipe(recipe: Recipe, change: Mapping[str, Any], *, count: int, seed: int) -> Recipe:
    """The recipe's plan and render step alone, of `count` pictures, with one of `CHANGES`."""
    if recipe.plan is None:
        sys.exit("the recipe has no [plan]")
    told = dict(change)
    people = told.pop("people", None)
    step = next(step for step in recipe.steps if step.stage.name == "render")
    scene = {**step.stage.scene, **told.pop("scene", {})}  # pyright: ignore[reportAttributeAccessIssue]
    stage = replace(step.stage, scene=scene, **told)  # pyright: ignore[reportArgumentType]
    plan = replace(recipe.plan, count=count, seed=seed, pictures_per_identity=1 if people is None else count // people)
    return replace(recipe, plan=plan, steps=(replace(step, stage=stage),))


def _row(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    place = asked.out / name.replace(" ", "-")
    kept = place / "row.json"
    if kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))
    recipe = change_recipe(load_recipe(asked.recipe), CHANGES[name], count=asked.count, seed=asked.seed)
    run(recipe, str(place / "run"), workers=asked.workers)
    training = load_pictures(str(place / "run"))
    barred = frozenset(int(value) for value in load_pictures(asked.barred).hashes)
    _, cut = chooser_split(load_pictures(asked.photos, classes=training.classes), barred=barred)
    evaluation = measure(training, cut, seed=asked.seed, out=place / "model", threads=asked.threads, steps=asked.steps)
    figures = {figure: getattr(evaluation, figure).to_json() for figure in ("accuracy", "uar", "macro_f1")}
    row = {**figures, "recall": evaluation.to_json()["recall"], "n_train": len(training)}
    kept.write_text(json.dumps(row), encoding="utf-8")
    print(f"{name}: {row['accuracy']['value']:.4f}", file=sys.stderr, flush=True)
    return row


def _table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    head = f"{'':26}accuracy  UAR     macro F1"
    lines = [
        f"{name:26}{row['accuracy']['value']:.4f}    {row['uar']['value']:.4f}  {row['macro_f1']['value']:.4f}"
        for name, row in rows.items()
    ]
    return "\n".join([head, *lines])


if __name__ == "__main__":
    main()

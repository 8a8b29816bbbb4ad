"""What a training set is worth: the yardstick trained on it, once a seed, and tested on labelled pictures.

    python benchmarks/yardstick.py --train runs/renders --test ../shared/data/fer2013/publictest.zip --seeds 0 1 2

    python benchmarks/yardstick.py --train recipes/yardstick.toml \\
        --test ../shared/data/fer2013/publictest.zip --seeds 0 1 2

A recipe is run first, once a seed, with that seed for its plan. SOURCE is a run folder, a class folder, an archive of
one, a FER2013 CSV or Parquet. To choose between recipes, test on the fixed cut of FER2013's training split, without
what is also in PublicTest, and never on PublicTest itself:

    python benchmarks/yardstick.py --train runs/renders --test fer2013/train.zip --test-part chooser \\
        --barred fer2013/publictest.zip

Of renders that are aligned (recipes/yardstick-aligned.toml) the test pictures have to be, too: --test is a run of
recipes/aligned.toml over them.

With `--votes` each model is also tested against the majority of FER+'s raters, on the test pictures that have one among
the seven: a majority is more than half of the votes once single votes are dropped (`facsim.formats.ferplus`).

A run that was killed goes on when it is started again with the same --out. A seed's 224,000 pictures are 254 s at 880 a
second, the quickstart's rate on two idle cores; on busy ones `--threads 1`, two seeds side by side, is quicker.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from facsim.formats.ferplus import read_ferplus_votes, relabelled
from facsim.learn.data import Pictures, chooser_split, pictures_from
from facsim.learn.evaluate import Evaluation
from facsim.learn.sources import load_pictures, records_of
from facsim.learn.yardstick import YARDSTICK, YARDSTICK_SHAPE, measure, spread_of
from facsim.products import Progress
from facsim.provenance import environment
from facsim.recipe import load_recipe
from facsim.runner import run


def main() -> None:
    asked = _arguments()
    barred = frozenset[int]()
    if asked.barred:
        barred = frozenset(int(value) for value in _load(asked.barred).hashes)
    begun, sizes, evaluations, voted = time.monotonic(), set[int](), list[Evaluation](), list[Evaluation]()
    for seed in asked.seeds:
        source = _source(asked, seed)
        training = _part(_load(source, units=asked.action_units > 0), asked.train_part, barred)
        test = _part(_load(asked.test, classes=training.classes), asked.test_part, barred)
        sizes.add(len(training))
        evaluations.append(_measured(training, test, seed, asked))
        if asked.votes:  # the trained model is found again, not trained again
            majority = _part(_load_majority(asked.test, asked.votes, training.classes), asked.test_part, barred)
            voted.append(_measured(training, majority, seed, asked))
    found = {
        "train": {"source": asked.train, "part": asked.train_part, "n": max(sizes)},
        "test": {"source": asked.test, "part": asked.test_part, "n": evaluations[0].confusion.n},
        "seeds": asked.seeds,
        "figures": _plain(evaluations),
        "evaluations": [evaluation.to_json() for evaluation in evaluations],
        "votes": {
            "n": voted[0].confusion.n if voted else 0,
            "figures": _plain(voted),
            "evaluations": [evaluation.to_json() for evaluation in voted],
        },
        "config": YARDSTICK.to_json()
        | ({"steps": asked.steps} if asked.steps else {})
        | {"action_units": asked.action_units},
        "seconds_this_sitting": round(time.monotonic() - begun, 1),
        "environment": environment(),
    }
    (asked.out / "yardstick.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1) if asked.json else _table(found, evaluations, voted))


def _plain(evaluations: list[Evaluation]) -> dict:
    """Where -> figure -> its spread over seeds, plain JSON; nothing of nothing."""
    if not evaluations:
        return {}
    return {
        where: {name: spread.to_json() for name, spread in figures.items()}
        for where, figures in spread_of(evaluations).items()
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True, metavar="SOURCE")
    parser.add_argument("--test", required=True, metavar="SOURCE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="SEED")
    parser.add_argument("--train-part", choices=("all", "rest"), default="all", help="rest: without the fixed cut")
    parser.add_argument("--test-part", choices=("all", "chooser"), default="all", help="chooser: the fixed cut alone")
    parser.add_argument("--barred", metavar="SOURCE", help="pictures that the parts rest and chooser may not hold")
    parser.add_argument("--votes", metavar="CSV", help="FER+'s votes for the test pictures: test against them too")
    parser.add_argument("--steps", type=int, help="for screening only: fewer steps than the yardstick's own")
    parser.add_argument(
        "--action-units", type=float, default=0.0, metavar="WEIGHT", help="of a second task: no yardstick's figure"
    )
    parser.add_argument("--threads", type=int, default=2, help="of the training; last bits depend on it")
    parser.add_argument("--workers", type=int, default=2, help="of a recipe's run; no result depends on it")
    parser.add_argument("--out", type=Path, default=Path("runs/yardstick"), help="a folder for models and results")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser.parse_args()


def _source(asked: argparse.Namespace, seed: int) -> str:
    """What to train on for a seed: the source asked for, or the finished run of the recipe asked for."""
    if not asked.train.endswith(".toml"):
        return asked.train
    recipe = load_recipe(asked.train)
    if recipe.plan is None:
        sys.exit(f"{asked.train} has no [plan] to give the seed to")
    place = str(asked.out / f"run-{seed}")
    run(replace(recipe, plan=replace(recipe.plan, seed=seed)), place, workers=asked.workers, on_progress=_told)
    return place


def _told(progress: Progress) -> None:
    if progress.done % 1000 < 16:
        print(f"{progress.step}: {progress.done}/{progress.total}", file=sys.stderr, flush=True)


def _load(source: str, classes: tuple[str, ...] | None = None, *, units: bool = False) -> Pictures:
    shape = YARDSTICK_SHAPE
    return load_pictures(source, size_px=shape.size_px, colour=shape.colour, classes=classes, units=units)


def _load_majority(source: str, votes: str, classes: tuple[str, ...]) -> Pictures:
    """The pictures of which most raters say the same, one of `classes`, with that as their label."""
    records = relabelled(records_of(source), read_ferplus_votes(votes))
    held = [replace(record, metadata={}) for record in records if record.expression in classes]
    return replace(pictures_from(held, shape=YARDSTICK_SHAPE, classes=classes), origin=f"{Path(source).name}, FER+")


def _part(pictures: Pictures, part: str, barred: frozenset[int]) -> Pictures:
    if part == "all":
        return pictures
    rest, chooser = chooser_split(pictures, barred=barred)
    return chooser if part == "chooser" else rest


def _measured(training: Pictures, test: Pictures, seed: int, asked: argparse.Namespace) -> Evaluation:
    def show(step: int, total: int, rate: float, loss: float) -> None:
        left = (total - step) * YARDSTICK.batch_size / max(rate, 1e-9)
        if step % 100 == 0 or step == total:
            line = f"seed {seed}: step {step}/{total}, loss {loss:.3f}, {rate:.0f} pictures/s, {left:.0f} s left"
            print(line, file=sys.stderr, flush=True)

    out = asked.out / f"seed-{seed}"
    kwargs = {"threads": asked.threads, "steps": asked.steps, "action_units": asked.action_units}
    return measure(training, test, seed=seed, out=out, **kwargs, on_progress=show)


def _table(found: dict, evaluations: list[Evaluation], voted: list[Evaluation]) -> str:
    first = evaluations[0]
    seen = "unknown" if first.seen is None else f"{first.seen.count} of {first.confusion.n} test pictures"
    lines = [f"trained on {found['train']}", f"tested on {found['test']}", f"also in training: {seen}"]
    for where, figures in spread_of(evaluations).items():
        lines += [f"{where:7} {name:9} {spread}" for name, spread in figures.items()]
    for name, spread in spread_of(voted)["all"].items() if voted else ():
        lines.append(f"FER+    {name:9} {spread}   n = {voted[0].confusion.n}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

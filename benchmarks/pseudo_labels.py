"""What labels of teachers are worth: how many pictures they keep, how right they are, and what is learnt from them.

    facsim run recipes/pseudo-labels.toml --set ... --out runs/pseudo        # ingest, two teachers, their vote
    python benchmarks/pseudo_labels.py --run runs/pseudo --labels clean research vote --votes ferplus_votes.csv \\
        --barred fer2013/publictest.zip --part second

A collection is labelled with its own labels hidden; then, for each step that labels and each threshold on the score of
its first choice, how many pictures stay of each class and how many of them FER+'s majority (and the collection's own
label) agrees with, with Wilson's intervals. Pictures without a majority among the seven count as kept, not as judged.

With --soft it learns the distributions behind the labels instead: SynFER's rule, where the step is a vote by `mean`.

With --precision the cut, with its own labels, chooses a threshold for each class whose lower bound promises it.

With --train NAME the yardstick is trained on what is kept at --threshold, with the labels of NAME, or of `true`, the
collection's own labels of as many pictures, and tested on --test and on the fixed cut of the collection:

    python benchmarks/pseudo_labels.py ... --train research true --threshold 0.5 --test fer2013/publictest.zip --seeds 0

`--part` takes the half of the pictures that a teacher has not seen (`facsim teach research --part first`). What the
teachers of --seen-by have seen a near copy of is left out of it: FER2013 holds many pictures several times, and a
teacher knows their labels by heart. Copies of --barred pictures are left out everywhere. The fixed cut is never
labelled: it is what choices are made on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.expressions import EIGHT_EXPRESSIONS, SEVEN_EXPRESSIONS
from facsim.formats.ferplus import majority_expression, read_ferplus_votes
from facsim.learn.data import Pictures, is_chooser, take
from facsim.learn.evaluate import Evaluation
from facsim.learn.labellers.halves import PARTS
from facsim.learn.leaks import load_seen, near_pool, seen_in
from facsim.learn.sources import load_pictures
from facsim.learn.yardstick import YARDSTICK_SHAPE, measure, spread_of
from facsim.manifest import open_manifest
from facsim.metrics import share_of
from facsim.metrics.yields import Judged, lowest_threshold, yield_curves
from facsim.provenance import environment
from facsim.sample import generator_for

THRESHOLDS = (0.3, 0.5, 0.7, 0.9)
_INFINITE = float("inf")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """What one step says of the pictures: label (None: no decision) and the score of it, in the pictures' order."""

    label: list[str | None]
    score: NDArray[np.float64]
    soft: NDArray[np.float32]
    """(N, 8) the distribution behind it, over `EIGHT_EXPRESSIONS`; zeros where there is none."""

    def kept(self, threshold: float) -> NDArray[np.bool_]:
        """Of one threshold, which a score has to be above."""
        return np.array([label in SEVEN_EXPRESSIONS for label in self.label]) & (np.round(self.score, 4) > threshold)

    def kept_by_class(self, lowest: Mapping[str, float | None]) -> NDArray[np.bool_]:
        """Of a threshold a class, which a score has to reach; None: the class has none that is good enough."""
        bar = np.array([_INFINITE if (low := lowest.get(label or "")) is None else low for label in self.label])
        return np.round(self.score, 4) >= bar


def main() -> None:
    asked = _arguments()
    pictures = _load(asked.pictures)
    barred = _load(asked.barred) if asked.barred else None
    collection, cut = _parts(pictures, barred, asked.part, asked.seen_by)
    labels = {name: _labels(asked.run, name, collection.ids) for name in asked.labels}
    bars = {name: _bars(cut, _labels(asked.run, name, cut.ids), asked.precision) for name in asked.labels}
    found: dict[str, Any] = {
        "collection": {"source": asked.pictures, "part": asked.part, "n": len(collection), "cut": len(cut)},
        "yield": _yields(collection, labels, asked.votes),
        "class_thresholds": bars if asked.precision is not None else {},
        "trained": {},
        "environment": environment(),
    }
    for name in asked.train or ():
        found["trained"][name] = _trained(name, collection, cut, _masks(collection, labels, bars, asked), labels, asked)
    asked.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1)
    (asked.out / "pseudo_labels.json").write_text(text + "\n", encoding="utf-8")
    print(text if asked.json else _table(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="a run that ingested --pictures and labelled them")
    parser.add_argument("--labels", nargs="+", required=True, metavar="STEP", help="steps of the run that label")
    parser.add_argument("--pictures", required=True, metavar="SOURCE", help="the collection with its own labels")
    parser.add_argument("--votes", metavar="CSV", help="FER+'s votes for the collection")
    parser.add_argument("--barred", metavar="SOURCE", help="test pictures: their copies are left out")
    parser.add_argument("--seen-by", nargs="*", default=[], metavar="MODEL", help="models: copies of their pictures go")
    parser.add_argument("--part", choices=tuple(PARTS), default="second")
    parser.add_argument("--train", nargs="*", metavar="STEP", help="what to train the yardstick on; `true` too")
    parser.add_argument("--as-many-as", metavar="STEP", help="`true` takes as many pictures as this step keeps")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--precision", type=float, help="instead: a threshold a class that promises it, from the cut")
    parser.add_argument("--soft", action="store_true", help="train on the distributions, not on their first choices")
    parser.add_argument("--test", metavar="SOURCE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/pseudo-labels"))
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _load(source: str) -> Pictures:
    return load_pictures(source, size_px=YARDSTICK_SHAPE.size_px, colour=YARDSTICK_SHAPE.colour)


def _parts(
    pictures: Pictures, barred: Pictures | None, part: str, teachers: Sequence[str]
) -> tuple[Pictures, Pictures]:
    """The part that is labelled, and the fixed cut, both without copies of barred pictures and of what teachers saw."""
    copies = np.zeros(len(pictures), dtype=bool)
    if barred is not None:
        copies = near_pool(pictures, barred) | seen_in(pictures.hashes, barred.hashes)
    kept = take(pictures, ~copies)
    cut = take(kept, np.array([is_chooser(name) for name in kept.ids]))
    collection = take(kept, np.array([PARTS[part](name) for name in kept.ids]))
    return _unseen(collection, teachers), _unseen(cut, teachers)


def _unseen(pictures: Pictures, teachers: Sequence[str]) -> Pictures:
    for folder in teachers:
        pictures = take(pictures, ~load_seen(folder).known(pictures))
    return pictures


def _labels(run_url: str, step: str, names: tuple[str, ...]) -> Labelled:
    """The step's labels in the order of these names; of a step that only scores, its first choice."""
    run = open_manifest(run_url)
    path = run.find("source_path")
    columns = run.step(step).writes
    decided = "expression_label" in columns
    scores = f"{step}.expression_soft" if decided else f"{step}.expression_scores"
    wanted = [scores, *([f"{step}.expression_label", f"{step}.vote_confidence"] if decided else [])]
    table = run.table([path, *wanted])
    by_name: dict[str, tuple[str | None, float, Sequence[float]]] = {}
    for row, name in enumerate(table.column(path).to_pylist()):
        soft, *said = [table.column(column)[row].as_py() for column in wanted]
        label, score = (said[0], said[1] or 0.0) if decided else _first(soft)
        by_name[name] = (label, score, soft or [0.0] * len(EIGHT_EXPRESSIONS))
    missing = [name for name in names if name not in by_name]
    if missing:
        sys.exit(f"{run_url} lacks {len(missing)} of the pictures, {missing[0]} first; ingest the same collection")
    found = [by_name[name] for name in names]
    return Labelled(
        label=[label for label, _, _ in found],
        score=np.array([score for _, score, _ in found]),
        soft=np.array([soft for _, _, soft in found], dtype=np.float32).reshape(len(found), len(EIGHT_EXPRESSIONS)),
    )


def _first(scores: list[float] | None) -> tuple[str | None, float]:
    if scores is None:
        return None, 0.0
    best = int(np.argmax(np.round(scores, 4)))
    return EIGHT_EXPRESSIONS[best], float(scores[best])


def _bars(cut: Pictures, said: Labelled, precision: float | None) -> dict[str, float | None]:
    """Class -> the lowest threshold whose bound on the cut, by its own labels, is at least `precision`."""
    if precision is None:
        return {}
    rows = np.flatnonzero([label in SEVEN_EXPRESSIONS for label in said.label])
    called = np.array([SEVEN_EXPRESSIONS.index(said.label[row] or "") for row in rows], dtype=np.int64)
    right = np.array([said.label[row] == cut.labels[row] for row in rows], dtype=np.float64)
    judged = Judged(called=called, score=said.score[rows], right=right)
    curves = yield_curves(called, said.score[rows], judged=judged, classes=SEVEN_EXPRESSIONS)
    points = {curve.name: lowest_threshold(curve, precision) for curve in curves if curve.name != "all"}
    return {name: None if point is None else point.threshold for name, point in points.items()}


def _masks(
    collection: Pictures,
    labels: Mapping[str, Labelled],
    bars: Mapping[str, Mapping[str, float | None]],
    asked: argparse.Namespace,
) -> dict[str, NDArray[np.bool_]]:
    """What each step keeps to train on, by --precision or --threshold; and `true`: as many by chance."""
    masks = {
        name: said.kept(asked.threshold) if asked.precision is None else said.kept_by_class(bars[name])
        for name, said in labels.items()
    }
    count = int(masks[asked.as_many_as or asked.labels[0]].sum())
    order = generator_for("benchmarks/pseudo_labels", "true").permutation(len(collection))
    masks["true"] = np.zeros(len(collection), dtype=bool)
    masks["true"][order[:count]] = True
    return masks


def _yields(collection: Pictures, labels: Mapping[str, Labelled], votes: str | None) -> dict[str, Any]:
    majority = {row.name: majority_expression(row.votes) for row in read_ferplus_votes(votes)} if votes else {}
    truths = {"own": list(collection.labels), "ferplus": [majority.get(name) for name in collection.ids]}
    found: dict[str, Any] = {}
    for name, said in labels.items():
        for threshold in THRESHOLDS:
            kept = said.kept(threshold)
            rows = {"all": kept} | {
                cls: kept & np.array([label == cls for label in said.label]) for cls in SEVEN_EXPRESSIONS
            }
            found.setdefault(name, {})[f"{threshold:g}"] = {
                cls: {"kept": int(mask.sum())} | {key: _precision(said, mask, truth) for key, truth in truths.items()}
                for cls, mask in rows.items()
            }
    return found


def _precision(said: Labelled, mask: NDArray[np.bool_], truth: list[str | None]) -> dict[str, Any]:
    judged = [row for row in np.flatnonzero(mask) if truth[row] in SEVEN_EXPRESSIONS]
    right = sum(said.label[row] == truth[row] for row in judged)
    if not judged:
        return {"n": 0, "precision": None, "low": None, "high": None}
    share = share_of(right, len(judged))
    return {"n": len(judged), "precision": share.value, "low": share.low, "high": share.high}


def _trained(
    name: str,
    collection: Pictures,
    cut: Pictures,
    masks: Mapping[str, NDArray[np.bool_]],
    labels: Mapping[str, Labelled],
    asked: argparse.Namespace,
) -> dict[str, Any]:
    """The yardstick trained on what stays, once a seed, on the cut and on the test pictures."""
    test = _load(asked.test) if asked.test else None
    on_cut: list[Evaluation] = []
    on_test: list[Evaluation] = []
    training = take(collection, masks[name])
    if name != "true":
        training = _relabelled(training, labels[name], np.flatnonzero(masks[name]), soft=asked.soft)
    bar = f"{asked.threshold:g}" if asked.precision is None else f"precision-{asked.precision:g}"
    for seed in asked.seeds:
        folder = asked.out / f"{name}-{bar}{'-soft' * asked.soft}-{seed}"
        on_cut.append(measure(training, cut, seed=seed, out=folder, threads=asked.threads, on_progress=_told))
        if test is not None:
            on_test.append(measure(training, test, seed=seed, out=folder, threads=asked.threads))
    return {
        "n": len(training),
        "classes": {cls: training.labels.count(cls) for cls in SEVEN_EXPRESSIONS},
        "cut": _plain(on_cut),
        "test": _plain(on_test) if on_test else {},
    }


def _relabelled(chosen: Pictures, said: Labelled, rows: NDArray[np.int64], *, soft: bool) -> Pictures:
    if soft:
        shares = said.soft[rows][:, [EIGHT_EXPRESSIONS.index(name) for name in chosen.classes]]
        targets = shares / shares.sum(axis=1, keepdims=True)
    else:
        targets = np.eye(len(chosen.classes), dtype=np.float32)[
            [chosen.classes.index(said.label[i] or "") for i in rows]
        ]
    return replace(chosen, targets=targets, origin=f"{chosen.origin}, labels of a teacher")


def _told(step: int, total: int, rate: float, loss: float) -> None:
    if step % 250 == 0 or step == total:
        print(f"step {step}/{total}, loss {loss:.3f}, {rate:.0f} pictures/s", file=sys.stderr, flush=True)


def _plain(evaluations: list[Evaluation]) -> dict[str, Any]:
    return {
        where: {name: spread.to_json() for name, spread in figures.items()}
        for where, figures in spread_of(evaluations).items()
    }


def _table(found: Mapping[str, Any]) -> str:
    lines = [f"{found['collection']}"]
    for name, by_threshold in found["yield"].items():
        for threshold, rows in by_threshold.items():
            whole = rows["all"]
            lines.append(f"{name} > {threshold}: {whole['kept']} kept, {_rate(whole['ferplus'])} of FER+'s majority")
            cells = [f"{cls} {row['kept']} ({_rate(row['ferplus'])})" for cls, row in rows.items() if cls != "all"]
            lines.append("    " + ", ".join(cells))
    for name, figures in found["trained"].items():
        for where in ("cut", "test"):
            for figure, spread in figures[where].get("all", {}).items():
                lines.append(f"{name}, n = {figures['n']}, {where} {figure}: {spread['mean']:.4f} sd {spread['sd']}")
    return "\n".join(lines)


def _rate(found: Mapping[str, Any]) -> str:
    if found["precision"] is None:
        return "none judged"
    return f"{found['precision']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


if __name__ == "__main__":
    main()

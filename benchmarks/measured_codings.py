"""What people show under each name, measured: a table of codings for `render.coding`, fitted to labelled photographs.

    facsim run bank.toml --out runs/bank          # renders of any codings, domain as the photographs
    python benchmarks/measured_codings.py --photos fer2013/train.zip --barred fer2013/publictest.zip --bank runs/bank \\
        --landmarker face_landmarker.task --fitted-on "FER2013's training split" --out table.json

MediaPipe's landmarker sees photographs and a bank of renders, whose codings are known. A forest of regression trees
learns codings from what it sees in the bank; a photograph goes down every tree and takes the coding of a render that
lies in the same leaf, so that codings keep what they are uncertain about: an average would be a face that hardly moves.
Within each expression the codings fall into clusters (k-means), and a cluster is a variant of the table: its share, each
unit's probability and the spread of its intensity, where gaze and head tend to. No picture and no row of a picture is
kept. To draw nearer to the photographs, render a bank from the table (`coding = "table.json"`) and fit again with it.

Fitted to the training split without the cut that choices are made on and without near copies of that cut or of
`--barred`. `--cache` keeps what the landmarker saw. `--compare RUN` says how far the blendshapes of a run of renders lie
from the photographs', expression by expression, beside the first bank's. Needs `mediapipe`, `opencv` and scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gap import measure_faces
from numpy.typing import NDArray

from facsim.dataset import open_dataset
from facsim.learn.data import Pictures, chooser_split, take
from facsim.learn.leaks import near_pool
from facsim.learn.sources import load_pictures
from facsim.measured import FORMAT
from facsim.variants import PROTOTYPE_CODES, PROTOTYPES

__all__ = ["features_of", "fit_table", "main", "matched_codings", "variants_of"]

Floats = NDArray[np.float64]

CODES = PROTOTYPE_CODES
"""The units that a table may name."""
ANGLES = ("gaze_yaw_deg", "gaze_pitch_deg", "pitch_deg")
APART = ((159, 145), (386, 374), (55, 129), (285, 358), (61, 291), (0, 17), (13, 14), (152, 17), (1, 0), (105, 159))
"""Pairs of the landmarker's points whose distance over the eyes' says what its blendshapes do not."""
EYES = (33, 263)

LEAST = 0.3
"""Intensities below this are counted as absent: a forest's leaf holds traces of nearly everything."""
TREES, LEAF = 60, 4
LEAST_SHARE = 0.02  # of a cluster's faces; rarer units are left out of its variant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, metavar="SOURCE")
    parser.add_argument("--barred", required=True, metavar="SOURCE", help="pictures that must not be looked at")
    parser.add_argument("--bank", required=True, nargs="+", metavar="RUN")
    parser.add_argument("--landmarker", required=True, metavar="FACE_LANDMARKER.task")
    parser.add_argument("--fitted-on", required=True, metavar="NAME", help="the photographs, as cards shall call them")
    parser.add_argument("--clusters", type=int, default=24, help="variants of an expression")
    parser.add_argument("--draws", type=int, default=3, help="codings taken for each photograph")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, metavar="FOLDER")
    parser.add_argument("--compare", metavar="RUN")
    parser.add_argument("--out", type=Path, required=True, metavar="TABLE.json")
    asked = parser.parse_args()
    photos = photos_of(asked.photos, asked.barred)
    seen = saw(photos, "photos", asked)
    banks = [_bank(run, asked) for run in asked.bank]
    bank = {name: np.concatenate([one[name] for one in banks]) for name in ("features", "codings", "angles")}
    found = seen["found"]
    draws = matched_codings(features_of(seen)[found], bank, draws=asked.draws, seed=asked.seed)
    labels = np.array(photos.labels)[found]
    table = fit_table(draws, labels, clusters=asked.clusters, seed=asked.seed)
    said = {
        "format": FORMAT,
        "fitted_on": asked.fitted_on,
        "how": f"benchmarks/measured_codings.py, {asked.clusters} clusters, seed {asked.seed}; {int(found.sum())} of "
        f"{len(photos)} photographs in which a face was found, a bank of {len(bank['codings'])} renders",
        "expressions": table,
    }
    asked.out.write_text(_written(said), encoding="utf-8")
    print(f"{asked.out}: {asked.out.stat().st_size / 1000:.0f} kB, {int(found.sum())} photographs", file=sys.stderr)
    if asked.compare:
        print(json.dumps(_compared((photos, seen), asked), indent=1))


def photos_of(source: str, barred: str) -> Pictures:
    """The pictures to fit to: without the cut, and without copies, exact or near, of the cut or of `barred`."""
    test = load_pictures(barred)
    rest, cut = chooser_split(load_pictures(source), barred=frozenset(int(value) for value in test.hashes))
    return take(rest, ~near_pool(rest, test) & ~near_pool(rest, cut))


def saw(pictures: Pictures, name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """What the landmarker sees: `found` (N,), `scores` (N, 52), `angles` (N, 3) and `points` (N, 478, 2)."""
    kept = None if asked.cache is None else asked.cache / f"{name}.npz"
    if kept is None or not kept.exists():
        face = measure_faces(pictures, asked.landmarker)
        angles = np.stack([face["places"][f"{one}_deg"] for one in ("yaw", "pitch", "roll")], axis=1)
        held = {"found": face["found"], "scores": face["scores"], "angles": angles, "points": face["points"]}
        if kept is None:
            return held
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, **held)
    with np.load(kept) as file:
        return {key: file[key] for key in file.files}


def features_of(seen: Mapping[str, Any]) -> Floats:
    """(N, F) what codings are read off: blendshapes, the head's angles, distances over the eyes' distance."""
    points = seen["points"]
    eyes = np.linalg.norm(points[:, EYES[0]] - points[:, EYES[1]], axis=1)
    apart = [np.linalg.norm(points[:, a] - points[:, b], axis=1) / eyes for a, b in APART]
    return np.concatenate([np.log(seen["scores"] + 0.01), seen["angles"], np.stack(apart, axis=1)], axis=1)


def _bank(run: str, asked: argparse.Namespace) -> dict[str, Floats]:
    pictures = load_pictures(run)
    seen = saw(pictures, f"bank-{Path(run).name}", asked)
    rows = {}
    columns = [f"render.AU{code}" for code in CODES] + [f"render.{name}" for name in ANGLES]
    for batch in open_dataset(run).batches(columns):
        for row in batch.to_pylist():
            rows[row["sample_id"]] = [row[name] for name in columns]
    table = np.array([rows[name.rsplit("/", 1)[-1].split(".")[0]] for name in pictures.ids], dtype=float)
    found = seen["found"]
    codings, angles = table[found][:, : len(CODES)], table[found][:, len(CODES) :]
    return {"features": features_of(seen)[found], "codings": codings, "angles": angles}


def matched_codings(features: Floats, bank: Mapping[str, Floats], *, draws: int, seed: int) -> Floats:
    """(draws, N, C + 3) for each row of `features` codings of renders of the bank that look alike, and their angles:
    each from a random tree, of its leaf a random render."""
    from sklearn.ensemble import RandomForestRegressor

    aims = np.concatenate([np.sqrt(bank["codings"]), bank["angles"] / 12.0], axis=1)
    held = np.concatenate([bank["codings"], bank["angles"]], axis=1)
    forest = RandomForestRegressor(
        TREES, min_samples_leaf=LEAF, max_features=0.35, bootstrap=True, random_state=seed, n_jobs=1
    ).fit(bank["features"], aims)
    generator = np.random.default_rng(seed)
    leaves, bank_leaves = forest.apply(features), forest.apply(bank["features"])
    drawn = np.empty((draws, len(features), held.shape[1]))
    members = [_members(column) for column in bank_leaves.T]
    for draw in range(draws):
        trees = generator.integers(0, TREES, len(features))
        rows = [generator.choice(members[tree][leaves[i, tree]]) for i, tree in enumerate(trees)]
        drawn[draw] = held[rows]
    return drawn


def _members(leaves: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    order = np.argsort(leaves, kind="stable")
    names, starts = np.unique(leaves[order], return_index=True)
    return dict(zip(names.tolist(), np.split(order, starts[1:]), strict=True))


def fit_table(draws: Floats, labels: NDArray[np.str_], *, clusters: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Expression -> its variants, as `facsim.measured` reads them."""
    middle = float(draws[..., -1].mean())
    return {
        str(name): variants_of(
            draws[:, labels == name].reshape(-1, draws.shape[-1]), str(name), clusters=clusters, seed=seed, pitch=middle
        )
        for name in np.unique(labels)
    }


def variants_of(rows: Floats, name: str, *, clusters: int, seed: int, pitch: float) -> list[dict[str, Any]]:
    """The variants of an expression from codings (N, C + 3); the head's pitch is told as its difference from `pitch`."""
    from sklearn.cluster import KMeans

    place = np.concatenate([np.sqrt(rows[:, : len(CODES)]), rows[:, len(CODES) :] / 12.0], axis=1)
    count = max(1, min(clusters, len(rows) // 40))
    which = KMeans(count, n_init=2, random_state=seed).fit_predict(place)
    return [_variant(rows[which == at], len(rows), name, pitch) for at in np.unique(which)]


def _variant(rows: Floats, total: int, name: str, pitch: float) -> dict[str, Any]:
    units = {}
    for code, values in zip(CODES, rows.T, strict=False):
        shown = values[values >= LEAST]
        if len(shown) >= max(3, LEAST_SHARE * len(rows)):
            units[str(code)] = [round(len(shown) / len(rows), 3), *_triangle(shown, 0.05, 5.0)]
    yaw, down, head = rows[:, -3], rows[:, -2], rows[:, -1] - pitch
    return {
        "weight": round(len(rows) / total, 5),
        "units": units,
        "gaze_yaw_deg": _triangle(yaw, -30.0, 30.0),
        "gaze_pitch_deg": _triangle(down, -24.0, 18.0),
        "head_pitch_deg": [round(float(head.mean()), 1)] * 3,
        "hands": _hands(name),
    }


def _triangle(values: Floats, least: float, most: float) -> list[float]:
    """Low, mode and high of a triangular distribution with the values' mean, from about their 3rd to 97th percentile."""
    low, high = (float(np.clip(v, least, most)) for v in np.percentile(values, [3, 97]))
    mode = float(np.clip(3.0 * values.mean() - low - high, low, high))
    return [round(low, 2), round(mode, 2), round(high, 2)]


def _hands(name: str) -> dict[str, float]:
    """The shares of hands that `facsim.variants` has for the expression: no landmarker sees them."""
    shares: dict[str, float] = {}
    for variant in PROTOTYPES[name]:
        for hand, share in variant.hands.items():
            shares[hand] = shares.get(hand, 0.0) + variant.weight * share
    return {hand: round(share, 3) for hand, share in shares.items()}


def _compared(photos: tuple[Pictures, Mapping[str, Any]], asked: argparse.Namespace) -> dict[str, Any]:
    """Run -> expression -> root mean square difference of mean blendshapes, in deviations of the photographs'."""
    found = {}
    for run in dict.fromkeys((asked.bank[0], asked.compare)):
        pictures = load_pictures(run)
        seen = saw(pictures, f"bank-{Path(run).name}", asked)
        found[run] = _apart((photos[0].labels, photos[1]), (pictures.labels, seen))
    return found


def _apart(one: tuple[Sequence[str], Mapping[str, Any]], other: tuple[Sequence[str], Mapping[str, Any]]) -> Any:
    deviation = np.nanstd(one[1]["scores"], axis=0)
    moving = deviation > 0.02
    distances = {}
    for name in sorted(set(one[0])):
        means = [np.nanmean(seen["scores"][np.array(labels) == name], axis=0) for labels, seen in (one, other)]
        apart = (means[1] - means[0])[moving] / deviation[moving]
        distances[name] = round(float(np.sqrt(np.mean(apart**2))), 3)
    return distances


def _written(said: Mapping[str, Any]) -> str:
    """JSON with one variant a line."""
    expressions = said["expressions"]
    lines = [
        f"  {json.dumps(name)}: [\n   " + ",\n   ".join(json.dumps(one) for one in variants) + "\n  ]"
        for name, variants in expressions.items()
    ]
    head = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in said.items() if key != "expressions")
    return "{\n" + head + ',\n "expressions": {\n' + ",\n".join(lines) + "\n }\n}\n"


if __name__ == "__main__":
    main()

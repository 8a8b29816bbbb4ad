"""What a collection calls what: shares of the variants of `facsim.variants` under each of its names, as a table.

    facsim run bank.toml --out runs/bank            # renders with `coding = "shown"`, of the collection's domain
    python benchmarks/measured_codings.py --photos fer2013/train.zip --barred fer2013/publictest.zip --bank runs/bank \\
        --landmarker face_landmarker.task --fitted-on "FER2013's training split" --out table.json

The table is for `render.coding = "table.json"`. MediaPipe's landmarker sees photographs and a bank of renders, of which
the variant is known. A multinomial logistic regression learns the variants from what it sees in the bank; the shares of
each name then are its maximum a posteriori, by expectation maximisation over the photographs of that name (Saerens,
Latinne and Decaestecker 2002, eq. 2.7, with a Dirichlet prior). The prior is worth `--strength` photographs, `--own` of
them in the variants of that name and the rest over all variants, in the photographs' shares of expressions.

Of the photographs, those of the cut that choices are made on are left out, and near copies of that cut and of
`--barred`; at most `--count` of a name are looked at. No picture, and no row of one, is kept. `--cache` keeps what the
landmarker saw. Needs the packages `mediapipe`, `opencv` and scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gap import measure_faces
from numpy.typing import NDArray

from facsim.dataset import open_dataset
from facsim.learn.data import Pictures, chooser_split, is_chooser, take
from facsim.learn.leaks import near_pool
from facsim.learn.sources import load_pictures
from facsim.measured import FORMAT
from facsim.variants import PROTOTYPES

__all__ = ["features_of", "likelihoods", "main", "prior_shares", "shares_of"]

Floats = NDArray[np.float64]

APART = ((159, 145), (386, 374), (55, 129), (285, 358), (61, 291), (0, 17), (13, 14), (152, 17), (1, 0), (105, 159))
"""Pairs of the landmarker's points whose distance, over the eyes', says what its blendshapes do not."""
EYES = (33, 263)
PENALTY = 0.03
"""scikit-learn's `C` of the regression, on standardised features (own choice)."""
ROUNDS = 60
LEAST = 1e-4  # smaller shares are left out of the table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, metavar="SOURCE")
    parser.add_argument("--barred", required=True, metavar="SOURCE", help="pictures that must not be looked at")
    parser.add_argument("--bank", required=True, nargs="+", metavar="RUN")
    parser.add_argument("--landmarker", required=True, metavar="FACE_LANDMARKER.task")
    parser.add_argument("--fitted-on", required=True, metavar="NAME", help="the photographs, as cards shall call them")
    parser.add_argument("--count", type=int, default=2000, help="photographs of a name, at most")
    parser.add_argument("--strength", type=float, default=200.0)
    parser.add_argument("--own", type=float, default=0.6)
    parser.add_argument("--cache", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="TABLE.json")
    asked = parser.parse_args()
    whole = load_pictures(asked.photos)
    natural = natural_shares(whole)
    photos = _some(photos_of(whole, asked.barred), asked.count)
    seen = saw(photos, "photos", asked)
    banks = [_bank(run, asked) for run in asked.bank]
    features = np.concatenate([one[0] for one in banks])
    variants = np.concatenate([one[1] for one in banks])
    found = seen["found"]
    known, ratios = likelihoods(features, variants, features_of(seen)[found])
    labels = np.array(photos.labels)[found]
    prior = prior_shares(known, natural, own=asked.own)
    shares = {name: shares_of(ratios[labels == name], prior[name], strength=asked.strength) for name in natural}
    said = {
        "format": FORMAT,
        "fitted_on": asked.fitted_on,
        "how": f"benchmarks/measured_codings.py: {int(found.sum())} of {len(photos)} photographs in which a face was "
        f"found, a bank of {len(features)} renders, strength {asked.strength:g}, own {asked.own:g}",
        "natural": {name: round(share, 4) for name, share in natural.items()},
        "shares": {name: _named(known, held) for name, held in shares.items()},
    }
    asked.out.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    print(_table(known, shares), file=sys.stderr)


def natural_shares(pictures: Pictures) -> dict[str, float]:
    """Name -> its share of the pictures that no choice is made on, copies counted as they are."""
    labels = [label for label, name in zip(pictures.labels, pictures.ids, strict=True) if not is_chooser(name)]
    names, counts = np.unique(labels, return_counts=True)
    return dict(zip(names.tolist(), (counts / counts.sum()).tolist(), strict=True))


def photos_of(whole: Pictures, barred: str) -> Pictures:
    """The pictures to fit to: without the cut, and without copies, exact or near, of the cut or of `barred`."""
    test = load_pictures(barred)
    rest, cut = chooser_split(whole, barred=frozenset(int(value) for value in test.hashes))
    return take(rest, ~near_pool(rest, test) & ~near_pool(rest, cut))


def _some(pictures: Pictures, count: int) -> Pictures:
    generator, labels = np.random.default_rng(0), np.array(pictures.labels)
    kept = [generator.permutation(np.flatnonzero(labels == name))[:count] for name in np.unique(labels)]
    return take(pictures, np.sort(np.concatenate(kept)))


def saw(pictures: Pictures, name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """What the landmarker sees: `found` (N,), `scores` (N, 52), `angles` (N, 3) and `points` (N, 478, 2)."""
    kept = None if asked.cache is None else asked.cache / f"{name}.npz"
    if kept is not None and kept.exists():
        with np.load(kept) as file:
            held = {key: file[key] for key in file.files}
        if held.pop("ids").tolist() == list(pictures.ids):
            return held
        sys.exit(f"{kept} is of other pictures; take another --cache")
    face = measure_faces(pictures, asked.landmarker)
    angles = np.stack([face["places"][f"{one}_deg"] for one in ("yaw", "pitch", "roll")], axis=1)
    held = {"found": face["found"], "scores": face["scores"], "angles": angles, "points": face["points"]}
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, ids=np.array(pictures.ids), **held)
    return held


def features_of(seen: Mapping[str, Any]) -> Floats:
    """(N, F) what variants are read off: blendshapes, the head's angles, distances over the eyes' distance."""
    points = seen["points"]
    eyes = np.linalg.norm(points[:, EYES[0]] - points[:, EYES[1]], axis=1)
    apart = [np.linalg.norm(points[:, a] - points[:, b], axis=1) / eyes for a, b in APART]
    return np.concatenate([np.log(seen["scores"] + 0.01), seen["angles"], np.stack(apart, axis=1)], axis=1)


def _bank(run: str, asked: argparse.Namespace) -> tuple[Floats, NDArray[np.str_]]:
    """Features and variants (`fear: terror`) of the renders of a run in which a face was found."""
    pictures = load_pictures(run)
    seen = saw(pictures, f"bank-{Path(run).name}", asked)
    rows = {
        row["sample_id"]: row["render.prototype"] or ""
        for batch in open_dataset(run).batches(["render.prototype"])
        for row in batch.to_pylist()
    }
    kinds = (rows[name.rsplit("/", 1)[-1].split(".")[0]] for name in pictures.ids)
    named = [kind if ": " in kind else f"{label}: {kind}" for kind, label in zip(kinds, pictures.labels, strict=True)]
    return features_of(seen)[seen["found"]], np.array(named)[seen["found"]]


def likelihoods(features: Floats, variants: NDArray[np.str_], photos: Floats) -> tuple[NDArray[np.str_], Floats]:
    """The variants (K,) of the bank, and for each photograph (N, K) how much likelier each makes it than the bank."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scale = StandardScaler().fit(features)
    seen, shown = (np.clip(np.asarray(scale.transform(one)), -4.0, 4.0) for one in (features, photos))
    model = LogisticRegression(C=PENALTY, max_iter=300).fit(seen, variants)
    known = np.array(model.classes_)
    frequency = np.array([(variants == name).mean() for name in known])
    return known, model.predict_proba(shown) / frequency


def prior_shares(known: NDArray[np.str_], natural: Mapping[str, float], *, own: float) -> dict[str, Floats]:
    """Name -> shares (K,) that are expected before any photograph of it is seen."""
    weights = {f"{name}: {one.name}": one.weight for name, variants in PROTOTYPES.items() for one in variants}
    whose = np.array([name.split(": ")[0] for name in known])
    weight = np.array([weights[name] for name in known])
    everywhere = weight * np.array([natural.get(name, 0.0) for name in whose])
    everywhere /= everywhere.sum()
    return {name: own * weight * (whose == name) + (1.0 - own) * everywhere for name in natural}


def shares_of(ratios: Floats, prior: Floats, *, strength: float) -> Floats:
    """Shares (K,) of the variants among photographs with likelihood ratios (N, K); `prior` weighs as `strength` of
    them."""
    shares = prior / prior.sum()
    for _ in range(ROUNDS):
        parts = ratios * shares
        parts /= parts.sum(axis=1, keepdims=True)
        shares = (parts.sum(axis=0) + strength * prior) / (len(ratios) + strength * prior.sum())
    return shares


def _named(known: NDArray[np.str_], shares: Floats) -> dict[str, float]:
    return {str(name): round(float(share), 4) for name, share in zip(known, shares, strict=True) if share >= LEAST}


def _table(known: NDArray[np.str_], shares: Mapping[str, Floats]) -> str:
    """Rows: the collection's names; columns: whose variants they are."""
    whose = np.array([name.split(": ")[0] for name in known])
    columns = sorted(set(whose.tolist()))
    lines = [" " * 10 + " ".join(f"{name:>9}" for name in columns)]
    for name, held in shares.items():
        lines.append(f"{name:10}" + " ".join(f"{held[whose == column].sum():9.2f}" for column in columns))
    return "\n".join(lines)


if __name__ == "__main__":
    main()

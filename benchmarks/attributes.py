"""How right apparent attributes are on people held out, and how expression, pose and light shift them.

    python benchmarks/attributes.py --renders runs/people --json
    python benchmarks/attributes.py --renders runs/people --photos fer2013/train.zip --sheet sorted.png

Figures are those of the half of the people held out on which nothing was calibrated, with 95 % intervals over people.
A shift is the mean error (said less true) of the pictures in a condition, less that of the others: 0 where a condition
moves nothing. On photographs nothing is labelled: the sheet shows the fixed cut's pictures from the youngest to the
oldest and from the lightest to the darkest that the model says, to be looked at and no more.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facsim.labels.framing import frame_face
from facsim.labels.networks import labeller_faces
from facsim.learn.data import chooser_split
from facsim.learn.labellers.attributes import (
    AttributesTask,
    attributes_task,
    calibration_half,
    figures_of,
    truth_of,
)
from facsim.learn.labellers.fitting import predict_rows
from facsim.learn.sources import load_pictures
from facsim.metrics.estimate import Estimate, estimate_from
from facsim.models.apparent import Apparent, read_apparent
from facsim.models.labeller import load_labeller
from facsim.provenance import environment

__all__ = ["CONDITIONS", "main", "measure_figures", "measure_shifts", "sort_photos"]

Columns = Mapping[str, NDArray[np.floating]]

CONDITIONS: Mapping[str, Callable[[Columns], NDArray[np.bool_]]] = {
    "smile (AU12 at 3 or more)": lambda of: of["AU12"] >= 3,
    "eyes closed (AU43 at 3 or more)": lambda of: of["AU43"] >= 3,
    "jaw dropped (AU26 or 27 at 3 or more)": lambda of: np.maximum(of["AU26"], of["AU27"]) >= 3,
    "brows lowered (AU4 at 3 or more)": lambda of: of["AU4"] >= 3,
    "turned by 30° or more": lambda of: np.abs(of["yaw_deg"]) >= 30,
    "raised or lowered by 15° or more": lambda of: np.abs(of["pitch_deg"]) >= 15,
    "dark third of faces": lambda of: of["face_luminance"] < np.quantile(of["face_luminance"], 1 / 3),
    "bright third of faces": lambda of: of["face_luminance"] > np.quantile(of["face_luminance"], 2 / 3),
    "key light below 4,000 K": lambda of: of["light_temperature_k"] < 4000,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", required=True, metavar="RUN")
    parser.add_argument("--model", default="", metavar="FOLDER", help="default: facsim's own")
    parser.add_argument("--photos", metavar="SOURCE", help="FER2013's training split, of which the cut is looked at")
    parser.add_argument("--sheet", type=Path, metavar="PNG")
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    task, labeller = attributes_task(asked.renders), load_labeller("attributes", asked.model)
    rows = task.held_out[~calibration_half(task)]
    outputs = predict_rows(labeller, task, rows)["outputs"]
    said = read_apparent(outputs, labeller.settings["calibration"])
    found: dict[str, Any] = {
        "renders": asked.renders,
        "pictures": len(rows),
        "people": len(np.unique(task.faces.person[rows])),
        "model_sha256": labeller.sha256,
        "calibration": labeller.settings["calibration"],
        "figures": measure_figures(task, rows, said, resamples=asked.resamples),
        "tone_within_one_by_tone": _by_tone(said, truth_of(task.faces, rows)),
        "shifts": measure_shifts(task, rows, said, resamples=asked.resamples),
    }
    if asked.photos:
        found["photos"] = sort_photos(asked.photos, asked.model, asked.sheet)
    found["environment"] = environment()
    print(json.dumps(found, indent=1) if asked.json else _table(found))


def measure_figures(
    task: AttributesTask, rows: NDArray[np.int64], said: Apparent, *, resamples: int
) -> dict[str, dict[str, Any]]:
    """`figures_of`, each with its interval over people."""
    truth, person = truth_of(task.faces, rows), task.faces.person[rows]
    drawn: dict[str, list[float]] = {}
    for chosen in _people_drawn(person, resamples):
        for name, value in figures_of(_taken(said, chosen), {k: v[chosen] for k, v in truth.items()}).items():
            drawn.setdefault(name, []).append(value)
    people = len(np.unique(person))
    return {
        name: estimate_from(value, np.array(drawn[name]), n=people).to_json()
        for name, value in figures_of(said, truth).items()
    }


def measure_shifts(
    task: AttributesTask, rows: NDArray[np.int64], said: Apparent, *, resamples: int
) -> dict[str, dict[str, Any]]:
    """Condition → attribute → shift with its interval over people, and how many pictures are in the condition."""
    truth, person = truth_of(task.faces, rows), task.faces.person[rows]
    columns = {name: np.nan_to_num(values[rows]) for name, values in task.faces.columns.items() if values.ndim == 1}
    columns["light_temperature_k"] = np.nan_to_num(task.faces.columns["light_temperature_k"][rows], nan=6500.0)
    errors = {
        "age_years": said.age_years - truth["apparent_age_years"],
        "masculine_probability": said.masculine - truth["masculine"],
        "tone_steps": said.tone - truth["skin_tone_monk"],
        "ita_deg": said.ita_deg - truth["ita_deg"],
    }
    found: dict[str, dict[str, Any]] = {}
    for condition, holds in CONDITIONS.items():
        within = holds(columns)
        found[condition] = {"n": int(within.sum())} | {
            name: _shift(error, within, person, resamples).to_json() for name, error in errors.items()
        }
    return found


def _shift(
    error: NDArray[np.floating], within: NDArray[np.bool_], person: NDArray[np.int64], resamples: int
) -> Estimate:
    def shift(rows: NDArray[np.int64]) -> float:
        here, there = error[rows][within[rows]], error[rows][~within[rows]]
        return float(here.mean() - there.mean()) if len(here) and len(there) else float("nan")

    drawn = np.array([shift(chosen) for chosen in _people_drawn(person, resamples)])
    return estimate_from(shift(np.arange(len(error))), drawn, n=len(np.unique(person)))


def _people_drawn(person: NDArray[np.int64], resamples: int) -> list[NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    rows_of = [np.flatnonzero(person == one) for one in np.unique(person)]
    return [np.concatenate([rows_of[i] for i in rng.integers(0, len(rows_of), len(rows_of))]) for _ in range(resamples)]


def _taken(said: Apparent, rows: NDArray[np.int64]) -> Apparent:
    return Apparent(
        age_years=said.age_years[rows],
        age_sd=said.age_sd[rows],
        masculine=said.masculine[rows],
        ancestry=said.ancestry[rows],
        ancestry_sd=said.ancestry_sd[rows],
        tones=said.tones[rows],
        ita_deg=said.ita_deg[rows],
        ita_sd=said.ita_sd[rows],
    )


def _by_tone(said: Apparent, truth: Columns) -> dict[str, dict[str, Any]]:
    """Tone → how many pictures, the share within one step, and how often each tone was said."""
    found: dict[str, dict[str, Any]] = {}
    for tone in range(1, 11):
        here = truth["skin_tone_monk"] == tone
        steps = np.abs(said.tone[here] - tone)
        counts = np.bincount(said.tone[here], minlength=11)[1:]
        found[str(tone)] = {
            "n": int(here.sum()),
            "within_one": round(float((steps <= 1).mean()), 3) if here.any() else None,
            "said": counts.tolist(),
        }
    return found


def sort_photos(photos: str, model: str, out: Path | None) -> dict[str, Any]:
    """What is said of the cut's photographs, in quantiles, and the sheet of them."""
    _, pictures = chooser_split(load_pictures(photos))
    images = pictures.images
    shown = np.repeat(images[..., None], 3, axis=3) if images.ndim == 3 else images
    template, size_px, run = labeller_faces("attributes", model, device="cpu", batch=64)
    calibration = load_labeller("attributes", model).settings["calibration"]
    faces = np.stack([frame_face(face, given="tight", wanted=template, size_px=size_px) for face in shown])
    said = read_apparent(run(faces), calibration)
    if out is not None:
        orders = [said.age_years.argsort(), (said.tones @ np.arange(1, 11)).argsort(), said.masculine.argsort()]
        _draw(shown, orders, out)
    spread = [0.02, 0.25, 0.5, 0.75, 0.98]
    return {
        "pictures": len(shown),
        "quantiles": spread,
        "age_years": np.quantile(said.age_years, spread).round(1).tolist(),
        "age_sd_years": np.quantile(said.age_sd, spread).round(1).tolist(),
        "tone": np.quantile(said.tone, spread).tolist(),
        "masculine": np.quantile(said.masculine, spread).round(3).tolist(),
    }


def _draw(shown: NDArray[np.uint8], orders: list[NDArray[np.int64]], out: Path, *, across: int = 18) -> None:
    """Four rows for each order: its pictures, evenly spaced, from the least to the most."""
    lines: list[NDArray[np.uint8]] = []
    for order in orders:
        places = np.linspace(0, len(order) - 1, 4 * across).round().astype(int)
        chosen = shown[order[places]]
        lines += [np.hstack(list(chosen[at : at + across])) for at in range(0, 4 * across, across)]
    sheet = Image.fromarray(np.vstack(lines))
    sheet.resize((sheet.width * 3 // 2, sheet.height * 3 // 2)).save(out)


def _table(found: Mapping[str, Any]) -> str:
    lines = [f"{found['pictures']} renders of {found['people']} people held out"]
    lines += [
        f"{name:24} {value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
        for name, value in found["figures"].items()
    ]
    lines += ["tone: n, within one step: " + ", ".join(
        f"{tone}: {said['n']}, {said['within_one']}" for tone, said in found["tone_within_one_by_tone"].items()
    )]  # fmt: skip
    for condition, shifts in found["shifts"].items():
        said = [f"{k} {v['value']:+.2f} [{v['low']:+.2f}, {v['high']:+.2f}]" for k, v in shifts.items() if k != "n"]
        lines.append(f"{condition:40} n {shifts['n']:5}  " + "  ".join(said))
    return "\n".join([*lines, *([json.dumps(found["photos"])] if "photos" in found else [])])


if __name__ == "__main__":
    main()

"""Everything that a report says of a finished run, as one frozen record of plain values.

What a run has no columns or files for is left out, and `Findings.omitted` says which section and why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facsim.manifest import Manifest
from facsim.report import attributes, balance, content, landmarks, learning, origin
from facsim.report import trust as trusting
from facsim.report.rows import Rows, rows_of

__all__ = ["Findings", "find_all"]

_WHY = {
    "rejections": "no step of this run judges its samples, so every picture that could be made stays",
    "action_units": "no step of this run writes action-unit intensities (AU1, AU2, …)",
    "pose": "no step of this run writes yaw_deg, pitch_deg or roll_deg",
    "landmarks": "no step of this run writes landmarks_68 together with width_px and height_px",
    "luminance": "no step of this run writes face_luminance",
    "attributes": "no step of this run writes a column such as light_kind or hair_length",
    "training": "no model was trained in this run's folder; a [train] table in its recipe does it",
    "evaluations": "no model was tested; `facsim evaluate RUN/model --on FACES --out RUN/evaluations/NAME.json` tests "
    "one, and this page, made again, shows it",
}


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a run holds: counts, what its pictures show, what was learnt from it, where it comes from.

    A part is None or empty where the run has nothing to say on it; `omitted` maps such a part to the reason. `trust` is
    of runs with a vote alone, and is not missed in others.
    """

    name: str
    totals: balance.Totals
    balances: tuple[balance.Balance, ...]
    cells: tuple[balance.Cells, ...]
    rejections: tuple[balance.Reason, ...]
    problems: tuple[balance.SickStep, ...]
    trust: trusting.Trust | None
    action_units: content.Units | None
    pose: tuple[content.Distribution, ...] | None
    landmarks: landmarks.Landmarks | None
    luminance: content.Luminance | None
    attributes: tuple[attributes.Attribute, ...]
    training: learning.Training | None
    evaluations: tuple[learning.Evaluation, ...]
    origin: origin.Origin
    omitted: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `json.dumps` takes them."""
        return dataclasses.asdict(self)


def find_all(run: Manifest, rows: Rows | None = None) -> Findings:
    """The findings of a finished run. Raises ManifestError where a step is unfinished or a file is damaged."""
    rows = rows if rows is not None else rows_of(run)
    parts: dict[str, Any] = {
        "action_units": content.units(rows),
        "pose": content.pose(rows),
        "landmarks": landmarks.landmarks(landmarks.landmark_batches(run, rows), rows.kept),
        "luminance": content.luminance(rows),
        "attributes": attributes.attributes(rows),
        "training": learning.training(run),
        "evaluations": learning.evaluations(run),
    }
    absent = [name for name, found in parts.items() if not found] + ([] if rows.judged else ["rejections"])
    return Findings(
        name=run.folder.root.rsplit("/", 1)[-1],
        totals=balance.totals(rows),
        balances=balance.balances(rows, run),
        cells=balance.cells(rows, run),
        rejections=balance.reasons(rows),
        problems=balance.sick_steps(rows),
        trust=trusting.trust(run),
        origin=origin.origin(run),
        omitted={name: why for name, why in _WHY.items() if name in absent},
        **parts,
    )

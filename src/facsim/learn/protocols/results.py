"""What a protocol found, as one versioned JSON file: figures with seeds and intervals, and what they stand on.

Every figure names its test and its trainings; every training and test carries the fingerprint of its pictures, the
label set, the preprocessing and the extractor. A reader of this version refuses newer files and damaged ones, and says
which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from facsim.errors import ManifestError
from facsim.models.weights import write_whole

__all__ = [
    "RESULTS_FORMAT",
    "RESULTS_VERSION",
    "Comparison",
    "Figure",
    "Finding",
    "Measurement",
    "Results",
    "TestFacts",
    "Training",
    "read_results",
    "results_schema",
    "write_results",
]

RESULTS_FORMAT = "facsim-protocol-results"
RESULTS_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure over training seeds: mean, standard deviation (n - 1; None for one seed) and each seed's value.

    `low` and `high` bound its 95 % bootstrap interval over test pictures, the seeds' mean being taken on each resample.
    """

    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    values: tuple[float | None, ...]

    def __str__(self) -> str:
        if self.mean is None:
            return "–"
        return f"{self.mean:.4f}" + ("" if self.sd is None else f" ± {self.sd:.4f}")


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training (a cell): what it was trained on, how, and what came of it.

    id: of its folder in cells/. contents: set -> class -> pictures; short: what quotas asked for and sets had not.
    pictures, validation, reference: fingerprints ("" where there are none). extractor: the backbone, and the SHA-256 of
    weights that it began from, if any.
    """

    id: str
    set: str
    seed: int
    n: int
    contents: Mapping[str, Mapping[str, int]]
    short: Mapping[str, Mapping[str, int]]
    repeated: int
    origin: str
    pictures: str
    validation: str
    reference: str
    classes: tuple[str, ...]
    preprocessing: Mapping[str, Any]
    extractor: Mapping[str, Any]
    config: Mapping[str, Any]
    model_sha256: str
    steps: int
    seconds: float
    cpu_seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class TestFacts:
    """What a test holds: pictures by class, their fingerprint and origin, and what was left out, by reason."""

    name: str
    n: int
    fingerprint: str
    origin: str
    by_class: Mapping[str, int]
    left_out: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A row on a test: accuracy, UAR and macro-F1, and the recall of each class (None for one that the test lacks).

    group and x: the line of the figure that it is a point of, and where. trainings: one id a seed, empty where nothing
    was trained. seen: how many test pictures each seed's model was trained on (equal pixels), near: and how many are
    near-duplicates of such; None where unknown. unseen: the figures without both, of any seed; empty where there are
    none, or nothing else.
    """

    row: str
    test: str
    n: int
    seeds: tuple[int, ...]
    trainings: tuple[str, ...]
    figures: Mapping[str, Figure]
    recall: Mapping[str, Figure | None]
    seen: tuple[int | None, ...]
    near: tuple[int | None, ...]
    unseen: Mapping[str, Figure]
    group: str = ""
    x: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`row` less `against` on one test by one metric, with its paired 95 % bootstrap interval over test pictures.

    p: the bootstrap's two-sided p-value. Both speak of other pictures, not of other seeds.
    """

    row: str
    against: str
    test: str
    metric: str
    difference: float | None
    low: float | None
    high: float | None
    p: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the protocol concludes beside its rows, in words and as a number with its interval, where it has one.

    bound: "" for the value itself, "more" or "less" where only that is known of it. shown: whether tables tell it.
    """

    name: str
    text: str
    test: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bound: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    shown: bool = True


@dataclass(frozen=True, kw_only=True)
class Results:
    """All that a protocol found. `recipe` is the recipe as written, `x_label` what the figure's x stands for."""

    protocol: str
    title: str
    seeds: tuple[int, ...]
    classes: tuple[str, ...]
    preprocessing: Mapping[str, Any]
    tests: tuple[TestFacts, ...]
    trainings: tuple[Training, ...]
    measurements: tuple[Measurement, ...]
    comparisons: tuple[Comparison, ...]
    findings: tuple[Finding, ...]
    recipe: Mapping[str, Any]
    environment: Mapping[str, Any]
    written: str
    x_label: str = ""
    format: str = RESULTS_FORMAT
    version: int = RESULTS_VERSION

    def to_json(self) -> dict[str, Any]:
        """The file's object, plain JSON."""
        kept = asdict(self)
        return {"format": kept.pop("format"), "version": kept.pop("version"), **kept}


def write_results(results: Results, path: str | Path) -> None:
    """Write the file whole, or not at all."""
    text = json.dumps(results.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(Path(path), (text + "\n").encode())


def read_results(path: str | Path) -> Results:
    """The results in a file. Raises ManifestError where it is none, damaged, or of a newer version than this."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path} cannot be read ({error}); run `facsim protocol` again to write it anew") from error
    if not isinstance(data, dict) or data.get("format") != RESULTS_FORMAT:
        raise ManifestError(f'{path} holds no results of a protocol; expected "format": "{RESULTS_FORMAT}"')
    version = data.get("version")
    if not isinstance(version, int) or version > RESULTS_VERSION:
        raise ManifestError(
            f"{path} is of version {version!r}, and this facsim reads up to {RESULTS_VERSION}; read it with the facsim "
            "that wrote it, or a newer one"
        )
    try:
        return _ADAPTER.validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
        raise ManifestError(f"{path} is damaged ({faults}); run `facsim protocol` again to write it anew") from None


def results_schema() -> dict[str, Any]:
    """The JSON Schema of a results file of this version."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_ADAPTER.json_schema()}


_ADAPTER: TypeAdapter[Results] = TypeAdapter(Results)

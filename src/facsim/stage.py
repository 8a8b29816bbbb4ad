"""What a stage is, and the one table in which stages are found.

A stage is a frozen, keyword-only dataclass whose fields are its configuration. It reads columns by short name (the
recipe binds each to a step) and writes columns of the dictionary. `Stage` fills in rows from pictures and columns;
`TableStage` judges columns and never sees a pixel. Neither has a base class to inherit from: they are protocols.

    @dataclass(frozen=True, kw_only=True)
    class Brightness:
        gain: float = 1.0
        name: ClassVar[str] = "brightness"
        ...
        def open(self, device: str) -> Work:
            return lambda samples: [{"face_luminance": ...} for sample in samples]
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

import pyarrow as pa

from facsim.columns import COLUMNS, Column
from facsim.errors import RecipeError, hint_nearest
from facsim.sample import Problem, Sample

__all__ = [
    "BUILT_IN",
    "PROBLEM_COLUMNS",
    "AnyStage",
    "Determinism",
    "Resources",
    "Row",
    "Scan",
    "Stage",
    "TableStage",
    "Work",
    "field_meanings",
    "find_stage",
    "is_table_stage",
    "known_stages",
    "stage_columns",
]

Row: TypeAlias = Mapping[str, Any]
Work: TypeAlias = Callable[[Sequence[Sample]], Sequence["Row | Problem"]]
"""A batch of samples in, one row or problem for each, in order."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one worker of a stage needs, and how many samples it takes at a time."""

    cpu: int = 1
    gpu: float = 0.0
    memory_mb: int = 512
    batch: int = 16


@dataclass(frozen=True, kw_only=True)
class Determinism:
    """How equal two runs' rows are: `exact`, or `close` within `tolerance` by `metric` on one `device_class`."""

    level: Literal["exact", "close"] = "exact"
    tolerance: float = 0.0
    metric: str = ""
    device_class: str = "cpu"


class Scan(Protocol):
    """Projected columns of a whole run, streamed in order: what a `TableStage` is given."""

    @property
    def num_rows(self) -> int: ...

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Record batches of `sample_id`, `problem` and the named columns (short names, as the stage reads them)."""
        ...


@runtime_checkable
class Stage(Protocol):
    """Work on pictures and columns. `open` loads what a worker needs once and returns the work itself."""

    name: ClassVar[str]
    version: ClassVar[int]
    mirrors: ClassVar[bool]
    determinism: ClassVar[Determinism]

    @property
    def reads(self) -> tuple[str, ...]: ...
    @property
    def writes(self) -> tuple[str, ...]: ...
    @property
    def resources(self) -> Resources: ...
    @property
    def weights(self) -> tuple[str, ...]:
        """SHA-256 of every weight file that the result depends on."""
        ...

    def open(self, device: str) -> Work: ...


@runtime_checkable
class TableStage(Protocol):
    """Judgement on columns: record batches of exactly `writes`, the run's rows in the run's order.

    Beside these a batch may hold `PROBLEM_COLUMNS`: of a row with a problem, why it could not be judged; its other
    values are null.
    """

    name: ClassVar[str]
    version: ClassVar[int]

    @property
    def reads(self) -> tuple[str, ...]: ...
    @property
    def writes(self) -> tuple[str, ...]: ...

    def judge(self, scan: Scan) -> Iterator[pa.RecordBatch]: ...


AnyStage: TypeAlias = Stage | TableStage

PROBLEM_COLUMNS = ("problem", "problem_detail")
"""What a table stage may write beside what it declares: a reason from `facsim.sample.REASONS`, and words on it."""

BUILT_IN: Mapping[str, str] = {
    "render": "facsim.sources.render:Render",
    "ingest": "facsim.sources.ingest:Ingest",
    "hash": "facsim.curate.dedupe:Hash",
    "dedupe": "facsim.curate.dedupe:Dedupe",
    "select": "facsim.curate.select:Select",
    "detect": "facsim.labels.detect:Detect",
    "align": "facsim.labels.align:Align",
    "crop": "facsim.labels.crop:Crop",
    "parse": "facsim.labels.parse:Parse",
    "vote": "facsim.labels.vote:Vote",
    "naming": "facsim.labels.naming:Naming",
    "noise": "facsim.curate.noise:Noise",
    "action_units": "facsim.labels.action_units:ActionUnits",
    "expression": "facsim.labels.expression:Expression",
    "interpret": "facsim.labels.interpret:Interpret",
    "attributes": "facsim.labels.attributes:Attributes",
    "identity": "facsim.labels.identity:Identity",
    "quality": "facsim.labels.quality:Quality",
}
"""Stage name → `module:class`, imported when asked for and not before."""

_GROUP = "facsim.stages"


def _plugins() -> dict[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=_GROUP)}


def known_stages() -> tuple[str, ...]:
    """Every stage name, built-in ones first, then plugins'."""
    return (*BUILT_IN, *sorted(set(_plugins()) - set(BUILT_IN)))


def find_stage(name: str) -> type[Any]:
    """The class behind a stage name.

    Raises RecipeError with the nearest known name, or saying which plugin could not be imported and why.
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    plugins = _plugins()
    if name not in plugins:
        raise RecipeError(f'no stage is called "{name}".{hint_nearest(name, known_stages())}')
    try:
        return plugins[name].load()
    except (ImportError, AttributeError) as error:
        raise RecipeError(f'stage "{name}" comes from plugin {plugins[name].value}, which fails: {error}') from error


def is_table_stage(stage: object) -> bool:
    """Whether the stage judges columns (has `judge`) rather than works on samples (has `open`)."""
    return hasattr(stage, "judge")


def stage_columns(stage: object) -> Mapping[str, Column]:
    """The dictionary that a stage writes into: facsim's, and its own module's `COLUMNS` when it is a plugin's."""
    module = inspect.getmodule(type(stage))
    extra = getattr(module, "COLUMNS", {}) if module else {}
    return {**COLUMNS, **extra}


def field_meanings(stage: type[Any]) -> list[tuple[str, str, str]]:
    """(field, type, default) of a stage's configuration, as text, for help and documentation."""
    rows: list[tuple[str, str, str]] = []
    for field in dataclasses.fields(stage):
        default = "required"
        if field.default is not dataclasses.MISSING:
            default = repr(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            default = repr(field.default_factory())
        kind = field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)
        rows.append((field.name, kind, default))
    return rows

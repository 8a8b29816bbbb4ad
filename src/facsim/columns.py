"""The column dictionary: every column that a step may write, with its type, unit, range and meaning.

A column's full name is `step.column`; this file knows columns, manifests know steps. The data-model page of the
documentation is generated from here. A plugin ships its own entries as a mapping `COLUMNS` in the module that its
entry point names, each under its package's prefix (`mypackage_score`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from facsim.errors import ManifestError, hint_nearest
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import column_names
from facsim.formats.terms import COMMERCIAL
from facsim.wearables import (
    BEARD_NAMES,
    GLASSES_SHAPES,
    HAIR_LENGTHS,
    HAIR_NAMES,
    HEADWEAR_KINDS,
    OCCLUDER_KINDS,
)

__all__ = [
    "COLUMNS",
    "IMAGE_TYPE",
    "KEY_COLUMNS",
    "QUALITY_MARKS",
    "Column",
    "column_named",
    "split_name",
    "step_schema",
    "value_fault",
]

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""A picture as Hugging Face `datasets` shows it: its encoded bytes, and a file name."""


QUALITY_MARKS = ("none", "sharpness", "exposure", "contrast", "blockiness", "size", "occlusion", "pose")
"""What `quality` may be limited by."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """What one column holds: Arrow type, unit, inclusive range or closed list of values, and a line of meaning."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    values: tuple[str, ...] = ()


def _column(name: str, type: pa.DataType, meaning: str, unit: str = "", **limits: Any) -> Column:
    return Column(name=name, type=type, meaning=meaning, unit=unit, **limits)


_TEXT, _F32, _BOOL = pa.string(), pa.float32(), pa.bool_()
_SIDES = {"L": "the subject's left side", "R": "the subject's right side", "": "the stronger side, or the centre"}


def _action_unit(name: str) -> Column:
    side = _SIDES.get(name[-1], _SIDES[""])
    meaning = f"intensity of action unit {name.removeprefix('AU').rstrip('LR')}, {side}"
    return _column(name, _F32, meaning, "FACS, 0 absent, 1–5 = A–E", low=0, high=5)


_LIST = [
    # what was asked of a source
    _column("expression_target", _TEXT, "expression asked of the source", values=EIGHT_EXPRESSIONS),
    _column("identity_id", _TEXT, "which invented person this is; pictures that share it share the face"),
    _column("apparent_age_years", _F32, "apparent age", "years", low=0, high=100),
    _column("apparent_gender", _TEXT, "apparent gender", values=("feminine", "masculine")),
    _column("apparent_ancestry", pa.list_(_F32, 3), "head-model weights: African, Asian, European; they sum to 1"),
    _column("skin_tone_monk", pa.int8(), "Monk Skin Tone Scale", "1 lightest – 10 darkest", low=1, high=10),
    # where an ingested picture came from
    _column("source_path", _TEXT, "path within the input"),
    _column("source_input", _TEXT, "the input, as the recipe writes it"),
    _column("source_format", _TEXT, "the format that the input was read as"),
    _column("source_sha256", _TEXT, "SHA-256 of the file as found"),
    _column("source_dataset", _TEXT, "the dataset that the picture is of, as its format or `terms` names it"),
    _column("source_terms", _TEXT, "its licence or agreement, and where to read it"),
    _column("source_commercial", _TEXT, "whether that allows commercial use; ask: it does not say", values=COMMERCIAL),
    _column("source_metadata", _TEXT, "what else the input says of the picture, as JSON with sorted keys"),
    _column("source_place", _TEXT, "where the picture lies in the input, as JSON; null for a file of its own"),
    _column("split", _TEXT, "the split that the input names, if any"),
    _column(
        "expression_given", _TEXT, "expression that the input gives, by its canonical name", values=EIGHT_EXPRESSIONS
    ),
    # pictures
    _column("image", IMAGE_TYPE, "the picture, encoded, and its file name"),
    _column("width_px", pa.int32(), "width of the picture", "px", low=1),
    _column("height_px", pa.int32(), "height of the picture", "px", low=1),
    _column("conversions", pa.list_(_TEXT), "what reading the picture changed: EXIF rotation, CMYK to RGB, …"),
    # what a picture shows
    _column("prototype", _TEXT, "the prototype's variant that the action units were drawn from"),
    _column("action_units", _TEXT, "action units as text, `6+12C+R12D`"),
    *(_action_unit(name) for name in column_names()),
    _column(
        "action_units_sd",
        pa.list_(_F32, len(column_names())),
        "standard deviation of the intensity in each column AU…, in the order of `facsim.facs.column_names()`: AU1, "
        "AU1L, AU1R, AU2, …; null for units that the step does not read",
        "steps of FACS",
    ),
    _column(
        "expression_rule",
        _TEXT,
        "expression that the action units say by EMFACS' rules; null where no rule holds",
        values=EIGHT_EXPRESSIONS,
    ),
    _column("expression_rule_score", _F32, "how well that rule explains the action units", low=0, high=1),
    _column("expression_top", _TEXT, "the expression that a model scores highest", values=EIGHT_EXPRESSIONS),
    _column("expression_confidence", _F32, "its score", low=0, high=1),
    _column("teacher", _TEXT, "which model scored the expressions: its kind and the start of its weights' SHA-256"),
    _column("landmarks_68", pa.list_(_F32, 136), "68 landmarks, iBUG order: x0, y0, x1, y1, …", "px from the top left"),
    _column("landmarks_68_visible", pa.list_(_BOOL, 68), "whether each of the 68 landmarks can be seen"),
    _column(
        "landmarks_5",
        pa.list_(_F32, 10),
        "the subject's left eye (right in the picture) and right eye, nose tip, left and right mouth corner: x0, y0, …",
        "px from the top left",
    ),
    _column("landmarks_5_visible", pa.list_(_BOOL, 5), "whether each of the 5 landmarks can be seen"),
    _column("face_box", pa.list_(_F32, 4), "left, top, right, bottom of the 68 landmarks", "px"),
    _column("yaw_deg", _F32, "head turned to the subject's left", "deg", low=-180, high=180),
    _column("pitch_deg", _F32, "head raised", "deg", low=-90, high=90),
    _column(
        "roll_deg",
        _F32,
        "head tilted towards the subject's left shoulder: clockwise in the picture",
        "deg",
        low=-180,
        high=180,
    ),
    _column("gaze_yaw_deg", _F32, "eyes turned to the subject's left, within the head", "deg", low=-60, high=60),
    _column("gaze_pitch_deg", _F32, "eyes raised, within the head", "deg", low=-60, high=60),
    _column("camera_distance_m", _F32, "distance from the camera to the head", "m", low=0, high=10),
    _column("crop_scale", _F32, "side of the picture over the larger side of the 68 landmarks' box", low=0.5, high=10),
    _column(
        "light_kind",
        _TEXT,
        "set-up of the light",
        values=("overcast", "window", "studio", "overhead", "flash", "sun", "low key", "against the light", "other"),
    ),
    _column("light_azimuth_deg", _F32, "key light: from the camera round to the right", "deg", low=-180, high=180),
    _column("light_elevation_deg", _F32, "key light: upwards", "deg", low=-90, high=90),
    _column("light_ratio", _F32, "luminance of what faces the key over that of what it does not reach", low=1),
    _column("light_temperature_k", _F32, "colour temperature of the key light; null for none", "K", low=0, high=25000),
    _column(
        "background_kind",
        _TEXT,
        "what lies behind the head",
        values=("plain", "gradient", "bokeh", "room", "foliage"),
    ),
    _column("glasses", _TEXT, "shape of the glasses worn", values=GLASSES_SHAPES),
    _column("sunglasses", _BOOL, "whether the glasses hide the eyes"),
    _column("headwear", _TEXT, "what is worn on the head", values=HEADWEAR_KINDS),
    _column("occluder", _TEXT, "what stands before the face", values=OCCLUDER_KINDS),
    _column(
        "occlusion",
        _F32,
        "share of the face that is hidden: of the 68 landmarks by worn or held things, not hair (render); of those "
        "that face the camera, or of the face's pixels, by anything (quality)",
        low=0,
        high=1,
    ),
    _column(
        "ita_deg", _F32, "individual typology angle of the skin's albedo; of skin, within 90", "deg", low=-180, high=180
    ),
    _column("face_luminance", _F32, "mean luminance of the face's pixels", "0–1, sRGB-coded", low=0, high=1),
    _column("hair_style", _TEXT, "style that the hair was cut to, covered or not", values=HAIR_NAMES),
    _column("hair_length", _TEXT, "its length: cropped to 1.5 cm, short to 7, medium to 16", values=HAIR_LENGTHS),
    _column("hair_covered", _BOOL, "whether headwear hides the hair"),
    _column("beard", _TEXT, "kind of beard, by where it shows", values=BEARD_NAMES),
    _column("make_up", _TEXT, "make-up that shows, of lipstick, shadow, liner and blush: `lipstick+liner`; or none"),
    _column("scene", _TEXT, "everything that the renderer was given, as JSON: drawn again, it gives this picture"),
    # maps, on request (facsim.label_maps reads them)
    _column(
        "depth",
        IMAGE_TYPE,
        "how far away each pixel is, along the camera's axis; 0 where nothing is: a 16-bit grey PNG",
        "0.1 mm",
    ),
    _column(
        "normals",
        IMAGE_TYPE,
        "which way each pixel faces: x right, y up, z to the camera; black where nothing is: an 8-bit RGB PNG",
        "1 + 127 (n + 1)",
    ),
    _column("parts", IMAGE_TYPE, "what each pixel shows, as numbers of the table below: an 8-bit palette PNG"),
    # where the face is
    _column("faces_found", pa.int16(), "faces that the detector found; null where a crop was given", low=0),
    _column(
        "faces_listed",
        pa.list_(pa.struct([(name, _F32) for name in ("left", "top", "right", "bottom", "score")])),
        "the detector's boxes of all faces, at most 256: the one that counts first, then by score (null: it gives "
        "none), from the left and from the top; null where a crop was given",
        "px",
    ),
    _column("face_score", _F32, "the detector's score of the face; null where it gives none", low=0, high=1),
    _column(
        "landmarks_error",
        _F32,
        "how far off the landmarks are thought to be, as the landmark model's own guess",
        "share of the distance between the outer corners of the eyes",
        low=0,
    ),
    _column("landmarks_source", _TEXT, "the model that the landmarks are from"),
    _column("face_aligned", IMAGE_TYPE, "the face, cut out by its five points: a PNG; or as given"),
    _column("align_template", _TEXT, "how it is framed", values=("arcface", "wide", "tight", "given")),
    _column(
        "align_matrix",
        pa.list_(_F32, 6),
        "two rows of three: places in the picture, in px from the top left, to places in the aligned face",
    ),
    _column("image_frame", _TEXT, "how `crop` framed the picture", values=("arcface", "wide", "tight")),
    _column(
        "image_matrix",
        pa.list_(_F32, 6),
        "two rows of three: places in the picture that `crop` was given, in px from the top left, to places in its own",
    ),
    # what was decided
    _column(
        "expression_scores",
        pa.list_(_F32, 8),
        "a model's score for each of the eight expressions, in alphabetical order; 0 for a class that it lacks",
        "sum to 1",
    ),
    _column("expression_label", _TEXT, "the hard label decided", values=EIGHT_EXPRESSIONS),
    _column(
        "expression_soft",
        pa.list_(_F32, 8),
        "the label distribution decided, over the eight expressions in alphabetical order",
        "sum to 1",
    ),
    _column("vote_confidence", _F32, "probability of the label decided, by the rule of the vote", low=0, high=1),
    _column("vote_agreement", _F32, "share of the votes that are for the commonest class", low=0, high=1),
    _column("vote_entropy", _F32, "entropy of the mean of the voters' distributions", "nat", low=0, high=2.0795),
    _column(
        "label_trust",
        pa.struct(
            [
                ("voters", pa.list_(pa.struct([("name", _TEXT), ("label", _TEXT), ("score", _F32)]))),
                ("decision", _TEXT),
                ("reason", _TEXT),
            ]
        ),
        "who voted what with which score (null: gave none), what was decided (or `undecided`), and why",
    ),
    # what a face looks like to a model: apparent, never a fact about a person
    _column("apparent_age_sd_years", _F32, "standard deviation of the apparent age", "years", low=0, high=100),
    _column("apparent_gender_score", _F32, "a model's probability that a face is drawn as masculine", low=0, high=1),
    _column("apparent_ancestry_sd", _F32, "error to be expected of one of the three weights", low=0, high=1),
    _column("skin_tone_monk_scores", pa.list_(_F32, 10), "a model's probability of each Monk tone, 1 to 10"),
    _column("ita_sd_deg", _F32, "standard deviation of ita_deg", "deg", low=0, high=180),
    _column("identity_embedding", pa.list_(_F32), "a vector of length 1: the cosine of two is how alike faces are"),
    # how well a face is pictured, whatever it expresses (facsim.labels.quality)
    _column("sharpness", _F32, "1 less the blur of the aligned face by blurring it again (Crété 2007)", low=0, high=1),
    _column(
        "exposure", _F32, "share of the face's pixels that are not clipped, less where it has few levels", low=0, high=1
    ),
    _column("contrast", _F32, "luma's range over its sum within the face, 5th to 95th percentile", low=0, high=1),
    _column("blockiness", _F32, "how much steps at JPEG's block borders exceed others", "share", low=0, high=1),
    _column("face_px", _F32, "size of the face by points that no expression moves", "px", low=0),
    _column("quality", _F32, "the least of the marks of what was measured, each 0–1", low=0, high=1),
    _column("quality_limit", _TEXT, "what the least mark is for", values=QUALITY_MARKS),
    # curation
    _column("pixel_hash", _TEXT, "blake2b of the decoded pixels: equal for exact duplicates"),
    _column("perceptual_hash", pa.uint64(), "64-bit DCT hash: near in Hamming distance for near-duplicates"),
    _column("duplicate_of", _TEXT, "sample_id of the first sample that this one repeats"),
    _column("duplicate_distance", pa.int16(), "Hamming distance to it; 0 exact", "bit", low=0, high=64),
    _column("duplicate_conflict", _BOOL, "whether copies of the picture are labelled otherwise than it or one another"),
    _column("label_issue", _BOOL, "whether the label is probably wrong, by models that never saw the picture"),
    _column("label_quality", _F32, "probability of the label, by models that never saw the picture", low=0, high=1),
    _column("label_suggested", _TEXT, "what those models call the picture", values=EIGHT_EXPRESSIONS),
    _column("accepted", _BOOL, "whether the sample stays"),
    _column("reason", _TEXT, "why it does not"),
]

COLUMNS: Mapping[str, Column] = {entry.name: entry for entry in _LIST}
"""Every built-in column by name."""

KEY_COLUMNS: Mapping[str, Column] = {
    entry.name: entry
    for entry in (
        _column("sample_id", _TEXT, "the sample"),
        _column("problem", _TEXT, "why this step has no result for the sample; null when it has"),
        _column("problem_detail", _TEXT, "the same for a person"),
    )
}
"""Columns that every step's file holds beside what the step writes."""


def column_named(name: str, *, extra: Mapping[str, Column] | None = None) -> Column:
    """The entry for `name`, from the dictionary, the key columns or a plugin's `extra` entries.

    Raises ManifestError with the nearest known name.
    """
    known = {**COLUMNS, **KEY_COLUMNS, **(extra or {})}
    if name not in known:
        raise ManifestError(f'no column "{name}" in the column dictionary.{hint_nearest(name, known)}')
    return known[name]


def split_name(full_name: str) -> tuple[str, str]:
    """`("render", "AU12")` for `"render.AU12"`. Raises ManifestError where there is no step."""
    step, dot, name = full_name.partition(".")
    if not (step and dot and name):
        raise ManifestError(f'"{full_name}" is not a full column name; expected "step.column", such as "render.image"')
    return step, name


def step_schema(writes: Iterable[str], *, extra: Mapping[str, Column] | None = None) -> pa.Schema:
    """The Arrow schema of a step's file: the key columns, then what the step writes, in that order."""
    entries = [*KEY_COLUMNS.values(), *(column_named(name, extra=extra) for name in writes)]
    return pa.schema([pa.field(entry.name, entry.type) for entry in entries])


def value_fault(entry: Column, value: Any) -> str:
    """What is wrong with `value` for this column, in words; empty when nothing is. Null is always allowed."""
    if value is None:
        return ""
    if entry.values and value not in entry.values:
        return f"{value!r} is not one of {', '.join(entry.values)}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value!r} is not finite"
    if isinstance(value, int | float) and not (entry.low <= value <= entry.high):
        return f"{value!r} is outside {entry.low:g} to {entry.high:g}"
    return ""

"""What `facsim evaluate`, `calibrate` and `compare` found, in words for a person; made from their JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from facsim.commands.console import counts_text, table_text

__all__ = [
    "calibrated_text",
    "chosen_text",
    "comparison_text",
    "evaluation_text",
    "frames_text",
    "listed_text",
    "seen_text",
]

_HEADLINES = (("accuracy", "accuracy (WAR)"), ("uar", "UAR"), ("macro_f1", "macro F1"), ("ece", "calibration error"))
_CALIBRATION = (("classwise_ece", "class-wise error"), ("nll", "log-likelihood, −"), ("brier", "Brier score"))

_Found = Mapping[str, Any]


def evaluation_text(found: _Found) -> str:
    """Headline figures, the confusion matrix, then whatever else was asked for, and every warning."""
    parts = [_headlines(found), _matrix(found), seen_text(found["seen_in_training"]), chosen_text(found)]
    parts += [listed_text(found), frames_text(found), _tempered(found["calibration"])]
    parts += [_groups(name, held) for name, held in found["groups"].items()]
    parts += [_robustness(found["robustness"])]
    parts += [f"not scored: {counts_text(found['left_out'])}" if found["left_out"] else ""]
    parts += [f"not among these pictures: {', '.join(found['classes_absent'])}" if found["classes_absent"] else ""]
    return "\n\n".join(part for part in parts if part)


def calibrated_text(found: _Found) -> str:
    """The temperature and what it was fitted on."""
    rows = [
        ("temperature", f"{found['temperature']:.3f}"),
        ("log-likelihood, −", f"{found['nll_before']:.4f} before, {found['nll_after']:.4f} after, where it was fitted"),
        ("fitted on", f"{found['n']} pictures of {found['source']}"),
        ("left out", counts_text(found["left_out"]) or "none"),
        ("written", found["file"]),
        ("next", f"facsim evaluate {found['model']} --on OTHER_FACES"),
    ]
    return table_text(rows)


def comparison_text(found: _Found) -> str:
    """Differences with their intervals, and McNemar's test."""
    names = dict(_HEADLINES)
    rows = [
        [names[name], f"{one['value']:+.4f} [{one['low']:+.4f}, {one['high']:+.4f}]", f"p = {one['p']:.3f}"]
        for name, one in found["differences"].items()
    ]
    only = f"{found['only_one_right']} only by ONE, {found['only_other_right']} only by OTHER"
    counts = [("pictures", f"{found['n']:,}"), ("called right", only), ("McNemar", f"p = {found['mcnemar_p']:.3g}")]
    return f"OTHER minus ONE\n{table_text(rows)}\n\n{table_text(counts)}"


def seen_text(seen: _Found | None) -> str:
    """How many of the pictures the model was trained on, themselves or nearly, and the figures without them."""
    if seen is None:
        return "the model does not say which pictures it was trained on: a leak cannot be ruled out"
    near = seen["near"]
    unknown = "" if near else "; near-duplicates are not known: the model keeps no signatures, train it again for them"
    if not seen["count"] and not (near or {}).get("count"):
        return f"none of these pictures was trained on{unknown or ', nor are there near-duplicates'}"
    lines = [f"warning: {seen['count']} of these pictures were trained on{unknown}"]
    if near:
        lines[0] += f", and {near['count']} are near-duplicates of training pictures"
    lines += _without("without those trained on", seen["without"])
    return "\n".join(lines + (_without("without both", near["without_both"]) if near else []))


def chosen_text(found: _Found) -> str:
    """How many of the pictures the checkpoint was chosen on, themselves or nearly, and the figures without them; empty
    where none."""
    seen = found["seen_in_selection"]
    if seen is None:
        told = found["selected_on"] or "nothing"
        return "" if told.startswith("nothing") else f"chosen on {told}; which pictures those are is not kept"
    near = seen["near"] or {"count": 0, "without_both": None}
    if not seen["count"] and not near["count"]:
        return ""
    lines = [f"warning: this checkpoint was chosen on {seen['count']} of these pictures"]
    if near["count"]:
        lines[0] += f", and {near['count']} are near-duplicates of such"
        return "\n".join(lines + _without("without both", near["without_both"]))
    return "\n".join(lines + _without("without those it was chosen on", seen["without"]))


def listed_text(found: _Found) -> str:
    """How many of the pictures a file of leaks names, and the figures without these and those seen; empty without
    such a file."""
    listed = found["listed_as_leaks"]
    if listed is None:
        return ""
    head = f"{listed['count']} of these pictures are copies of {listed['training']} by {listed['file']}"
    if not listed["count"]:
        return head
    further = f", {listed['further']} of them in no other way" if listed["further"] else ""
    return "\n".join([head + further, *_without("without all of these", listed["without_all"])])


def frames_text(found: _Found) -> str:
    """A warning where the faces are cut otherwise than those that the model learnt from; empty where they are not."""
    model, pictures = found["frames"]["model"], found["frames"]["pictures"]
    if not model or model == pictures:
        return ""
    there = f'cut as "{pictures}"' if pictures else "as they came"
    return (
        f'warning: the model learnt from aligned faces, cut as "{model}"; these are {there}: cut them by a recipe with '
        "ingest, detect and crop, and evaluate on that run"
    )


def _figure(one: _Found) -> str:
    """`0.5000 [0.4000, 0.6000] (n = 100)`; a figure that is not defined is a dash."""
    if one["value"] is None:
        return f"– (n = {one['n']:,})"
    return f"{one['value']:.4f} [{one['low']:.4f}, {one['high']:.4f}] (n = {one['n']:,})"


def _headlines(found: _Found) -> str:
    rows = [(words, _figure(found[name])) for name, words in _HEADLINES]
    return table_text([*rows, *((words, _figure(found["calibration"][name])) for name, words in _CALIBRATION)])


def _matrix(found: _Found) -> str:
    rates = found["recall"]
    rows = [
        [name, "–" if rates[name] is None else f"{rates[name]:.3f}", *map(str, counts)]
        for name, counts in zip(found["classes"], found["confusion"], strict=True)
    ]
    return table_text([["truth", "recall", *(name[:4] for name in found["classes"])], *rows])


def _without(words: str, figures: _Found | None) -> list[str]:
    if figures is None:
        return [f"{words}: no picture is left"]
    return [f"{words}: accuracy {_figure(figures['accuracy'])}, UAR {_figure(figures['uar'])}"]


def _tempered(calibration: _Found) -> str:
    found = calibration["tempered"]
    if found is None:
        return ""
    head = f"temperature {found['temperature']:.3f}, fitted on {found['fitted_on']['n']} other pictures"
    if found["after"] is None:
        return f"{head}: no picture is left to judge it by, they are what it was fitted on"
    named = (("ece", "calibration error"), *_CALIBRATION)
    rows = [[words, _figure(found["before"][name]), _figure(found["after"][name])] for name, words in named]
    return f"{head}\n{table_text([['', 'before', 'after'], *rows])}"


def _groups(name: str, held: _Found) -> str:
    rows: list[Sequence[str]] = [["group", "n", "accuracy", "UAR"]]
    for group, one in held["groups"].items():
        few = " *" if one["small"] else ""
        rows.append([group, str(one["n"]) + few, _short(one["accuracy"]), _short(one["uar"])])
    lines = [f"by {name}" + (f" (not known of {held['unknown']})" if held["unknown"] else ""), table_text(rows)]
    if any(one["small"] for one in held["groups"].values()):
        lines.append(f"* fewer than {held['least_in_group']} pictures: not in the gaps")
    for metric, gap in held["gaps"].items():
        where = f"{gap['lowest']} to {gap['highest']}"
        lines.append(f"gap in {dict(_HEADLINES)[metric]}: {_short(gap['difference'])}, {where}, p = {gap['p']:.3f}")
    return "\n".join(lines)


def _short(one: _Found) -> str:
    return "–" if one["value"] is None else f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


def _robustness(found: _Found | None) -> str:
    if found is None:
        return ""
    levels = list(next(iter(found["curves"].values())))
    rows = [
        [name.replace("_", " "), *(f"{curve[level]['accuracy']['value']:.3f}" for level in levels), _left(found, name)]
        for name, curve in found["curves"].items()
    ]
    mean = f"share of the clean accuracy that is left, on average: {_short(found['mean_relative_accuracy'])}"
    return f"accuracy by severity\n{table_text([['', *levels, 'share left'], *rows])}\n{mean}"


def _left(found: _Found, name: str) -> str:
    return _short(found["relative_accuracy"][name])

"""A recipe for faces like the one on the page."""

from __future__ import annotations

import tomli_w

from facsim.studio.settings import Settings

__all__ = ["recipe_text"]

_AGES = ((5, 12), (13, 19), (20, 39), (40, 59), (60, 85))
"""The age groups of `facsim.plan`."""


def recipe_text(settings: Settings) -> str:
    """TOML: a hundred faces of this expression (all seven where none was chosen), age group, gender and tone, of this
    size and with what was set in the scene.

    A recipe draws action units, pose and whatever is not set at random; a single picture is said in Python.
    """
    low, high = next(((a, b) for a, b in _AGES if settings.age_years <= b), _AGES[-1])
    quotas = {
        "expression": {settings.expression: "100%"} if settings.expression else "balanced",
        "apparent_gender": {settings.gender: "100%"},
        "apparent_age_years": {f"{low}-{high}": "100%"},
        "skin_tone_monk": {str(settings.tone): "100%"},
    }
    plan = tomli_w.dumps({"plan": {"count": 100, "seed": settings.seed, "quotas": quotas}})
    step = f'[[step]]\nuse = "render"\nsize_px = {settings.size_px}\n'
    scene = f"\n[step.scene]\n{tomli_w.dumps(dict(settings.set))}" if settings.set else ""
    return f"{plan}\n{step}{scene}"

"""A recipe for faces like the one on the page."""

from facsim.studio.settings import Settings

__all__ = ["recipe_text"]

_AGES = ((5, 12), (13, 19), (20, 39), (40, 59), (60, 85))
"""The age groups of `facsim.plan`."""


def recipe_text(settings: Settings) -> str:
    """TOML: a hundred faces of this expression (all seven where none was chosen), age group, gender, tone and size.

    A recipe draws action units from prototypes and scenes at random; a single picture is said in Python.
    """
    low, high = next(((a, b) for a, b in _AGES if settings.age_years <= b), _AGES[-1])
    quotas = [
        f'expression = {{ {settings.expression} = "100%" }}' if settings.expression else 'expression = "balanced"',
        f'apparent_gender = {{ {settings.gender} = "100%" }}',
        f'apparent_age_years = {{ "{low}-{high}" = "100%" }}',
        f'skin_tone_monk = {{ {settings.tone} = "100%" }}',
    ]
    step = ["[[step]]", 'use = "render"', f"size_px = {settings.size_px}"]
    step += ["grey = true"] if settings.set.get("sensor.grey") is True else []
    plan = ["[plan]", "count = 100", f"seed = {settings.seed}", "", "[plan.quotas]", *quotas]
    return "\n".join([*plan, "", *step, ""])

"""Texts that stand for the classes in zero-shot recognition: of their names, and of the action units that show them.

A class has several weighted texts; their embeddings are averaged (Radford et al. 2021, Learning Transferable Visual
Models From Natural Language Supervision, section 3.1.4). Names come from `facsim.caption_words`, action units from the
prototypes' table (`facsim.variants`): a text for each variant, with its weight, of the units that it more often shows
than not, each at its usual strength.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facsim.caption_words import ADJECTIVES, NOUNS, action_unit_phrase
from facsim.errors import FacsimError, hint_nearest
from facsim.facs import letter_of_intensity
from facsim.provenance import fingerprint_of
from facsim.variants import PROTOTYPES, UnitRange, Variant

__all__ = ["PROMPT_KINDS", "Prompt", "prompts_fingerprint", "prompts_of"]

PROMPT_KINDS = ("names", "action-units", "both")
"""What texts are made of."""

_TEMPLATES = (
    "a photo of {a} {adjective} face",
    "a photo of {a} {adjective} person",
    "a face with {a} {adjective} expression",
    "a person with {a} {adjective} look",
    "a portrait of {a} {adjective} person",
    "a picture of a person with {a} {adjective} expression",
    "the face shows {noun}",
)
_LIKELY = 0.5  # a variant's unit is said from this chance on


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A text and its weight among its class's."""

    text: str
    weight: float


def prompts_of(classes: Sequence[str], *, kind: str = "names") -> dict[str, tuple[Prompt, ...]]:
    """The texts of each class, weights summing to 1 (of both kinds, half each).

    Raises FacsimError where a class has no words, or for an unknown kind.
    """
    if kind not in PROMPT_KINDS:
        raise FacsimError(f'no prompts of kind "{kind}".{hint_nearest(kind, PROMPT_KINDS)}')
    unknown = next((name for name in classes if name not in ADJECTIVES), None)
    if unknown is not None:
        raise FacsimError(f'there are no words for the class "{unknown}".{hint_nearest(unknown, ADJECTIVES)}')
    made = {"names": (_name_prompts,), "action-units": (_unit_prompts,), "both": (_name_prompts, _unit_prompts)}[kind]
    return {name: _weighted([make(name) for make in made]) for name in classes}


def prompts_fingerprint(prompts: Mapping[str, Sequence[Prompt]]) -> str:
    """32 hexadecimal digits over all texts and weights."""
    return fingerprint_of({name: [(prompt.text, prompt.weight) for prompt in held] for name, held in prompts.items()})


def _weighted(parts: Sequence[Sequence[Prompt]]) -> tuple[Prompt, ...]:
    """All prompts, each part's weights summing to the same share."""
    shares = [(part, len(parts) * sum(prompt.weight for prompt in part)) for part in parts]
    return tuple(Prompt(text=prompt.text, weight=prompt.weight / whole) for part, whole in shares for prompt in part)


def _name_prompts(expression: str) -> list[Prompt]:
    adjective = ADJECTIVES[expression]
    article = "an" if adjective[0] in "aeiou" else "a"
    words = {"a": article, "adjective": adjective, "noun": NOUNS[expression]}
    return [Prompt(text=template.format(**words), weight=1.0) for template in _TEMPLATES]


def _unit_prompts(expression: str) -> list[Prompt]:
    """A text for each variant; for one whose units lie on one side, a text for each side."""
    return [prompt for variant in PROTOTYPES[expression] for prompt in _variant_prompts(variant)]


def _variant_prompts(variant: Variant) -> list[Prompt]:
    said = [unit for unit in variant.units if unit.probability >= _LIKELY and _letter(unit)]
    sides = ("L", "R") if any(unit.one_sided for unit in said) else (None,)
    texts = [_listed([_phrase(unit, side) for unit in said]) for side in sides]
    return [Prompt(text=text, weight=variant.weight / len(texts)) for text in texts]


def _letter(unit: UnitRange) -> str:
    return letter_of_intensity(unit.intensity[1])


def _phrase(unit: UnitRange, side: str | None) -> str:
    return action_unit_phrase(unit.code, letter=_letter(unit), side=side if unit.one_sided else None)


def _listed(phrases: Sequence[str]) -> str:
    if not phrases:
        return "a face at rest"
    if len(phrases) == 1:
        return f"a face with {phrases[0]}"
    return f"a face with {', '.join(phrases[:-1])} and {phrases[-1]}"

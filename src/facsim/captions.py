"""Captions of a row in natural words, from its labels: true by construction, and readable back.

A caption says some of what the row's columns hold: expression, action units with strength and side, apparent age and
gender, skin, pose, gaze, light, background, and what is worn or held. How much, in which order and by which template
depends on (seed, sample id, number) alone. What cannot be seen is not said: gaze behind sunglasses or closed lids,
hair under headwear. Left and right are the subject's.

Every caption is made of phrases of `facsim.caption_words` and of a few words between them, so `claims_in` reads back
exactly what it claims and `false_claims` says which of that the row does not bear out.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from facsim.caption_words import (
    ACTION_UNIT_WORDS,
    ADJECTIVES,
    BACKGROUNDS,
    BEARDS,
    GLUE,
    HAIR,
    HEADWEAR,
    LIGHTS,
    MAKE_UP,
    NOUNS,
    OCCLUDERS,
    PERSONS,
    PHRASES,
    POSES,
    Claim,
    action_unit_phrase,
)
from facsim.coding import parse_coding
from facsim.errors import FacsimError, hint_nearest
from facsim.facs import column_names, key_of_column, letter_of_intensity

__all__ = [
    "CAPTION_COLUMNS",
    "DETAILS",
    "caption_of",
    "claims_in",
    "claims_of",
    "false_claims",
    "vocabulary",
    "words_of",
]

DETAILS = ("mixed", "brief", "medium", "full")
"""How much a caption says: expression and person; some of everything; everything; or one of these drawn."""

CAPTION_COLUMNS = (
    *("expression", "action_units", *column_names()),
    *("apparent_age_years", "apparent_gender", "skin_tone_monk", "yaw_deg", "pitch_deg", "roll_deg"),
    *("gaze_yaw_deg", "gaze_pitch_deg", "light_kind", "background_kind", "glasses", "sunglasses", "headwear"),
    *("occluder", "hair_style", "hair_covered", "beard", "make_up"),
)
"""Columns that captions are made of; a row may lack any of them, or have null there."""

_STAGES = ((13, "child"), (18, "teenager"), (35, "young adult"), (60, "middle-aged"))
"""Ages in years, exclusive, up to which a face is called so."""
_OPENINGS = ("a picture of", "a portrait of", "a close-up of", "the face of")
_LONGEST = max(len(phrase.split()) for phrase in PHRASES)
_KEPT: Mapping[str, tuple[float, float, float]] = {
    "brief": (1.0, 0.7, 0.0),
    "medium": (0.9, 0.85, 0.4),
    "full": (1.0, 1.0, 1.0),
}
"""Chances that the expression, the person and each of the rest is said."""


def caption_of(row: Mapping[str, Any], *, sample_id: str, seed: int = 0, number: int = 0, detail: str = "mixed") -> str:
    """Caption `number` of a row, a mapping with any of `CAPTION_COLUMNS`.

    Equal arguments give equal captions. Raises FacsimError for an unknown `detail`, and where the row says nothing
    that there are words for.
    """
    if detail not in DETAILS:
        raise FacsimError(f'no detail "{detail}".{hint_nearest(detail, DETAILS)}')
    claims = claims_of(row)
    if not claims:
        raise FacsimError(f"row {sample_id} has none of the columns that captions are made of; label the run first")
    digest = hashlib.blake2b(f"{seed}/{sample_id}/caption/{number}".encode(), digest_size=8).digest()
    draw = _Draw(random.Random(int.from_bytes(digest, "little")))
    return _written(_said(claims, draw, detail), draw)


def claims_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Everything that may be said of a row, by kind: all that a caption of it can claim."""
    codings = _action_units(row)
    found: dict[str, str] = {}
    if row.get("expression") in ADJECTIVES:
        found["expression"] = row["expression"]
    found |= _person(row) | _pose(row) | _gaze(row, codings) | _worn(row)
    for kind, column, table in (("light", "light_kind", LIGHTS), ("background", "background_kind", BACKGROUNDS)):
        if row.get(column) in table:
            found[kind] = row[column]
    if codings is not None:
        letters = {key: letter for key, value in codings.items() if (letter := letter_of_intensity(value))}
        found |= letters if letters else {"action_units": "none"}
    return found


def claims_in(text: str) -> tuple[Claim, ...]:
    """What a caption claims, in the order of the text. Raises FacsimError at a word that is of no phrase."""
    words, place, found = words_of(text), 0, list[Claim]()
    while place < len(words):
        for length in range(min(_LONGEST, len(words) - place), 0, -1):
            phrase = " ".join(words[place : place + length])
            if phrase in PHRASES:
                found.extend(PHRASES[phrase])
                place += length
                break
        else:
            if words[place] not in GLUE:
                raise FacsimError(f'"{words[place]}" in "{text}" is of no caption that facsim writes')
            place += 1
    return tuple(found)


def false_claims(text: str, row: Mapping[str, Any]) -> tuple[Claim, ...]:
    """What a caption claims and the row does not bear out; empty where all of it is true."""
    true = claims_of(row)
    return tuple((kind, value) for kind, value in claims_in(text) if true.get(kind) != value)


def vocabulary() -> frozenset[str]:
    """Every word that a caption can hold, lower case."""
    return GLUE | {word for phrase in PHRASES for word in phrase.split()}


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, lower case, without punctuation but for hyphens within words."""
    return tuple(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", text.lower()))


# what a row says


def _action_units(row: Mapping[str, Any]) -> dict[str, float] | None:
    """The row's coding by key, from its text, else from the columns of single units; None where it has neither.

    Columns may be of some units alone, so that where all are 0 nothing is known of the rest; and `AU12` without
    `AU12L` and `AU12R` does not say which side.
    """
    if row.get("action_units") is not None:
        return parse_coding(row["action_units"])
    keyed = {key: row[name] for name in column_names() if (key := key_of_column(name)) and row.get(name) is not None}
    return {key: float(value) for key, value in keyed.items() if value > 0} or None


def _person(row: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    if row.get("apparent_gender") in ("feminine", "masculine"):
        found["apparent_gender"] = row["apparent_gender"]
    if (age := row.get("apparent_age_years")) is not None:
        found["stage_of_life"] = _band(age, _STAGES) or "old"
        found["age_years"] = str(min(100, int(age + 0.5)))
        if 20 <= age < 100:
            found["age_decade"] = str(int(age // 10) * 10)
    if (tone := row.get("skin_tone_monk")) is not None:
        found["skin"] = ("very light", "light", "medium", "dark", "very dark")[(int(tone) - 1) // 2]
    return found


def _band(value: float, borders: Sequence[tuple[float, str]]) -> str:
    """The name of the first border that lies above `value`; "" where none does."""
    return next((name for border, name in borders if value < border), "")


def _pose(row: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    yaw, pitch, roll = (row.get(name) for name in ("yaw_deg", "pitch_deg", "roll_deg"))
    if yaw is not None:
        how = "slightly " if abs(yaw) < 20 else "" if abs(yaw) < 45 else "far "
        found |= {"head_yaw": how + ("left" if yaw > 0 else "right")} if abs(yaw) >= 8 else {}
    if pitch is not None and abs(pitch) >= 8:
        found["head_pitch"] = ("slightly " if abs(pitch) < 20 else "") + ("raised" if pitch > 0 else "lowered")
    if roll is not None and abs(roll) >= 6:
        found["head_roll"] = ("slightly " if abs(roll) < 15 else "") + ("left" if roll > 0 else "right")
    if yaw is not None and pitch is not None and max(abs(yaw), abs(pitch)) < 8:
        found["facing"] = "camera"
    return found


def _gaze(row: Mapping[str, Any], coding: Mapping[str, float] | None) -> dict[str, str]:
    """Where the eyes look within the head; nothing where they cannot be seen."""
    yaw, pitch = row.get("gaze_yaw_deg"), row.get("gaze_pitch_deg")
    closed = min((coding or {}).get("43L", 0.0), (coding or {}).get("43R", 0.0)) >= 3.5
    if yaw is None or pitch is None or row.get("sunglasses") or closed:
        return {}
    found: dict[str, str] = {}
    if abs(yaw) >= 8:
        found["gaze_yaw"] = "left" if yaw > 0 else "right"
    if abs(pitch) >= 6:
        found["gaze_pitch"] = "up" if pitch > 0 else "down"
    return found or {"gaze": "ahead"}


def _worn(row: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    if (glasses := row.get("glasses")) is not None and f"wearing {glasses} glasses".replace("_", "-") in PHRASES:
        found["glasses"] = glasses
        if row.get("sunglasses"):
            found["sunglasses"] = "yes"
    elif glasses == "none":
        found["glasses"] = "none"
    for kind, table in (("headwear", HEADWEAR), ("occluder", OCCLUDERS), ("beard", BEARDS)):
        if row.get(kind) in table:
            found[kind] = row[kind]
    if row.get("hair_style") in HAIR and not row.get("hair_covered"):
        found["hair_style"] = row["hair_style"]
    return found | {f"make_up_{part}": "yes" for part in (row.get("make_up") or "").split("+") if part in MAKE_UP}


# what is said of it, and how


class _Draw:
    """Choices from numbers in [0, 1): `random.Random.random`, whose sequence Python promises to keep."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def chance(self, share: float) -> bool:
        return self._source.random() < share

    def one_of(self, choices: Sequence[str]) -> str:
        return choices[int(self._source.random() * len(choices))]

    def shuffled(self, things: Sequence[str]) -> list[str]:
        return [thing for _, _, thing in sorted((self._source.random(), i, thing) for i, thing in enumerate(things))]


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What a caption is made of: expression and person, "" where not said, and phrases of actions and of the rest."""

    expression: str
    person: str
    actions: tuple[str, ...]
    rest: tuple[str, ...]


def _said(claims: Mapping[str, str], draw: _Draw, detail: str) -> _Said:
    level = draw.one_of(("brief", "medium", "medium", "full")) if detail == "mixed" else detail
    of_expression, of_person, of_rest = _KEPT[level]
    expression = claims.get("expression", "") if draw.chance(of_expression) else ""
    person = _person_words(claims, draw) if draw.chance(of_person) else ""
    actions = [phrase for phrase in _action_phrases(claims) if draw.chance(of_rest * 1.4)]
    rest = [phrase for phrase in _rest_phrases(claims, draw) if draw.chance(of_rest)]
    if not (expression or person or actions or rest):  # a caption says something
        expression = claims.get("expression", "")
        actions = [] if expression else [*_action_phrases(claims), *_rest_phrases(claims, draw)][:1]
        person = "" if expression or actions else _person_words(claims, draw)
    return _Said(expression=expression, person=person, actions=tuple(actions), rest=tuple(draw.shuffled(rest)))


def _person_words(claims: Mapping[str, str], draw: _Draw) -> str:
    """Who: gender and stage of life, one of them left out now and then; never a grown-up's word for a child."""
    gender, stage = claims.get("apparent_gender", ""), claims.get("stage_of_life", "")
    if gender and stage not in ("child", "teenager", "") and draw.chance(0.3):
        stage = ""
    elif stage and gender and draw.chance(0.15):
        gender = ""
    return PERSONS.get((gender, stage), "")


def _action_phrases(claims: Mapping[str, str]) -> list[str]:
    """A phrase for each unit, or for each side of it where they differ, in FACS order."""
    phrases = ["face at rest"] if claims.get("action_units") == "none" else []
    for code, (_, one) in ACTION_UNIT_WORDS.items():
        left, right, centre = (claims.get(f"{code}{side}") for side in ("L", "R", ""))
        if one and left and left == right:
            phrases.append(action_unit_phrase(code, letter=left))
        elif one:
            sides = (("L", left), ("R", right))
            phrases += [action_unit_phrase(code, letter=letter, side=side) for side, letter in sides if letter]
        elif centre:
            phrases.append(action_unit_phrase(code, letter=centre))
    return phrases


def _rest_phrases(claims: Mapping[str, str], draw: _Draw) -> list[str]:
    tables = {"light": LIGHTS, "background": BACKGROUNDS, "headwear": HEADWEAR, "occluder": OCCLUDERS, "beard": BEARDS}
    phrases = [table[claims[kind]] for kind, table in {**tables, "hair_style": HAIR}.items() if kind in claims]
    phrases += [POSES[kind, value] for kind, value in claims.items() if (kind, value) in POSES]
    phrases += [words for part, words in MAKE_UP.items() if f"make_up_{part}" in claims]
    if "skin" in claims:
        phrases.append(f"{claims['skin']} skin")
    if "age_years" in claims:
        exact = "age_decade" not in claims or draw.chance(0.5)
        phrases.append(f"aged {claims['age_years']}" if exact else _decade(claims["age_decade"]))
    if (shape := claims.get("glasses")) is not None:
        worn = "sunglasses" if "sunglasses" in claims else "glasses"
        phrases.append("without glasses" if shape == "none" else f"wearing {shape.replace('_', '-')} {worn}")
    return phrases


def _decade(value: str) -> str:
    return next(phrase for phrase, claims in PHRASES.items() if claims == (("age_decade", value),))


def _written(said: _Said, draw: _Draw) -> str:
    """The caption, by one of its templates."""
    template = draw.one_of(("portrait", "portrait", "sentence", "shows", "tags"))
    details = [*said.actions, *said.rest]
    if template == "tags":
        look = [f"{ADJECTIVES[said.expression]} {draw.one_of(('face', 'expression'))}"] if said.expression else []
        return ", ".join(draw.shuffled([*look, *([said.person] if said.person else []), *details]))
    who = said.person or ("person" if template != "sentence" else "face")
    adjective = ADJECTIVES.get(said.expression, "")
    if template == "portrait":
        looks = f" with {_article(adjective)} {adjective} {draw.one_of(('expression', 'look'))}" if adjective else ""
        head = f"{draw.one_of(_OPENINGS)} {_article(who)} {who}{looks}"
        return f"{_capital(', '.join([head, *details]))}."
    if template == "sentence":
        subject = f"{adjective} {who}".strip()
        return f"{_capital(', '.join([f'{_article(subject)} {subject}', *details]))}."
    return _shown(said, who)


def _shown(said: _Said, who: str) -> str:
    """Two sentences: what the face shows, and what else there is to say."""
    shown = [*([NOUNS[said.expression]] if said.expression else []), *said.actions]
    rest = [f"{_article(who)} {who}", *said.rest]
    if not shown:
        return f"{_capital(', '.join(rest))}."
    listed = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
    first = f"The face shows {listed}."
    return f"{first} {_capital(', '.join(rest))}." if said.person or said.rest else first


def _article(words: str) -> str:
    return "an" if words[:1] in "aeiou" else "a"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

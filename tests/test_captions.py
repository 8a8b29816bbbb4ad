"""facsim.captions: true of their rows, readable back, varied, and a function of seed and sample."""

import random
import subprocess
import sys

import pytest

from facsim.caption_words import ACTION_UNIT_WORDS, GLUE, PERSONS, PHRASES
from facsim.captions import caption_of, claims_in, claims_of, false_claims, vocabulary, words_of
from facsim.coding import format_coding
from facsim.columns import COLUMNS
from facsim.errors import FacsimError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.facs import ACTION_UNITS, lateral_keys
from facsim.models.action_units import SUPPORTED_AUS
from facsim.wearables import HEADWEAR_KINDS, OCCLUDER_KINDS

CLOSED = ("light_kind", "background_kind", "glasses", "headwear", "occluder", "hair_style", "beard")


def random_row(seed):
    """A row as a render's columns may hold it, some values missing."""
    rng = random.Random(seed)
    keys = rng.sample(SUPPORTED_AUS, rng.randint(0, 12))
    row = {
        "expression": rng.choice(EIGHT_EXPRESSIONS),
        "action_units": format_coding({key: round(rng.uniform(0.05, 5), 2) for key in keys}),
        "apparent_age_years": rng.uniform(2, 100),
        "apparent_gender": rng.choice(("feminine", "masculine")),
        "skin_tone_monk": rng.randint(1, 10),
        **{name: rng.gauss(0, 20) for name in ("yaw_deg", "pitch_deg", "roll_deg", "gaze_yaw_deg", "gaze_pitch_deg")},
        **{name: rng.choice(COLUMNS[name].values) for name in CLOSED},
        "sunglasses": rng.random() < 0.3,
        "hair_covered": rng.random() < 0.3,
        "make_up": rng.choice(("none", "lipstick", "lipstick+liner", "shadow+blush")),
    }
    return {name: value for name, value in row.items() if rng.random() > 0.1} | {"expression": row["expression"]}


@pytest.mark.parametrize("detail", ["mixed", "brief", "medium", "full"])
def test_every_claim_of_a_caption_is_true_of_its_row(detail):
    for number in range(400):
        row = random_row(number)
        text = caption_of(row, sample_id=f"s{number}", number=number % 3, detail=detail)
        assert false_claims(text, row) == (), text
        assert set(words_of(text)) <= vocabulary(), text


def test_a_caption_read_back_gives_what_was_said():
    """With full detail nothing is left out: the claims read back are those of the row, but for two ways to say age."""
    for number in range(200):
        row = random_row(number)
        read = set(claims_in(caption_of(row, sample_id=f"{number}", detail="full")))
        missing = set(claims_of(row).items()) - read
        assert {kind for kind, _ in missing} <= {"age_years", "age_decade", "stage_of_life", "apparent_gender"}, missing


def test_a_false_claim_is_found():
    row = {"expression": "happiness", "action_units": "6+12C+L14B", "apparent_gender": "feminine"}
    text = "A happy woman, clearly pulled-up lip corners, slightly dimpled left lip corner."
    assert false_claims(text, row) == ()
    assert false_claims(text.replace("happy", "sad"), row) == (("expression", "sadness"),)
    assert false_claims(text.replace("left", "right"), row) == (("14R", "B"),)
    assert false_claims(text.replace("clearly", "fully"), row) == (("12L", "E"), ("12R", "E"))
    assert false_claims(text.replace("woman", "man"), row) == (("apparent_gender", "masculine"),)


def test_a_caption_depends_on_seed_sample_and_number_alone():
    row = random_row(3)
    first = caption_of(row, sample_id="a", seed=1, number=2)
    assert first == caption_of(dict(reversed(row.items())), sample_id="a", seed=1, number=2)
    others = {caption_of(row, sample_id=s, seed=k, number=n) for s in "ab" for k in (1, 2) for n in range(5)}
    assert len(others) >= 15


def test_captions_are_the_same_in_another_process():
    program = (
        "from facsim.captions import caption_of;"
        "print(caption_of({'expression': 'fear', 'action_units': '1+2+5D', 'skin_tone_monk': 4}, sample_id='x'))"
    )
    found = {
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert found == {
        caption_of({"expression": "fear", "action_units": "1+2+5D", "skin_tone_monk": 4}, sample_id="x") + "\n"
    }


def test_captions_need_the_standard_library_alone():
    program = "import sys, facsim.captions; print(sorted({'numpy', 'torch', 'pyarrow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "[]"


def test_captions_of_one_row_differ_in_length_and_form():
    row = random_row(11)
    texts = [caption_of(row, sample_id="one", number=n) for n in range(60)]
    lengths = [len(words_of(text)) for text in texts]
    assert len(set(texts)) > 40 and min(lengths) < 8 < 30 < max(lengths)
    assert len({words_of(text)[0] for text in texts}) >= 4


def test_what_cannot_be_seen_is_not_said():
    row = {"expression": "anger", "gaze_yaw_deg": 20.0, "gaze_pitch_deg": 0.0, "hair_style": "bun"}
    assert claims_of(row)["gaze_yaw"] == "left"
    assert "gaze_yaw" not in claims_of({**row, "sunglasses": True, "glasses": "round"})
    assert "gaze_yaw" not in claims_of({**row, "action_units": "43E"})
    assert "hair_style" not in claims_of({**row, "hair_covered": True})


def test_action_units_are_read_from_their_columns_too():
    row = {"AU12": 3.0, "AU12L": 3.0, "AU12R": 0.0, "AU17": 2.0, "AU4L": 0.2}
    assert claims_of(row) == {"12L": "C", "17": "B"}


def test_a_face_is_at_rest_only_where_its_whole_coding_is_known():
    assert claims_of({"action_units": "0"}) == claims_of({"action_units": "12@0.3"}) == {"action_units": "none"}
    assert claims_of({"AU12L": 0.0}) == claims_of({"AU12": 3.0}) == {}


def test_ages_and_tones_fall_into_their_bands():
    cases = {12.9: "child", 13: "teenager", 18: "young adult", 34.9: "young adult", 35: "middle-aged", 60: "old"}
    for age, stage in cases.items():
        assert claims_of({"apparent_age_years": age})["stage_of_life"] == stage
    assert [claims_of({"skin_tone_monk": t})["skin"] for t in (1, 4, 5, 8, 10)] == [
        "very light", "light", "medium", "dark", "very dark"
    ]  # fmt: skip


def test_a_child_is_never_called_a_woman_or_a_man():
    row = {"expression": "fear", "apparent_age_years": 8.0, "apparent_gender": "feminine"}
    texts = [caption_of(row, sample_id=str(n)) for n in range(200)]
    assert any("girl" in text for text in texts) and not any("woman" in text for text in texts)


# the words


def test_no_two_claims_share_a_phrase():
    claims = [claim for claim in PHRASES.values()]
    spoken = [c for c in claims if c[0][0] != "expression"]  # an expression has an adjective and a noun
    assert len(spoken) == len(set(spoken))
    assert not GLUE & set(PHRASES)


def test_every_action_unit_of_the_face_has_words_and_sides_where_it_has_sides():
    face = {unit.code for unit in ACTION_UNITS if unit.region not in ("head", "gaze")}
    assert set(ACTION_UNIT_WORDS) == face
    for code, (_, one) in ACTION_UNIT_WORDS.items():
        assert bool(one) == (len(lateral_keys(code)) == 2), code


def test_everything_that_a_column_may_hold_has_words():
    for name in CLOSED:
        kind = {"light_kind": "light", "background_kind": "background"}.get(name, name)
        for value in COLUMNS[name].values:
            if value not in ("none", "other", "clean"):
                assert claims_of({name: value}).get(kind) == value, value
    assert HEADWEAR_KINDS[0] == OCCLUDER_KINDS[0] == "none"


def test_a_gender_and_a_stage_have_one_word_each():
    assert len(set(PERSONS.values())) == len(PERSONS)


# refusals


def test_a_word_of_no_caption_is_named():
    with pytest.raises(FacsimError, match='"photograph"'):
        claims_in("A photograph of a happy woman.")


def test_a_row_that_says_nothing_is_refused():
    with pytest.raises(FacsimError, match="label the run first"):
        caption_of({"width_px": 64}, sample_id="x")


def test_an_unknown_detail_is_answered_with_the_nearest():
    with pytest.raises(FacsimError, match='Did you mean "full"'):
        caption_of({"expression": "fear"}, sample_id="x", detail="ful")

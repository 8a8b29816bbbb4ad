import itertools
import json
import random

import numpy as np
import pytest

from facsim.errors import FormatError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.formats.terms import Terms
from facsim.models.naming_law import FORMAT, Choice, NamingLaw, Number, is_law, law_text, load_law

TERMS = {"name": "teacher", "agreement": "research use", "commercial": "no"}
LAW = {
    "format": FORMAT,
    "fitted_on": "what a teacher calls drawings",
    "how": "by hand",
    "stands_on": [TERMS],
    "names": ["happiness", "neutral"],
    "numbers": [
        {"column": "AU12", "mean": 1.0, "sd": 2.0},
        {"column": "yaw_deg", "mean": 10.0, "sd": 5.0, "absolute": True},
        {"column": "apparent_ancestry", "mean": 0.5, "sd": 0.5, "at": 2},
    ],
    "choices": {"occluder": ["none", "hand_mouth"], "sunglasses": ["true"]},
    "layers": [{"weights": [[2.0, 0.0], [0, -1.0], [0, 0], [0, 0], [0, 3.0], [-1.0, 0]], "bias": [0.0, 0.5]}],
}
ROW = {"AU12": 3.0, "yaw_deg": -15.0, "apparent_ancestry": [0, 0, 1.0], "occluder": "hand_mouth", "sunglasses": True}


def written(tmp_path, said, name="law.json"):
    (tmp_path / name).write_text(said if isinstance(said, str) else json.dumps(said))
    load_law.cache_clear()
    return str(tmp_path / name)


def shares(law, **changed):
    return dict(zip(EIGHT_EXPRESSIONS, law.answer([ROW | changed])[0].tolist(), strict=True))


def softmax(happy, calm):
    return float(np.exp(happy) / (np.exp(happy) + np.exp(calm)))


def test_a_law_is_a_regression_over_what_was_drawn(tmp_path):
    law = load_law(written(tmp_path, LAW))
    assert law.columns == ("AU12", "yaw_deg", "apparent_ancestry", "occluder", "sunglasses")
    # AU12 one deviation up gives 2; 15° to either side one deviation: -1; the hand 3 and 0.5; dark glasses -1
    assert shares(law)["happiness"] == pytest.approx(softmax(2 - 1, -1 + 3 + 0.5))
    assert shares(law, yaw_deg=15.0) == shares(law)
    assert shares(law, occluder="cup", sunglasses=False)["happiness"] == pytest.approx(softmax(2, -1 + 0.5))
    assert shares(law)["anger"] == 0 and sum(shares(law).values()) == pytest.approx(1)


def test_nothing_known_counts_as_the_mean_and_what_is_far_off_as_six_deviations(tmp_path):
    law = load_law(written(tmp_path, LAW))
    plain = {"occluder": None, "sunglasses": None, "yaw_deg": None, "apparent_ancestry": None}
    assert shares(law, AU12=None, **plain)["happiness"] == pytest.approx(softmax(0, 0.5))
    assert shares(law, AU12=1e9, **plain)["happiness"] == pytest.approx(softmax(12, 0.5))
    assert shares(law, AU12=float("nan"), **plain)["happiness"] == pytest.approx(softmax(0, 0.5))


def test_hidden_layers_are_hyperbolic_tangents(tmp_path):
    deep = LAW | {
        "numbers": LAW["numbers"][:1],
        "choices": {},
        "layers": [{"weights": [[1.0]], "bias": [0.5]}, {"weights": [[2.0, -2.0]], "bias": [0, 0]}],
    }
    law = load_law(written(tmp_path, deep))
    assert shares(law)["happiness"] == pytest.approx(softmax(2 * np.tanh(1.5), -2 * np.tanh(1.5)))


def test_a_row_is_named_the_same_to_the_bit_in_any_batch():
    drawn = np.random.default_rng(0)
    numbers = tuple(Number(column=f"AU{code}", mean=1.0, sd=0.7) for code in (1, 2, 4, 5, 6, 7, 9, 10, 12))
    sizes = (len(numbers) + 2, 32, 7)
    law = NamingLaw(
        names=tuple(name for name in EIGHT_EXPRESSIONS if name != "contempt"),
        numbers=numbers,
        choices=(Choice(column="occluder", values=("none", "cup")),),
        layers=tuple((drawn.normal(size=pair), drawn.normal(size=pair[1])) for pair in itertools.pairwise(sizes)),
        fitted_on="drawings",
        how="",
    )
    columns = [number.column for number in numbers]
    rows = [dict(zip(columns, row, strict=True)) | {"occluder": "cup"} for row in drawn.uniform(0, 5, (70, 9))]
    whole = law.answer(rows)
    assert np.array_equal(whole, np.concatenate([law.answer([row]) for row in rows]))
    assert np.array_equal(whole, np.concatenate([law.answer(rows[:33]), law.answer(rows[33:])]))


def test_a_law_survives_its_file(tmp_path):
    law = load_law(written(tmp_path, LAW))
    again = load_law(written(tmp_path, law_text(law), "again.json"))
    assert again.answer([ROW]).tolist() == law.answer([ROW]).tolist()
    assert (again.numbers, again.choices, again.fitted_on, again.how) == (
        law.numbers,
        law.choices,
        law.fitted_on,
        "by hand",
    )
    assert again.stands_on == (Terms(name="teacher", agreement="research use", commercial="no"),)
    assert is_law(written(tmp_path, LAW)) and not is_law(str(tmp_path / "nowhere.json"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"format": "facsim naming law 9"}, "not of format"),
        ({"names": ["happiness", "happiness"]}, "each once"),
        ({"names": ["happy", "neutral"]}, "happiness"),
        ({"names": []}, "each once"),
        ({"fitted_on": ""}, "fitted_on"),
        ({"stands_on": None}, "stands_on"),
        ({"stands_on": [{"name": "x"}]}, "stands_on"),
        ({"numbers": []}, "no `numbers`"),
        ({"numbers": [{"column": "AU12", "mean": 0, "sd": 0}]}, "deviation above 0"),
        ({"numbers": [{"column": "AU12", "mean": float("nan"), "sd": 1}]}, "deviation above 0"),
        ({"numbers": [{"column": "AU112", "mean": 0, "sd": 1}]}, "AU12"),
        ({"numbers": [{"column": "image", "mean": 0, "sd": 1}]}, "reads numbers from"),
        ({"numbers": [{"column": "AU12", "at": 0, "mean": 0, "sd": 1}]}, "reads lists of numbers from"),
        ({"choices": {"AU12": ["1"]}}, "reads words from"),
        ({"choices": {"occluder": [1]}}, "list of values"),
        ({"choices": []}, "list of values"),
        ({"layers": []}, "last layer of 2"),
        ({"layers": [{"weights": [[1, 2]], "bias": [0, 0]}]}, "layer 0 without 6 rows"),
        ({"layers": [{"weights": [[1, float("inf")]] * 6, "bias": [0, 0]}]}, "layer 0"),
        ({"layers": [{"weights": [[1]] * 6, "bias": [0]}]}, "last layer of 2"),
    ],
)
def test_what_is_no_law_is_refused_in_words(tmp_path, changed, said):
    with pytest.raises(FormatError, match=said):
        load_law(written(tmp_path, LAW | changed))


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000, '"facsim naming law 1"'])
def test_other_files_are_refused(tmp_path, text):
    with pytest.raises(FormatError):
        load_law(written(tmp_path, text))


def test_mutated_laws_are_read_or_refused_and_nothing_else(tmp_path):
    whole, drawn, read = json.dumps(LAW), random.Random(0), 0
    for number in range(600):
        text = list(whole)
        for _ in range(drawn.randint(1, 4)):
            place = drawn.randrange(len(text))
            text[place : place + drawn.randint(0, 3)] = drawn.choice(
                ["", "0", "-", '"', "[", "]", "null", "e9", "true", ","]
            )
        try:
            law = load_law(written(tmp_path, "".join(text), f"{number % 7}.json"))
        except FormatError:
            continue
        read += 1
        assert np.isfinite(law.answer([{column: None for column in law.columns}])).all()
    assert read  # some changes leave a law

"""Terms: every format has its own, an input can say others, and commercial use is refused by name."""

import json
import random

import pytest

from facsim.errors import FormatError
from facsim.formats import FORMATS
from facsim.formats.terms import (
    COMMERCIAL,
    ROW_TERMS,
    STANDS_ON,
    TERMS,
    Terms,
    carried_terms,
    check_commercial,
    listed_terms,
    terms_as_one,
    terms_for,
    terms_from,
    terms_list,
    terms_of_rows,
    terms_together,
)


def test_every_format_has_terms():
    assert set(TERMS) == set(FORMATS)
    for terms in TERMS.values():
        assert terms.commercial in COMMERCIAL and terms.redistribution in COMMERCIAL
        assert terms.name and terms.agreement and terms.grade in ("S", "G")


def test_terms_of_photographs_of_people_never_allow_commerce():
    assert not [terms for terms in TERMS.values() if terms.real_people and terms.commercial == "yes"]


def test_an_input_says_other_terms_by_a_datasets_name_or_in_words():
    assert terms_from("", form="ffhq") == terms_for("ffhq")
    assert terms_from("ffhq", form="class_folder").name == "FFHQ"
    own = terms_from("yes: my own photographs, consent signed", form="pictures")
    assert (own.commercial, own.agreement) == ("yes", "my own photographs, consent signed")


@pytest.mark.parametrize("text", ["fhq", "maybe: who knows", "yes", "yes:", "CC0"])
def test_terms_that_say_neither_are_refused(text):
    with pytest.raises(FormatError, match="say neither a dataset"):
        terms_from(text, form="pictures")


def test_commercial_use_is_refused_naming_source_and_terms():
    check_commercial([("a", terms_for("emonet_face")), ("b", terms_from("yes: mine", form="pictures"))])
    with pytest.raises(FormatError, match=r"in/digi \(DigiFace-1M; commercial: no; Research Use of Data Agreement"):
        check_commercial([("in/digi", terms_for("digiface")), ("c", terms_for("emonet_face"))])


MINE = Terms(name="mine", agreement="my own", commercial="yes")


def test_terms_go_into_json_and_back():
    both = (MINE, terms_for("ffhq"))
    again = listed_terms(json.loads(json.dumps(terms_list(both))))
    assert again is not None and [(one.name, one.text, one.commercial) for one in again] == [
        (one.name, one.text, one.commercial) for one in both
    ]


@pytest.mark.parametrize(
    ("parts", "commercial"),
    [((), "yes"), ((MINE,), "yes"), ((MINE, terms_for("dcface")), "ask"), ((terms_for("ffhq"), MINE), "no")],
)
def test_terms_together_are_as_narrow_as_the_narrowest(parts, commercial):
    one = terms_as_one(parts)
    assert one.commercial == commercial and all(part.name in one.name for part in parts)


def test_what_is_not_known_of_a_part_is_not_known_of_all():
    assert terms_together([(MINE,), (), (MINE, terms_for("ffhq"))]) == (MINE, terms_for("ffhq"))
    assert terms_together([]) == () and terms_together([(MINE,), None]) is None


def test_a_row_carries_what_facsim_wrote_with_it():
    columns = dict(zip(ROW_TERMS, ("mine", "my own", "yes"), strict=True))
    assert carried_terms(columns) == (MINE,)
    assert carried_terms({**columns, STANDS_ON: "[]"}) == ()  # says more: labels too
    assert carried_terms({STANDS_ON: json.dumps(terms_list([MINE]))}) == (MINE,)
    assert carried_terms({}) is None


def test_rows_without_terms_have_their_format_s():
    rows = [{STANDS_ON: "[]"}, {}, {STANDS_ON: json.dumps(terms_list([MINE]))}, {}]
    assert [one.name for one in terms_of_rows(rows, form="class_folder")] == ["facsim's renders", "not stated", "mine"]
    assert terms_of_rows([], form="ffhq") == (terms_for("ffhq"),)
    told = iter([{STANDS_ON: "[]"}])
    assert terms_of_rows(told, form="ffhq") == (terms_for("ffhq"),) and next(told), "what a layout says, no row undoes"


def test_what_is_spoilt_or_said_otherwise_allows_nothing():
    generator = random.Random(5)
    whole = json.dumps(terms_list([MINE]))
    values = [*range(3), None, True, [], {}, "", "yes", whole, [MINE.name], {"name": 1}]
    for _ in range(2000):
        text = list(whole)
        for _ in range(generator.randint(1, 4)):
            text[generator.randrange(len(text))] = chr(generator.randrange(32, 127))
        columns = {name: generator.choice(values) for name in ROW_TERMS}
        for row in ({STANDS_ON: "".join(text)}, columns, {STANDS_ON: generator.choice(values), **columns}):
            found = carried_terms(row)
            assert found is None or all(isinstance(one.name, str) and one.commercial in COMMERCIAL for one in found)
    for said in ("yes", [MINE.name], [{}], {"name": "a"}, [{"name": "a", "agreement": "b", "commercial": "certainly"}]):
        assert listed_terms(said) is None
        assert terms_of_rows([{STANDS_ON: json.dumps(said)}], form="class_folder")[0].commercial == "ask"

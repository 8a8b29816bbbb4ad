"""Terms: every format has its own, an input can say others, and commercial use is refused by name."""

import pytest

from facsim.errors import FormatError
from facsim.formats import FORMATS
from facsim.formats.terms import COMMERCIAL, TERMS, check_commercial, terms_for, terms_from


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

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.errors import FacsimError
from facsim.expressions import (
    EIGHT_EXPRESSIONS,
    LABEL_ORDERS,
    SEVEN_EXPRESSIONS,
    SPELLINGS,
    expression_at,
    expression_named,
    index_of,
    label_order,
    positions_in,
)

FER2013_FOLDERS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def test_the_canonical_names_are_alphabetical() -> None:
    assert list(SEVEN_EXPRESSIONS) == sorted(SEVEN_EXPRESSIONS)
    assert list(EIGHT_EXPRESSIONS) == sorted({*SEVEN_EXPRESSIONS, "contempt"})


@pytest.mark.parametrize(
    ("order", "expressions"),
    [
        ("alphabetical_7", "anger disgust fear happiness neutral sadness surprise"),
        ("alphabetical_8", "anger contempt disgust fear happiness neutral sadness surprise"),
        ("fer2013", "anger disgust fear happiness sadness surprise neutral"),
        ("ferplus", "neutral happiness surprise sadness anger disgust fear contempt"),
        ("affectnet_7", "neutral happiness sadness surprise fear disgust anger"),
        ("affectnet_8", "neutral happiness sadness surprise fear disgust anger contempt"),
        ("raf_db", "surprise fear disgust happiness sadness anger neutral"),
        ("ck_plus", "neutral anger contempt disgust fear happiness sadness surprise"),
        ("ganmut", "neutral happiness sadness surprise fear disgust anger"),
    ],
)
def test_an_order_counts_its_dataset_s_classes(order: str, expressions: str) -> None:
    first = 1 if order == "raf_db" else 0
    names = expressions.split()
    assert [expression_at(index, order=order) for index in range(first, first + len(names))] == names


@pytest.mark.parametrize("order", LABEL_ORDERS)
def test_index_and_name_are_inverse_in_every_order(order: str) -> None:
    known = label_order(order)
    assert len(set(known.expressions)) == len(known.expressions)
    assert set(known.expressions) <= set(EIGHT_EXPRESSIONS)
    for name in known.expressions:
        assert expression_at(index_of(name, order=order), order=order) == name


@pytest.mark.parametrize(
    ("index", "order", "message"),
    [
        (7, "affectnet_7", '7 is "contempt" in affectnet_7'),
        (9, "affectnet_8", '9 is "uncertain"'),
        (8, "ferplus", '8 is "unknown"'),
        (0, "raf_db", "0 is not an index of raf_db; expected 1 to 7"),
        (-1, "fer2013", "-1 is not an index"),
    ],
)
def test_an_index_that_is_no_expression_is_refused(index: int, order: str, message: str) -> None:
    with pytest.raises(FacsimError, match=message):
        expression_at(index, order=order)


def test_an_unknown_order_is_refused_with_the_nearest() -> None:
    with pytest.raises(FacsimError, match='Did you mean "affectnet_7"'):
        label_order("affectnet7")


def test_the_folders_of_fer2013_are_in_alphabetical_order_by_either_spelling() -> None:
    assert tuple(expression_named(folder) for folder in FER2013_FOLDERS) == SEVEN_EXPRESSIONS


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("anger", "anger"),
        ("Angry", "anger"),
        ("ANGRY ", "anger"),
        ("disgusted", "disgust"),
        ("fearful", "fear"),
        ("Scared", "fear"),
        ("afraid", "fear"),
        ("joy", "happiness"),
        ("0_surprise", "surprise"),
        ("03 - Happy", "happiness"),
        ("4.neutral", "neutral"),
        ("surprize", "surprise"),
        ("no_expression", "neutral"),
        ("\tsadness\n", "sadness"),
        ("Contemptuous", "contempt"),
        ("NE", "neutral"),
    ],
)
def test_spellings_in_the_wild_have_one_name(text: str, name: str) -> None:
    assert expression_named(text) == name


def test_no_spelling_belongs_to_two_expressions() -> None:
    spellings = [spelling for name, others in SPELLINGS.items() for spelling in (name, *others)]
    assert len(set(spellings)) == len(spellings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hapiness", 'Did you mean "happiness"'),
        ("angryy", 'Did you mean "anger"'),
        ("calm", "RAVDESS"),
        ("3", "A number means nothing without its order"),
        ("happily_surprised", "Compound"),
        ("uncertain", "AffectNet's 9"),
        ("train", "Expected one of anger, contempt"),
        ("", "Expected one of"),
    ],
)
def test_what_is_no_expression_is_refused_with_a_way_out(text: str, message: str) -> None:
    with pytest.raises(FacsimError, match=message):
        expression_named(text)


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=20))
def test_any_text_is_named_or_refused_by_name(text: str) -> None:
    try:
        assert expression_named(text) in EIGHT_EXPRESSIONS
    except FacsimError as error:
        assert str(error)


def test_scores_of_one_order_are_taken_by_name_into_another() -> None:
    affectnet, ours = label_order("affectnet_8").expressions, SEVEN_EXPRESSIONS
    taken = positions_in(affectnet, ours)
    assert tuple(affectnet[position] for position in taken) == ours


def test_a_class_that_scores_lack_is_refused() -> None:
    with pytest.raises(FacsimError, match="no class contempt among"):
        positions_in(SEVEN_EXPRESSIONS, EIGHT_EXPRESSIONS)

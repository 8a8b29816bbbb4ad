import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.coding import (
    coding_columns,
    conflicts,
    format_coding,
    lateral_intensities,
    mirrored,
    parse_coding,
)
from facsim.errors import FacsimError
from facsim.facs import ACTION_UNITS, lateral_keys

KEYS = [key for unit in ACTION_UNITS for key in lateral_keys(unit.code)]
INTENSITIES = st.one_of(
    st.floats(min_value=0, max_value=5, exclude_min=True), st.integers(min_value=1, max_value=5).map(float)
)
CODINGS = st.dictionaries(st.sampled_from(KEYS), INTENSITIES, max_size=12)
NEARLY_TEXTS = st.lists(st.sampled_from([*"+@LRABCDEFUT0123456789. e-", "12", "AU", "@2.5"]), max_size=14).map("".join)


@settings(deadline=None)  # the machine may be busy
@given(CODINGS)
def test_parsing_undoes_formatting(coding: dict[str, float]) -> None:
    assert parse_coding(format_coding(coding)) == coding


@settings(deadline=None)  # the machine may be busy
@given(st.one_of(st.text(max_size=30), NEARLY_TEXTS))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    try:
        coding = parse_coding(text)
    except FacsimError as error:
        assert str(error)
    else:
        assert parse_coding(format_coding(coding)) == coding


@settings(deadline=None)  # the machine may be busy
@given(CODINGS)
def test_a_coding_mirrored_twice_is_itself(coding: dict[str, float]) -> None:
    assert mirrored(mirrored(coding)) == coding


@pytest.mark.parametrize(
    ("text", "coding"),
    [
        ("6+12C+R12D", {"6L": 3, "6R": 3, "12L": 3, "12R": 4}),
        ("R12D+12C", {"12L": 3, "12R": 4}),
        ("1+2+5B+26", {"1L": 3, "1R": 3, "2L": 3, "2R": 3, "5L": 2, "5R": 2, "26": 3}),
        ("L14B", {"14L": 2}),
        ("R12A+R14A", {"12R": 1, "14R": 1}),
        ("12@2.5+17@0.25", {"12L": 2.5, "12R": 2.5, "17": 0.25}),
        (" au06a + AU25 ", {"6L": 1, "6R": 1, "25": 3}),
        ("0", {}),
    ],
)
def test_a_text_says_these_intensities(text: str, coding: dict[str, float]) -> None:
    assert parse_coding(text) == coding


def test_a_coding_is_written_in_the_order_of_facs_with_equal_sides_joined() -> None:
    assert format_coding({"25": 2.5, "12R": 4, "12L": 3, "6R": 1, "6L": 1}) == "6A+L12C+R12D+25@2.5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("6+12F", r'part 2 of "6\+12F": found "12F", expected AUs joined by \+'),
        ("12R", "write the side first, R12"),
        ("R17", "AU 17 .chin raiser. is central and has no side; write 17"),
        ("6+93", 'part 2 .* no action unit "93"'),
        ("12@6", "found intensity 6, expected a number above 0 and up to 5"),
        ("12@0", "leave absent AUs out"),
        ("12C+12D", "says AU 12L twice"),
        ("12A+L12B+R12C", "for both sides and again for each"),
        ("", "write 0 for a face without action units"),
        ("12+", "no [+] at the ends"),
        ("T23B", "leave T and B out"),
    ],
)
def test_a_text_at_fault_is_refused_where_it_is(text: str, message: str) -> None:
    with pytest.raises(FacsimError, match=message):
        parse_coding(text)


def test_a_side_overrules_its_code_and_zero_is_absence() -> None:
    assert lateral_intensities({"12": 2.0, "12R": 0.0, "17": 0.0}) == {"12L": 2.0}
    assert lateral_intensities({12: 2}) == {"12L": 2.0, "12R": 2.0}


@pytest.mark.parametrize("intensity", [-1.0, 5.01, float("nan"), float("inf")])
def test_an_intensity_off_the_scale_is_refused(intensity: float) -> None:
    with pytest.raises(FacsimError, match="from 0"):
        lateral_intensities({"12L": intensity})


def test_columns_hold_the_stronger_side_both_sides_and_zeros() -> None:
    values = coding_columns(parse_coding("12B+R12D+17"), [12, 17, 25])
    assert values == {"AU12": 4.0, "AU12L": 2.0, "AU12R": 4.0, "AU17": 3.0, "AU25": 0.0}


def test_a_unit_without_a_column_is_refused() -> None:
    with pytest.raises(FacsimError, match="AU 17, for which no column is asked"):
        coding_columns({"17": 1.0}, [12])


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("1+2+5+25+26", 0),
        ("26", 0),
        ("L5+R43", 0),
        ("5+43", 2),
        ("25+26+27", 1),
        ("27", 1),
        ("18+28", 1),
        ("24+25", 1),
        ("51+52+38+39", 2),
        ("12D+15D", 2),
        ("12C+15E", 0),
        ("L12E+R15E", 0),
        ("18D+20D", 2),
        ("22A+24A", 1),
    ],
)
def test_conflicts_gives_a_reason_for_each_impossible_pair(text: str, reasons: int) -> None:
    assert len(conflicts(parse_coding(text))) == reasons

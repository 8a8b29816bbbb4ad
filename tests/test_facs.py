import subprocess
import sys

import pytest

from facsim.errors import FacsimError
from facsim.facs import (
    ACTION_UNITS,
    action_unit,
    column_name,
    column_names,
    intensity_of_letter,
    key_of_column,
    lateral_keys,
    letter_of_intensity,
    mirrored_key,
    split_key,
)

EVERY_KEY = [key for unit in ACTION_UNITS for key in lateral_keys(unit.code)]


def test_every_main_unit_of_facs_is_there_once_and_in_order() -> None:
    codes = [unit.code for unit in ACTION_UNITS]
    main = {1, 2, *range(4, 29), 31, 32, 34, 35, 38, 39, *range(41, 47), *range(51, 59), *range(61, 65)}
    assert main <= set(codes)
    assert codes == sorted(set(codes))


def test_every_unit_of_the_face_names_its_muscles_but_for_what_the_tongue_does() -> None:
    without = {unit.code for unit in ACTION_UNITS if not unit.muscles and unit.region != "head"}
    assert without == {19, 36, 37}


def test_an_unknown_unit_is_refused_with_the_nearest() -> None:
    with pytest.raises(FacsimError, match=r'no action unit "122".*Did you mean "[0-9]+"'):
        action_unit("122")


@pytest.mark.parametrize("key", EVERY_KEY)
def test_a_key_mirrored_twice_is_itself(key: str) -> None:
    assert mirrored_key(mirrored_key(key)) == key


def test_mirroring_swaps_sides_and_turns_and_leaves_the_centre() -> None:
    assert [mirrored_key(key) for key in ("12L", "17", "51", "55", "61", "63")] == ["12R", "17", "52", "56", "62", "63"]


@pytest.mark.parametrize("key", ["12", "17L", "012L", "L12", "", "12l", "99L", "1" * 5000])
def test_what_is_not_a_key_is_refused(key: str) -> None:
    with pytest.raises(FacsimError):
        split_key(key)


def test_letters_and_numbers_of_intensity_are_inverse() -> None:
    assert [letter_of_intensity(intensity_of_letter(letter)) for letter in "ABCDE"] == list("ABCDE")


@pytest.mark.parametrize(
    ("intensity", "letter"), [(0.0, ""), (0.49, ""), (0.5, "A"), (1.5, "B"), (4.5, "E"), (5.0, "E")]
)
def test_an_intensity_between_letters_goes_to_the_nearest(intensity: float, letter: str) -> None:
    assert letter_of_intensity(intensity) == letter


@pytest.mark.parametrize("intensity", [-0.1, 5.1, float("nan")])
def test_an_intensity_off_the_scale_has_no_letter(intensity: float) -> None:
    with pytest.raises(FacsimError):
        letter_of_intensity(intensity)


def test_a_lateral_unit_has_three_columns_and_a_central_one_has_one() -> None:
    assert column_names([17, 12]) == ("AU12", "AU12L", "AU12R", "AU17")


def test_columns_of_the_whole_face_leave_out_positions_of_head_and_eyes() -> None:
    names = set(column_names())
    assert {"AU1L", "AU43R", "AU28"} <= names
    assert not names & {"AU51", "AU61"}


@pytest.mark.parametrize("key", EVERY_KEY)
def test_a_column_name_gives_its_key_back(key: str) -> None:
    assert key_of_column(column_name(key)) == key


def test_the_column_of_the_stronger_side_has_no_single_key() -> None:
    assert key_of_column("AU12") is None


def test_the_vocabulary_needs_the_standard_library_alone() -> None:
    modules = "facsim.facs, facsim.coding, facsim.expressions, facsim.prototypes"
    program = (
        f"import sys, {modules}; print({{name.partition('.')[0] for name in sys.modules}} & {{'numpy', 'pyarrow'}})"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"

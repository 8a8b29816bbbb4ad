import json

import pytest

from facsim.errors import FormatError
from facsim.measured import FORMAT, VARIANT_NAMES, measured_codings
from facsim.variants import PROTOTYPES

NATURAL = {"fear": 0.2, "anger": 0.3}
SHARES = {"fear": {"fear: terror": 0.6, "surprise: raised brows": 0.4}}


def table(tmp_path, **changes):
    said = {"format": FORMAT, "fitted_on": "drawings", "natural": NATURAL, "shares": SHARES} | changes
    path = tmp_path / "table.json"
    path.write_text(json.dumps(said))
    return str(path)


def test_a_table_is_read_as_variants_under_other_names(tmp_path):
    held = measured_codings(table(tmp_path))
    terror, brows = held.variants["fear"]
    assert held.fitted_on == "drawings" and len(held.sha256) == 64 and held.natural == {"fear": 0.2}
    assert (terror.name, terror.weight, brows.name, brows.weight) == (
        *("fear: terror", 0.6),
        *("surprise: raised brows", 0.4),
    )
    assert brows.units == next(one.units for one in PROTOTYPES["surprise"] if one.name == "raised brows")


def test_the_table_that_ships_has_the_seven_with_shares_that_sum_to_one():
    held = measured_codings()
    assert set(held.variants) == set(PROTOTYPES) - {"contempt"}
    assert held.fitted_on == "FER2013's training split"
    assert sum(held.natural.values()) == pytest.approx(1, abs=1e-3)
    for variants in held.variants.values():
        assert sum(one.weight for one in variants) == pytest.approx(1, abs=2e-3)
        assert {one.name for one in variants} <= set(VARIANT_NAMES)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "something else"}, "has format 'something else'"),
        ({"fitted_on": ""}, "no `fitted_on`"),
        ({"natural": {}}, "gives fear the natural share None"),
        ({"natural": {"fear": 0}}, "gives fear the natural share 0,"),
        ({"shares": {}}, "no `shares`"),
        ({"shares": {"angr": SHARES["fear"]}}, 'an expression "angr".*"anger"'),
        ({"shares": {"anger": {}}}, "for anger, expected variants"),
        ({"shares": {"anger": {"fear: terrors": 1}}}, 'a variant "fear: terrors".*"fear: terror"'),
        ({"shares": {"anger": {"fear: terror": 0}}}, '"fear: terror" 0, expected a share'),
        ({"shares": {"anger": {"fear: terror": "1"}}}, "\"fear: terror\" '1', expected a share"),
    ],
)
def test_a_table_that_is_none_is_refused_with_what_was_found(tmp_path, change, says):
    with pytest.raises(FormatError, match=says):
        measured_codings(table(tmp_path, **change))


def test_a_file_that_is_missing_or_no_json_is_refused(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        measured_codings(str(tmp_path / "none.json"))
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(FormatError, match="is no JSON"):
        measured_codings(str(tmp_path / "bad.json"))

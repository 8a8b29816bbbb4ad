import numpy as np
import pytest

from facsim.errors import RecipeError, WeightsError
from facsim.labels.attributes import ATTRIBUTES, Attributes
from facsim.models import labeller
from facsim.testing import check_laws

DESCRIPTION = """
file = "net.onnx"
template = "wide"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]

[outputs.age]
name = "age"
years = [1, 6, 14.5, 24.5, 34.5, 44.5, 54.5, 64.5, 75]

[outputs.gender]
name = "gender"
classes = ["masculine", "feminine"]

[outputs.ancestry]
name = "race"
classes = ["European", "African", "", "Asian", "Asian", "", ""]
"""


@pytest.fixture
def described(tmp_path, write_graph):
    """The function from a description to its path, beside a network."""

    def write(text=DESCRIPTION):
        write_graph(tmp_path / "net.onnx", {"age": 9, "gender": 2, "race": 7})
        (tmp_path / "net.toml").write_text(text)
        return str(tmp_path / "net.toml")

    return write


def test_it_keeps_the_laws(untaught, faces):
    check_laws(Attributes(model=untaught["attributes"]), faces)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_what_is_left_out_has_no_column(attribute, untaught, faces):
    kept = tuple(name for name in ATTRIBUTES if name != attribute)
    stage = Attributes(model=untaught["attributes"], attributes=kept)
    assert not set(ATTRIBUTES[attribute]) & set(stage.writes)
    assert set(stage.open("cpu")(faces)[0]) == set(stage.writes)


def test_shares_sum_to_1(untaught, faces):
    for row in Attributes(model=untaught["attributes"]).open("cpu")(faces):
        assert sum(row["apparent_ancestry"]) == pytest.approx(1.0, abs=1e-3)
        assert sum(row["skin_tone_monk_scores"]) == pytest.approx(1.0, abs=1e-3)


def test_an_external_network_says_the_same_columns_but_what_it_cannot_know(described, faces):
    stage = Attributes(model=described(), attributes=("age", "gender", "ancestry"))
    check_laws(stage, faces)
    row = stage.open("cpu")(faces)[0]
    assert set(row) == {
        "apparent_age_years", "apparent_age_sd_years", "apparent_gender", "apparent_gender_score", "apparent_ancestry"
    }  # fmt: skip
    assert 1 <= row["apparent_age_years"] <= 75 and row["apparent_age_sd_years"] > 0


def test_classes_are_found_by_name(described, faces):
    first = Attributes(model=described(), attributes=("gender",)).open("cpu")(faces)
    turned = DESCRIPTION.replace('["masculine", "feminine"]', '["feminine", "masculine"]')
    second = Attributes(model=described(turned), attributes=("gender",)).open("cpu")(faces)
    for one, other in zip(first, second, strict=True):
        assert one["apparent_gender_score"] + other["apparent_gender_score"] == pytest.approx(1.0, abs=1e-3)


def test_ancestry_is_null_where_none_of_the_three_is_likely(described, faces):
    none = DESCRIPTION.replace('"European", "African", "", "Asian", "Asian"', '"European", "African", "Asian", "", ""')
    rows = Attributes(model=described(none), attributes=("ancestry",)).open("cpu")(faces)
    found = [row["apparent_ancestry"] for row in rows]
    assert all(value is None or np.isclose(sum(value), 1.0, atol=1e-3) for value in found)


def test_an_attribute_that_the_network_does_not_say_is_refused(described):
    with pytest.raises(WeightsError, match="no output for skin_tone"):
        Attributes(model=described()).open("cpu")


def test_classes_of_another_meaning_are_refused(described):
    wrong = DESCRIPTION.replace('["masculine", "feminine"]', '["man", "woman"]')
    with pytest.raises(WeightsError, match="expected feminine and masculine"):
        Attributes(model=described(wrong), attributes=("gender",)).open("cpu")


def test_an_unknown_attribute_is_answered_with_the_nearest():
    with pytest.raises(RecipeError, match=r'"gendre".*gender'):
        Attributes(attributes=("gendre",))


def test_no_attribute_at_all_is_refused():
    with pytest.raises(RecipeError, match="one or more"):
        Attributes(attributes=())


def test_weights_are_read_once(untaught, monkeypatch):
    opened = []
    whole = labeller.load_labeller
    monkeypatch.setattr(labeller, "load_labeller", lambda *a, **k: opened.append(a) or whole(*a, **k))
    Attributes(model=untaught["attributes"]).open("cpu")
    assert len(opened) == 1

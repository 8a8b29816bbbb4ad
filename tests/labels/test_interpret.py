import json

import numpy as np
import pytest

from facsim.errors import FormatError, RecipeError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.labels.interpret import Interpret
from facsim.models.naming_law import FORMAT
from facsim.sample import Problem, Sample
from facsim.testing import check_laws

HAPPINESS, NEUTRAL = EIGHT_EXPRESSIONS.index("happiness"), EIGHT_EXPRESSIONS.index("neutral")


def write_law(tmp_path, column="AU12"):
    """A smile of C or more is happy, else a face is neutral."""
    law = {
        "format": FORMAT,
        "fitted_on": "drawings",
        "names": ["happiness", "neutral"],
        "numbers": [{"column": column, "mean": 3.0, "sd": 1.0}],
        "choices": {},
        "layers": [{"weights": [[2.0, -2.0]], "bias": [0.0, 0.0]}],
        "stands_on": [],
    }
    (tmp_path / "law.json").write_text(json.dumps(law))
    return str(tmp_path / "law.json")


def sample_of(number=0, **units):
    return Sample(sample_id=f"{number:032x}", values={"AU12": None, **units})


def say(stage, **units):
    (row,) = stage.open("cpu")([sample_of(**units)])
    return row


def test_units_are_scored_over_the_eight(tmp_path):
    stage = Interpret(law=write_law(tmp_path))
    assert stage.reads == ("AU12",)
    row = say(stage, AU12=4.0)
    assert row["expression_top"] == "happiness" and row["teacher"].startswith("units@")
    assert row["expression_confidence"] == pytest.approx(0.9820, abs=1e-4)
    assert row["expression_scores"][HAPPINESS] == pytest.approx(row["expression_confidence"])
    assert sum(row["expression_scores"]) == pytest.approx(1, abs=1e-3)
    assert say(stage, AU12=0.0)["expression_top"] == "neutral"


def test_a_temperature_makes_it_less_sure_and_changes_no_answer(tmp_path):
    law = write_law(tmp_path)
    warm, plain = say(Interpret(law=law, temperature=4.0), AU12=4.0), say(Interpret(law=law), AU12=4.0)
    assert warm["expression_top"] == plain["expression_top"]
    assert 0.5 < warm["expression_confidence"] < plain["expression_confidence"]
    with pytest.raises(RecipeError, match=r"interpret.temperature is 0; expected 0\.05 to 20"):
        Interpret(law=law, temperature=0.0)


def test_a_face_of_which_no_unit_is_known_is_a_problem(tmp_path):
    found = say(Interpret(law=write_law(tmp_path)))
    assert isinstance(found, Problem) and found.reason == "missing_input"


def test_rows_do_not_depend_on_their_batch(tmp_path):
    drawn = np.random.default_rng(0).uniform(0, 5, 9)
    check_laws(Interpret(law=write_law(tmp_path)), [sample_of(at, AU12=float(v)) for at, v in enumerate(drawn)])


def test_a_law_of_what_was_drawn_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="reads occlusion; expected action units alone"):
        Interpret(law=write_law(tmp_path, column="occlusion"))


def test_a_file_that_is_no_law_is_refused(tmp_path):
    (tmp_path / "law.json").write_text("{}")
    with pytest.raises(FormatError, match="expected a law"):
        Interpret(law=str(tmp_path / "law.json"))


def test_what_the_law_stands_on_comes_along(tmp_path):
    law = json.loads((tmp_path / write_law(tmp_path)).read_text())
    law["stands_on"] = [{"name": "theirs", "agreement": "research use", "commercial": "no"}]
    (tmp_path / "law.json").write_text(json.dumps(law))
    (terms,) = Interpret(law=str(tmp_path / "law.json")).model_terms
    assert terms.name == "theirs"


def test_facsims_own_reads_a_smile_and_a_face_at_rest():
    stage = Interpret()
    assert not stage.model_terms and len(stage.reads) > 20
    rest = dict.fromkeys(stage.reads, 0.0)
    smile, neutral = stage.open("cpu")(
        [sample_of(0, **rest | {"AU6": 3.0, "AU12": 4.0, "AU25": 2.0}), sample_of(1, **rest)]
    )
    assert smile["expression_top"] == "happiness" and neutral["expression_top"] == "neutral"

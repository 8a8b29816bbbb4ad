import json
import tomllib

import numpy as np
import pytest

from facsim.curate.thresholds import chosen_thresholds
from facsim.errors import FacsimError, ManifestError
from facsim.recipe import build_step, parse_recipe
from facsim.report.yields import answers_of, judged_by_labels, yields_of
from facsim.runner import run

RECIPE = """
[plan]
count = 420
rows_per_shard = 150
[[step]]
use = "painted"
size_px = 4
[[step]]
use = "answering"
name = "good"
skill = 0.95
[[step]]
use = "answering"
name = "poor"
skill = 0.5
name_seed = 1
[[step]]
use = "vote"
teachers = ["good", "poor"]
"""


@pytest.fixture(scope="module")
def voted(tmp_path_factory):
    import facsim.stage

    with pytest.MonkeyPatch.context() as patch:
        for name in ("Painted", "Answering"):
            patch.setitem(facsim.stage.BUILT_IN, name.lower(), f"facsim.testing:{name}")
        yield run(parse_recipe(RECIPE), str(tmp_path_factory.mktemp("run") / "voted"), executor="serial")


def test_scores_call_their_first_class_and_a_confidence_its_steps_label(voted):
    from_scores, from_vote = answers_of(voted, "vote.expression_soft"), answers_of(voted, "vote_confidence")
    assert from_scores.given.all()
    assert np.array_equal(from_scores.called, from_vote.called)
    assert np.allclose(from_scores.score, from_vote.score, atol=1e-3)


def test_precision_is_counted_on_true_labels(voted):
    answers = answers_of(voted, "good.expression_scores")
    truth = voted.column("plan.expression_target")
    found = yields_of(answers, judged=judged_by_labels(answers, truth), precision=0.6)
    whole = found.curves[-1].points[0]
    scores = np.array(voted.column("good.expression_scores"))
    from facsim.expressions import EIGHT_EXPRESSIONS

    right = np.mean([EIGHT_EXPRESSIONS[k] == name for k, name in zip(scores.round(4).argmax(1), truth, strict=True)])
    assert (found.method, whole.kept, found.judged) == ("truth", 420, 420)
    assert whole.precision.value == pytest.approx(right)
    assert sum(curve.called for curve in found.curves[:-1]) == 420


def test_without_truth_the_scores_speak_and_the_caveat_says_so(voted):
    answers = answers_of(voted, "vote_confidence")
    found = yields_of(answers)
    assert found.method == "mean_score"
    assert "calibrated" in found.to_json()["caveat"]
    assert found.curves[-1].points[0].precision.value == pytest.approx(answers.score.mean())


def test_select_reads_what_yields_wrote_and_chooses_the_same(voted, tmp_path):
    answers = answers_of(voted, "good.expression_scores")
    judged = judged_by_labels(answers, voted.column("plan.expression_target"))
    found = yields_of(answers, judged=judged, precision=0.7)
    file = tmp_path / "curves.json"
    file.write_text(json.dumps(found.to_json()))
    chosen = {name: point.threshold if point else None for name, point in found.chosen.items()}
    read = chosen_thresholds(str(file), 0.7)
    assert chosen == {name: read[name] for name in chosen}
    assert any(value is not None for value in chosen.values())


def test_the_toml_is_a_step_as_it_is(voted):
    found = yields_of(answers_of(voted, "vote_confidence"), precision=0.5)
    step = build_step(tomllib.loads(found.toml())["step"][0])
    assert step.reads == {"expression_label": "vote.expression_label", "vote_confidence": "vote.vote_confidence"}
    assert set(step.stage.thresholds) == set(found.chosen)
    for name in found.unreachable:
        assert step.stage.thresholds[name] > 1


def test_a_column_without_scores_is_refused(voted):
    with pytest.raises(ManifestError, match="expected a list of eight scores"):
        answers_of(voted, "painted.width_px")
    with pytest.raises(ManifestError, match="no column"):
        answers_of(voted, "vote.confidence")
    answers = answers_of(voted, "vote_confidence")
    with pytest.raises(FacsimError, match="no row with both"):
        judged_by_labels(answers, [None] * 420)
    with pytest.raises(FacsimError, match="between 0 and 1"):
        yields_of(answers, precision=1.5)


@pytest.fixture
def command(voted):
    from typer.testing import CliRunner

    from facsim.cli import app

    return lambda *words: CliRunner().invoke(app, ["yields", voted.folder.root, *words])


def test_the_command_writes_json_and_text(command, tmp_path):
    out = tmp_path / "c.json"
    found = command("--scores", "good.expression_scores", "--truth", "expression_target", "--json", "--out", str(out))
    assert found.exit_code == 0, found.output
    data = json.loads(found.stdout)
    assert data["method"] == "truth"
    assert json.loads(out.read_text())["curves"] == data["curves"]
    text = command("--target-precision", "0.5").stdout
    assert "[step.thresholds]" in text
    assert "mean score" in text


def test_a_calibration_set_is_a_predictions_file_or_a_run(command, voted, tmp_path):
    from facsim.expressions import SEVEN_EXPRESSIONS
    from facsim.learn.predictions import Predictions, write_predictions

    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(7) / 4, 50).astype(np.float32)
    held = Predictions(
        ids=tuple(map(str, range(50))),
        truth=tuple(rng.choice(SEVEN_EXPRESSIONS, 50).tolist()),
        classes=SEVEN_EXPRESSIONS,
        scores=scores,
        seen=("exact", "near", *[""] * 48),
        facts={},
    )
    file = write_predictions(held, tmp_path / "p.json")
    found = json.loads(command("--calibration", str(file), "--json").stdout)
    assert (found["method"], found["judged"], found["answered"]) == ("calibration", 48, 420)
    other = command("--calibration", voted.folder.root, "--truth", "expression_target", "--json")
    assert json.loads(other.stdout)["judged"] == 420

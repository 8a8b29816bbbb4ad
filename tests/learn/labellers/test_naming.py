import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from facsim.cli import app
from facsim.columns import COLUMNS
from facsim.errors import ManifestError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.formats.terms import Terms
from facsim.learn.labellers.naming import CHOICES, LAW_FILE, NUMBERS, teach_law
from facsim.manifest import StepRecord, create_manifest, open_manifest, rows_table
from facsim.models.naming_law import load_law

TEACHER = Terms(name="theirs", agreement="research use; trained on 9 photographs", commercial="no")


def step(name, writes, **more):
    return StepRecord(
        name=name, stage=name, version=1, configuration={}, bindings={}, writes=writes, weights=(), upstream={}, **more
    )


def named_run(place, count=600, people=60, lone_problem=True):
    """Smiles are happy to a teacher, unless a hand lies on the mouth: then it calls all faces neutral."""
    drawn = np.random.default_rng(0)
    smiles, hands = drawn.uniform(0, 5, count), drawn.random(count) < 0.3
    rows = [
        {"sample_id": f"{row:032x}", "identity_id": f"person {row % people}", "AU12": float(smile), "AU4": 0.0}
        | {"occluder": "hand_mouth" if hand else "none", "yaw_deg": float(drawn.normal(0, 20)), "glasses": "none"}
        for row, (smile, hand) in enumerate(zip(smiles, hands, strict=True))
    ]
    for row in rows:
        happy = 0.1 if row["occluder"] == "hand_mouth" else 1 / (1 + np.exp(-2 * (row["AU12"] - 2.5)))
        scores = {"happiness": happy, "neutral": 1 - happy}
        row["expression_scores"] = [float(scores.get(name, 0.0)) for name in EIGHT_EXPRESSIONS]
    if lone_problem:
        rows[3]["expression_scores"] = None
    run = create_manifest(str(place), header={"rounds": [[count // 2, count - count // 2]]}, recipe_text="")
    for name, writes, terms in (
        ("plan", ("identity_id",), None),
        ("render", ("AU12", "AU4", "yaw_deg", "occluder", "glasses"), None),
        ("theirs", ("expression_scores",), (TEACHER,)),
    ):
        run.begin_step(step(name, writes, terms=terms))
        table, start = rows_table([{key: row[key] for key in ("sample_id", *writes)} for row in rows], writes, {}), 0
        for shard, size in enumerate(run.shard_rows):
            run.write_shard(name, shard, table.slice(start, size))
            start += size
    return str(place)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    folder = tmp_path_factory.mktemp("naming")
    losses = []
    told = lambda epoch, total, loss: losses.append((epoch, total, loss))  # noqa: E731
    return teach_law(named_run(folder / "run"), teacher="theirs", out=folder / "law", on_epoch=told), losses


def test_a_law_learns_what_a_teacher_goes_by(taught):
    fitted, losses = taught
    law = load_law(str(fitted.file))
    assert fitted.file.name == LAW_FILE and fitted.law.sha256 == law.sha256
    assert law.names == ("happiness", "neutral") and law.columns == ("AU12", "yaw_deg", "occluder")  # what differs
    row = {"AU12": 5.0, "yaw_deg": 0.0, "occluder": "none"}
    happy = EIGHT_EXPRESSIONS.index("happiness")
    smile, rest, hidden = law.answer([row, row | {"AU12": 0.0}, row | {"occluder": "hand_mouth"}])[:, happy]
    assert smile > 0.8 > 0.4 > rest and smile > hidden + 0.3
    assert fitted.explained > 0.5 and fitted.rows + fitted.held_out == 599
    assert losses[-1][:2] == (20, 20) and losses[-1][2] < losses[0][2]


def test_a_law_does_not_go_by_who_is_shown():
    told = {number.column for number in NUMBERS} | {*CHOICES}
    who = {"skin_tone_monk", "ita_deg", "face_luminance", "hair_style", "hair_length", "beard", "make_up", "headwear"}
    assert not told & who and not [name for name in told if name.startswith(("apparent", "identity"))]
    assert told <= {*COLUMNS}


def test_a_law_says_whose_names_they_are(taught):
    law = taught[0].law
    assert law.stands_on == (replace(TEACHER),)
    assert law.fitted_on == "what theirs calls renders" and "seed 0" in law.how


def test_a_teacher_of_which_nobody_said_the_terms_is_not_taken_for_facsim_s_own(tmp_path):
    run = named_run(tmp_path / "run")
    held = open_manifest(run)
    held.begin_step(replace(held.step("theirs"), terms=None, configuration={"model": "their/model"}))
    law = teach_law(run, teacher="theirs", out=tmp_path / "law").law
    assert [(terms.name, terms.commercial) for terms in law.stands_on] == [("their/model", "ask")]


def test_the_same_seed_gives_the_same_file(taught, tmp_path):
    run = named_run(tmp_path / "run")
    again = teach_law(run, teacher="theirs", out=tmp_path / "again")
    other = teach_law(run, teacher="theirs", out=tmp_path / "other", seed=1)
    assert again.file.read_bytes() == taught[0].file.read_bytes() != other.file.read_bytes()


def test_who_cannot_teach_is_named(tmp_path):
    run = named_run(tmp_path / "run", count=40, people=4)
    with pytest.raises(ManifestError, match='no step "mine" that writes expression_scores; steps that do: theirs'):
        teach_law(run, teacher="mine", out=tmp_path / "law")
    with pytest.raises(ManifestError, match="39 rows that theirs named, of 4 people"):
        teach_law(run, teacher="theirs", out=tmp_path / "law")
    assert not (tmp_path / "law").exists()


def test_the_command_says_what_it_made_and_what_it_wants(tmp_path):
    run = named_run(tmp_path / "run")
    asked = ["teach", "naming", "--renders", run, "--teacher", "theirs", "--out", str(tmp_path / "law")]
    said = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert said["file"] == str(tmp_path / "law" / LAW_FILE) and said["rows"] + said["held_out"] == 599
    assert "of what can be explained" in CliRunner().invoke(app, asked).stdout
    lacking = CliRunner().invoke(app, ["teach", "naming", "--renders", run])
    assert lacking.exit_code == 1 and "--teacher" in lacking.stderr

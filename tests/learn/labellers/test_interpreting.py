import json

import numpy as np
import pytest
from typer.testing import CliRunner

from facsim.cli import app
from facsim.errors import ManifestError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.labels.interpret import Interpret
from facsim.learn.labellers.interpreting import INTERPRET_FILE, teach_interpretation
from facsim.learn.labellers.naming import UNIT_COLUMNS
from facsim.manifest import StepRecord, create_manifest, rows_table
from facsim.models.naming_law import load_law


def step(name, writes):
    return StepRecord(
        name=name, stage=name, version=1, configuration={}, bindings={}, writes=writes, weights=(), upstream={}
    )


def read_run(place, count=400, people=40, coder="action_units"):
    """Happy faces smile; the coder takes every mouth for a little open, and could not read the third face."""
    drawn = np.random.default_rng(0)
    run = create_manifest(str(place), header={"rounds": [[count]]}, recipe_text="")
    happy = drawn.random(count) < 0.5
    rows = []
    for row in range(count):
        units = dict.fromkeys(UNIT_COLUMNS, 0.0) | {"AU25": 1.0 + float(drawn.normal(0, 0.1))}
        units["AU12"] = float(np.clip(4.0 * happy[row] + drawn.normal(0, 0.7), 0, 5))
        said = dict.fromkeys(UNIT_COLUMNS) if row == 2 else units
        asked = "happiness" if happy[row] else "neutral"
        who = {"identity_id": f"person {row % people}", "expression_target": asked}
        rows.append({"sample_id": f"{row:032x}", **who, **said})
    for name, writes in (("plan", ("identity_id", "expression_target")), (coder, UNIT_COLUMNS)):
        run.begin_step(step(name, writes))
        run.write_shard(
            name, 0, rows_table([{key: row[key] for key in ("sample_id", *writes)} for row in rows], writes, {})
        )
    return str(place)


def test_a_law_learns_what_the_coder_s_units_mean(tmp_path):
    fitted = teach_interpretation(read_run(tmp_path / "run"), out=tmp_path / "law")
    law = load_law(str(fitted.file))
    assert fitted.file.name == INTERPRET_FILE and law.names == ("happiness", "neutral")
    assert law.columns == ("AU12", "AU25") and not law.choices  # what differs from row to row
    assert "400" not in law.how and fitted.rows + fitted.held_out == 399 and fitted.explained > 0.6
    happy = EIGHT_EXPRESSIONS.index("happiness")
    smile, rest = law.answer([{"AU12": 4.0, "AU25": 1.0}, {"AU12": 0.0, "AU25": 1.0}])[:, happy]
    assert smile > 0.9 > 0.1 > rest
    assert Interpret(law=str(fitted.file)).reads == law.columns


def test_the_same_seed_gives_the_same_file(tmp_path):
    run = read_run(tmp_path / "run")
    files = [
        teach_interpretation(run, out=tmp_path / name, seed=seed).file for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    first, again, other = (file.read_bytes() for file in files)
    assert first == again != other


def test_who_cannot_teach_is_named(tmp_path):
    run = read_run(tmp_path / "run", count=40, people=4, coder="reader")
    with pytest.raises(ManifestError, match='no step "action_units" that reads action units; steps that do: reader'):
        teach_interpretation(run, out=tmp_path / "law")
    with pytest.raises(ManifestError, match="39 rows that reader read, of 4 people"):
        teach_interpretation(run, coder="reader", out=tmp_path / "law")
    assert not (tmp_path / "law").exists()


def test_the_command_says_what_it_made_and_what_it_wants(tmp_path):
    run = read_run(tmp_path / "run")
    asked = ["teach", "interpret", "--renders", run, "--out", str(tmp_path / "law")]
    said = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert said["file"] == str(tmp_path / "law" / INTERPRET_FILE) and said["rows"] + said["held_out"] == 399
    lacking = CliRunner().invoke(app, ["teach", "interpret"])
    assert lacking.exit_code == 1 and "recipes/labels/units.toml" in lacking.stderr

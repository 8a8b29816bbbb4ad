"""The command line, through typer's runner and with a painted source instead of a renderer."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from facsim import cli, executors, stage
from facsim.commands import options

RECIPE = """
[plan]
count = 28
seed = 3
rows_per_shard = 14
[[step]]
use = "painted"
[[step]]
use = "select"
reject_duplicates = false
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A recipe with a cheap source, which worker processes do not know: commands use the serial executor."""
    monkeypatch.setitem(stage.BUILT_IN, "painted", "facsim.testing:Painted")
    monkeypatch.chdir(tmp_path)
    return write(tmp_path / "recipe.toml", RECIPE)


def write(path, text):
    path.write_text(text)
    return path


def called(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def run_it(recipe, out, *more):
    return called("run", recipe, "--out", out, "--executor", "serial", *more)


# run


def test_run_ends_with_counts_and_the_next_command(recipe):
    result = run_it(recipe, "run")
    assert result.exit_code == 0, result.output
    assert "accepted  28" in result.stdout
    assert "facsim train" in result.stdout


def test_run_json_is_the_whole_of_stdout(recipe):
    summary = json.loads(run_it(recipe, "run", "--json").stdout)
    assert (summary["samples"], summary["accepted"], summary["rejected"]) == (28, 28, {})
    assert summary["classes"]["anger"] == 4
    assert summary["steps"] == ["plan", "painted", "select"]


def test_progress_is_on_stderr_and_not_on_stdout(recipe):
    result = run_it(recipe, "run", "--json")
    assert "painted: 28/28 samples" in result.stderr
    assert "painted:" not in result.stdout


def test_a_finished_run_given_again_says_what_is_there(recipe):
    run_it(recipe, "run")
    again = run_it(recipe, "run")
    assert again.exit_code == 0
    assert "painted: 2 of 2 shards are there already" in again.stderr


def test_workers_and_executor_change_no_result(recipe):
    first = json.loads(run_it(recipe, "a", "--json").stdout)
    second = json.loads(run_it(recipe, "b", "--workers", "2", "--json").stdout)
    for of_run in (first, second):
        of_run.pop("seconds"), of_run.pop("run"), of_run.pop("next")
    assert first == second


# bad input


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (RECIPE.replace("seed = 3", "sed = 3"), 'Did you mean "seed"'),
        (RECIPE.replace('"painted"', '"paintet"'), 'Did you mean "painted"'),
        (RECIPE.replace("count = 28", 'count = "many"'), "valid integer"),
        ("[plan]\ncount = 7\n[step]\nuse = 'painted'\n", "two brackets"),
        (RECIPE.replace("[[step]]", "[[steps]]"), 'Did you mean "step"'),
        (RECIPE + "[plan.quotas]\nexpression = {anger = 20}\n", "asks for 20 pictures and plan.count is 28"),
        (RECIPE + "[plan.quotas]\nexpression = {angre = 28}\n", '"anger"'),
        (RECIPE + "[plan.quotas]\napparent_gender = {feminine = '80%'}\n", "expected 100 %"),
        (RECIPE + "[plan.quotas]\nexpresion = 'balanced'\n", 'Did you mean "expression"'),
        ("[plan]\ncount = 7\n[[step]]\nuse = 'select'\n", 'reads "duplicate_of", which no earlier step writes'),
        ("[plan\n", "not TOML"),
        ("", "[plan] or an [[input]]"),
    ],
    ids=lambda value: str(value)[-24:].strip().replace("\n", " "),
)
def test_a_wrong_recipe_exits_with_1_and_a_hint(recipe, text, hint):
    recipe.write_text(text)
    for command in (["run", recipe, "--out", "run"], ["plan", recipe], ["preview", recipe]):
        result = called(*command)
        assert result.exit_code == 1, result.output
        assert hint in result.stderr
        assert "Traceback" not in result.stderr
        assert not os.path.exists("run")


def test_a_missing_recipe_is_named(recipe):
    result = called("plan", "nowhere.toml")
    assert result.exit_code == 1
    assert "nowhere.toml cannot be read" in result.stderr


def test_the_run_folder_of_another_recipe_is_refused(recipe):
    run_it(recipe, "run")
    recipe.write_text(RECIPE.replace("seed = 3", "seed = 4"))
    result = run_it(recipe, "run")
    assert result.exit_code == 1
    assert "the run of another recipe" in result.stderr
    assert "seed was 3, is 4" in result.stderr


def test_a_stale_step_is_refused_until_it_is_redone(recipe):
    run_it(recipe, "run")
    recipe.write_text(RECIPE.replace('use = "painted"', 'use = "painted"\nsize_px = 20'))
    refused = run_it(recipe, "run")
    assert refused.exit_code == 1
    assert "facsim redo painted --out run" in refused.stderr
    assert called("redo", "painted", "--out", "run").exit_code == 0
    assert run_it(recipe, "run").exit_code == 0


def test_a_folder_that_holds_something_else_is_refused(recipe, tmp_path):
    (tmp_path / "mine").mkdir()
    write(tmp_path / "mine" / "letter.txt", "dear")
    result = run_it(recipe, "mine")
    assert result.exit_code == 1
    assert "choose another --out" in result.stderr


def test_debug_shows_the_traceback(recipe, monkeypatch):
    monkeypatch.setenv("FACSIM_DEBUG", "1")
    assert "Traceback" in called("plan", "nowhere.toml").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "recipe.toml"],
        ["run", "recipe.toml", "--out", "run", "--device", "tpu"],
        ["run", "recipe.toml", "--out", "run", "--executor", "slurm"],
        ["run", "recipe.toml", "--out", "run", "--workers", "0"],
        ["preview", "recipe.toml", "--per", "hair"],
        ["preview", "recipe.toml", "--per", "expression,expression"],
        ["preview", "recipe.toml", "--out", "sheet.gif"],
        ["nonsense"],
        ["doctor", "--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(recipe, arguments):
    assert called(*arguments).exit_code == 2


def test_a_wrong_value_of_an_option_is_answered_with_the_nearest(recipe):
    result = called("preview", recipe, "--per", "expresion")
    assert 'Did you mean "expression"' in result.stderr


def test_cuda_is_refused_where_there_is_none(recipe, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = run_it(recipe, "run", "--device", "cuda")
    assert result.exit_code == 1
    assert "use --device cpu" in result.stderr
    assert not os.path.exists("run")


# Ctrl-C


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(recipe, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("facsim.runner.run", interrupted)
    result = run_it(recipe, "run")
    assert result.exit_code == 130
    assert "continue with the same command" in result.stderr


SLOW = """
import sys, time
from facsim import cli, stage
from facsim.testing import Painted
paint = Painted._paint
def slowly(self, sample):
    time.sleep(0.05)
    return paint(self, sample)
Painted._paint = slowly
stage.BUILT_IN["painted"] = "facsim.testing:Painted"
cli.main()
"""


def test_an_interrupted_run_goes_on_and_equals_an_unbroken_one(recipe, tmp_path):
    script = write(tmp_path / "slow.py", SLOW)
    command = [sys.executable, script, "run", recipe, "--out", "broken", "--executor", "serial"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not os.path.exists("broken/rounds/00/painted/00000.parquet"):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert not os.path.exists("broken/rounds/00/painted/00001.parquet")
    assert run_it(recipe, "broken").exit_code == 0
    run_it(recipe, "whole")
    for shard in ("00000", "00001"):
        broken, whole = (tmp_path / run / f"rounds/00/painted/{shard}.parquet" for run in ("broken", "whole"))
        assert broken.read_bytes() == whole.read_bytes()


# plan


def test_plan_shows_totals_and_bindings_and_writes_nothing(recipe, tmp_path):
    result = called("plan", recipe)
    assert result.exit_code == 0
    assert "28 samples" in result.stdout
    assert "anger 4, disgust 4" in result.stdout
    assert "plan.expression_target" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.toml"]


def test_plan_lists_as_many_rows_as_asked(recipe):
    outline = json.loads(called("plan", recipe, "--rows", "5", "--json").stdout)
    assert len(outline["rows"]) == 5
    assert outline["axes"]["apparent_gender"] == {"feminine": 14, "masculine": 14}
    assert outline["steps"][0]["reads"] == {"expression_target": "plan.expression_target"}


def test_plan_measures_what_a_picture_takes(recipe):
    estimate = json.loads(called("plan", recipe, "--measure", "4", "--json").stdout)["estimate"]
    assert estimate["measured"] == 4
    assert estimate["seconds"] > 0


# redo, stages, doctor


def test_redo_drops_the_step_and_what_follows(recipe):
    run_it(recipe, "run")
    assert json.loads(called("redo", "painted", "--out", "run", "--json").stdout)["dropped"] == ["painted", "select"]


def test_redo_of_an_unknown_step_names_the_nearest(recipe):
    run_it(recipe, "run")
    result = called("redo", "panted", "--out", "run")
    assert result.exit_code == 1
    assert 'Did you mean "painted"' in result.stderr


def test_stages_are_listed_with_their_settings(recipe):
    listed = {entry["name"]: entry for entry in json.loads(called("stages", "--json").stdout)}
    assert listed["painted"]["settings"] == [{"name": "size_px", "type": "int", "default": "16"}]
    assert listed["painted"]["writes"][0] == "image"
    assert "painted" in called("stages").stdout


def test_a_stage_is_shown_with_how_to_use_it(recipe):
    shown = called("stages", "painted").stdout
    assert "size_px  int  16" in shown
    assert 'use = "painted"' in shown


def test_an_unknown_stage_is_answered_with_the_nearest(recipe):
    result = called("stages", "paintd")
    assert result.exit_code == 1
    assert 'Did you mean "painted"' in result.stderr


def test_the_schema_of_a_recipe_is_json_with_every_stage(recipe):
    schema = json.loads(called("stages", "--schema").stdout)
    uses = [option["properties"]["use"]["const"] for option in schema["properties"]["step"]["items"]["oneOf"]]
    assert set(uses) == set(stage.known_stages())


def test_doctor_says_what_is_missing_and_exits_with_1(monkeypatch):
    from facsim.commands import checks

    missing = checks.Check(name="spoon", word="MISSING", found="none", advice="buy one")
    monkeypatch.setattr(checks, "all_checks", lambda: [missing])
    result = called("doctor")
    assert result.exit_code == 1
    assert "buy one" in result.stdout


def test_doctor_notes_do_not_fail(monkeypatch):
    from facsim.commands import checks

    monkeypatch.setattr(checks, "all_checks", lambda: [checks.Check(name="gpu", word="note", found="none")])
    result = called("doctor", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["word"] == "note"


# help, completion, imports


def names_of_commands():
    return [entry.callback.__name__.replace("_", "-") for entry in cli.app.registered_commands]


@pytest.mark.parametrize("name", names_of_commands())
def test_every_command_teaches_by_example_and_speaks_json(name):
    shown = called(name, "--help").stdout
    assert f"  facsim {name}" in shown
    assert "Example" in shown
    assert "--json" in shown


def test_the_commands_are_those_that_were_promised():
    promised = (
        "run plan preview studio ingest export train evaluate calibrate compare leaks pretrain probe few-shot "
        "zero-shot crops captions contrast protocol report redo stages models adopt doctor audit yields "
        "duplicates noise teach"
    )
    assert sorted(names_of_commands()) == sorted(promised.split())


def test_the_version_is_printed():
    assert called("--version").stdout == "facsim 0.1.0\n"


def test_executor_names_are_those_that_there_are():
    assert set(options.EXECUTOR_NAMES) == set(executors.EXECUTORS)


def completed(words, shell="bash"):
    environment = {
        **os.environ, "_FACSIM_COMPLETE": f"complete_{shell}", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")),
    }  # fmt: skip
    found = subprocess.run(
        [sys.executable, "-c", "from facsim.cli import app; app(prog_name='facsim')"],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    return found.stdout.split()


def test_the_shell_completes_commands_and_stages():
    assert completed("facsim ev") == ["evaluate"]
    assert completed("facsim stages sel") == ["select"]


def test_the_shell_completes_steps_of_the_run(recipe):
    run_it(recipe, "run")
    assert completed("facsim redo --out run sel") == ["select"]


HEAVY = "{'torch', 'warp', 'ray', 'pyarrow', 'scipy', 'numpy', 'PIL', 'matplotlib'}"


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]], ids=" ".join)
def test_help_loads_nothing_heavy(arguments):
    program = f"""
import sys
from facsim.cli import app
try:
    app({arguments!r})
except SystemExit as end:
    assert end.code == 0
print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr)
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stderr.strip() == "[]"


def test_help_shows_every_command_once_under_a_heading():
    shown = CliRunner().invoke(cli.app, ["--help"]).stdout
    assert "Train:" in shown and "Test:" in shown
    listed = [line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line[2:3].isalpha()]
    assert [listed.count(name) for name in names_of_commands()] == [1] * len(names_of_commands())

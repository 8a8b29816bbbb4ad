"""The packaged protocols run from end to end on renders, at tiny sizes, and by the command."""

import json

import pytest
from typer.testing import CliRunner

from facsim import cli
from facsim.learn.protocols.catalogue import EXAMPLES, PROTOCOLS, example_path
from facsim.learn.protocols.results import read_results
from facsim.recipe import load_recipe
from facsim.runner import run

TINY = {
    "steps = 100": "steps = 2",
    "steps = 60": "steps = 2",
    "batch_size = 32": "batch_size = 8",
    "batch_size = 64": "batch_size = 16",
    "base = 70": "base = 14",
    "per_class = 10": "per_class = 4",
    "episodes = 20": "episodes = 3",
    "[train]": "[pictures]\nsize_px = 32\n\n[train]",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Variable → a finished run of few renders, small."""
    folder, made = tmp_path_factory.mktemp("renders"), {}
    for name, (file, count, seed) in {
        "renders": ("renders", 70, 0),
        "other": ("renders-other", 70, 1),
        "test": ("renders-test", 35, 2),
    }.items():
        text = (EXAMPLES / f"{file}.toml").read_text()
        lines = [f"count = {count}" if line.startswith("count") else line for line in text.splitlines()]
        lines = [f"seed = {seed}" if line.startswith("seed") else line for line in lines]
        recipe = folder / f"{name}.toml"
        recipe.write_text("\n".join(lines).replace("size_px = 48", "size_px = 32") + "\n")
        made[name] = str(folder / name)
        run(load_recipe(recipe), made[name], executor="serial")
    return made


def called(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_packaged_protocol_runs_from_end_to_end(name, runs, tmp_path):
    text = example_path(name).read_text()
    for found, tiny in TINY.items():
        text = text.replace(found, tiny)
    (tmp_path / "tiny.toml").write_text(text)
    given = [part for key, path in runs.items() if f"{key} = " in text for part in ("--set", f"{key}={path}")]
    out = tmp_path / "out"
    result = called(
        "protocol", tmp_path / "tiny.toml", "--out", out, "--seeds", "0", "--threads", "1", *given, "--json"
    )
    assert result.exit_code == 0, result.output
    results = read_results(out / "results.json")
    assert json.loads(result.stdout)["version"] == results.version
    assert results.protocol == name and results.measurements and results.seeds == (0,)
    assert (out / "figure.svg").read_text().startswith("<svg") and "##" in (out / "table.md").read_text()
    assert "seeds 0 of the recipe's 0, 1;" in (out / "table.md").read_text()


def test_the_command_names_the_nearest_protocol(tmp_path):
    result = called("protocol", "matrx", "--out", tmp_path)
    assert result.exit_code == 1 and 'Did you mean "matrix"' in result.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--set", "renders"], "NAME=PATH"),
        (["--set", "rendrs=x"], 'Did you mean "renders"'),
        (["--seeds", "a"], "whole numbers"),
        (["--seeds", "7"], "no seed 7"),
        (["--shard", "3/2"], "i/n"),
        (["--device", "gpu"], "cuda:0"),
        (["--device", "cuda:0"], "cuda"),
    ],
)
def test_wrong_options_are_refused_with_a_hint(arguments, hint, tmp_path):
    result = called("protocol", "matrix", "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 1 and hint in result.stderr

"""Learning without labels and from texts on the command line: pretrain, probe, few-shot, captions, contrast,
zero-shot."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from facsim import cli
from facsim.captions import claims_in
from facsim.expressions import SEVEN_EXPRESSIONS

RECIPE = """
[plan]
count = 84
seed = {seed}
[[step]]
use = "painted"
"""
SMALL = ("--network-config", '{"widths": [8, 16], "depths": [1, 1]}', "--size", 16, "--threads", 1)


def called(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def printed(*arguments):
    """What a command prints with --json."""
    result = called(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def pretrained(folder, *more, method="simclr"):
    small = ("--network-config", '{"patch_px": 4, "width": 16, "depth": 1, "heads": 2}', "--size", 16, "--threads", 1)
    network = small if method == "mae" else SMALL
    options = ("--method", method, "--epochs", 2, "--batch-size", 32, "--out", folder)
    return ("pretrain", "run", *options, *network, *more)


@pytest.fixture
def runs(fakes, tmp_path, monkeypatch):
    """Two finished runs of painted pictures: `run` and `test`."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("run", "test")):
        (tmp_path / "recipe.toml").write_text(RECIPE.format(seed=seed))
        assert called("run", "recipe.toml", "--out", name, "--executor", "serial").exit_code == 0
    return tmp_path


@pytest.mark.parametrize("method", ["simclr", "byol", "moco-v3", "mae"])
def test_every_method_pretrains_and_is_probed(runs, method):
    facts = printed(*pretrained("model", method=method))
    assert facts["method"] == method and facts["stopped"] == "finished" and facts["step"] == facts["total_steps"] == 6
    found = printed("probe", "model", "--train", "run", "--on", "test", "--neighbours", 5)
    assert [one["probe"]["kind"] for one in found["probes"]] == ["linear", "nearest-mean", "knn"]
    for one in found["probes"]:
        assert one["n"] == 84 and one["backbone"]["sha256"] == facts["weights_sha256"]
        assert one["accuracy"]["low"] <= one["accuracy"]["value"] <= one["accuracy"]["high"]
        assert one["seen_by_backbone"] == 0 and one["training"]["fingerprint"] and one["data_fingerprint"]


def test_a_person_is_told_how_it_went_and_what_is_next(runs):
    result = called(*pretrained("model"))
    assert result.exit_code == 0, result.output
    assert "spread of features" in result.stdout and "facsim probe model" in result.stdout
    result = called("probe", "model", "--train", "run", "--on", "run", "--kind", "nearest-mean")
    assert "84 test pictures are among --train's" in result.stdout
    assert "the backbone was trained on 84 of the test pictures" in result.stdout


def test_a_time_budget_ends_pretraining_and_the_same_command_goes_on(runs):
    facts = printed(*pretrained("model", "--epochs", 40, "--time-budget-s", 0.01))
    assert facts["stopped"] == "time_budget"
    again = printed(*pretrained("model", "--epochs", 40))
    whole = printed(*pretrained("whole", "--epochs", 40))
    assert again["weights_sha256"] == whole["weights_sha256"] and again["stopped"] == "finished"


def test_several_sources_are_learnt_from_together(runs):
    result = called("pretrain", "run", "test", "--epochs", 1, "--batch-size", 32, "--out", "model", *SMALL, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["pictures"] == 168
    assert "run and test, without labels" in (runs / "model" / "card.md").read_text()


def test_few_shot_has_a_row_for_each_size_and_classifier(runs):
    printed(*pretrained("model"))
    sizes = ("--shots", "1,5", "--per-cent", 50, "--episodes", 10)
    found = printed("few-shot", "model", "--train", "run", "--on", "test", *sizes)
    rows = [(row["shots"], row["per_cent"], row["classifier"], row["labelled"]) for row in found["results"]]
    assert rows == [
        (1, None, "linear", 7),
        (1, None, "nearest-mean", 7),
        (5, None, "linear", 35),
        (5, None, "nearest-mean", 35),
        (None, 50.0, "linear", 42),
        (None, 50.0, "nearest-mean", 42),
    ]
    assert found["results"][0]["episodes"] == 10 and found["results"][0]["n"] == 84
    assert found["pool"]["fingerprint"] and found["classes"] and found["seen_by_backbone"] == 0
    assert found["near_seen_by_backbone"] == 0 and found["preprocessing"]["version"] and found["label_set"]


def test_few_shot_leaves_test_pictures_out_of_the_pool(runs):
    printed(*pretrained("model"))
    result = called("few-shot", "model", "--train", "run", "--on", "run", "--shots", 1)
    assert result.exit_code == 1 and "all 84 pictures of --train are among the test pictures" in result.stderr


def test_few_shot_leaves_near_copies_of_test_pictures_out_of_the_pool(runs):
    rng = np.random.default_rng(0)
    for place in range(28):
        label = SEVEN_EXPRESSIONS[place % 7]
        coarse = Image.fromarray(rng.integers(60, 180, size=(4, 4), dtype=np.uint8)).resize((32, 32))
        for folder, lighter in (("pool", 0), ("copies", 4))[: 2 if place < 4 else 1]:
            (runs / folder / label).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.array(coarse) + np.uint8(lighter)).save(runs / folder / label / f"{place}.png")
    printed(*pretrained("model"))
    found = printed("few-shot", "model", "--train", "pool", "--on", "copies", "--shots", 2, "--episodes", 3)
    assert (found["left_out_of_pool"], found["near_left_out_of_pool"], found["pool"]["pictures"]) == (4, 4, 24)


def test_captions_are_written_and_can_be_read_back(runs):
    facts = printed("captions", "run", "--per-picture", 3, "--out", "captions.jsonl")
    lines = [json.loads(line) for line in (runs / "captions.jsonl").read_text().splitlines()]
    assert facts["count"] == len(lines) == 252 and facts["pictures"] == 84
    assert all(claims_in(line["caption"]) for line in lines)
    printed("captions", "run", "--per-picture", 3, "--out", "again.jsonl")
    assert (runs / "again.jsonl").read_bytes() == (runs / "captions.jsonl").read_bytes()


def test_contrast_then_zero_shot_and_probe(runs):
    options = ("--epochs", 2, "--batch-size", 32, *SMALL)
    facts = printed("contrast", "run", "--out", "model", *options)
    assert facts["stopped"] == "finished" and facts["held_out"]["gallery"] > 0
    found = printed("zero-shot", "model", "--on", "test", "--prompts", "both")
    assert found["n"] == 84 and found["model"]["sha256"] == facts["weights_sha256"]
    assert found["seen_in_training"]["count"] == 0 and found["prompts"]["fingerprint"]
    assert printed("probe", "model", "--train", "run", "--on", "test", "--kind", "nearest-mean")["probes"]


def test_contrast_takes_captions_of_others(runs):
    printed("captions", "run", "--out", "captions.parquet")
    options = ("--epochs", 1, "--batch-size", 32, "--validation", "none", *SMALL)
    facts = printed("contrast", "run", "--captions", "captions.parquet", "--out", "model", *options)
    assert facts["pictures"] == 84 and facts["held_out"] is None


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (pretrained("m", method="simcrl"), 'Did you mean "simclr"'),
        (pretrained("m", "--momentum", 0.9), "--momentum was given and simclr has none"),
        (pretrained("m", "--masked", 0.5), "--masked was given and simclr has none"),
        (pretrained("m", "--split", "a", "--split", "b"), "found 2 splits for 1 sources"),
        (pretrained("m", "--network", "small_cn"), 'Did you mean "small_cnn"'),
        (pretrained("m", "--network-config", "{"), "is not JSON"),
        (pretrained("m", "--network-config", '{"wdths": [1]}'), "wdths"),
        (("pretrain", "run", "--method", "mae", "--network", "small_cnn", "--batch-size", 32, "--out", "m"), '"vit"'),
        (pretrained("m", "--precision", "bf15"), 'precision = "bf15", expected fp32 or bf16'),
        (pretrained("m", "--batch-size", 1000), "found 84 pictures for a batch of 1000"),
        (("probe", "run", "--train", "run", "--on", "run"), "holds no backbone"),
        (("few-shot", "run", "--train", "run", "--on", "run", "--shots", "1.5"), "1.5 is not a whole number"),
        (("few-shot", "run", "--train", "run", "--on", "run", "--shots", "few"), '"few" is not a number'),
        (("zero-shot", "run", "--on", "run"), "local folders alone"),
        (("captions", "run", "--out", "c.txt"), "ends in .jsonl or .parquet"),
        (("contrast", "run", "--captions", "none.jsonl", "--out", "m"), "cannot be read"),
    ],
    ids=lambda value: value[-30:] if isinstance(value, str) else value[0],
)
def test_bad_input_exits_with_1_and_says_what_to_do(runs, arguments, hint):
    result = called(*arguments)
    assert result.exit_code == 1, result.output
    assert hint in result.stderr


@pytest.fixture
def fewer(runs):
    """The test run as a folder without fear and surprise, and with one picture of contempt."""
    assert called("export", "test", "--to", "fewer").exit_code == 0
    for name in ("fear", "surprise"):
        (folder,) = runs.joinpath("fewer").rglob(name)
        shutil.rmtree(folder)
    (anger,) = runs.joinpath("fewer").rglob("anger")
    (anger.parent / "contempt").mkdir()
    first = min(anger.glob("*.png"))
    first.rename(anger.parent / "contempt" / first.name)
    for table in runs.joinpath("fewer").rglob("metadata.parquet"):
        table.unlink()
    return "fewer"


def test_probes_keep_to_shared_classes_where_asked(runs, fewer):
    printed(*pretrained("model"))
    plain = called("probe", "model", "--train", "run", "--on", fewer)
    assert plain.exit_code == 1 and "contempt" in plain.stderr
    found = printed("probe", "model", "--train", "run", "--on", fewer, "--shared", "--kind", "linear")["probes"][0]
    assert found["classes"] == ["anger", "disgust", "happiness", "neutral", "sadness"]
    assert found["n"] == 59 and found["left_out"] == {"class_not_shared": 1}
    assert found["training"]["pictures"] == 60 and found["training"]["left_out"] == {"class_not_shared": 24}


def test_few_shot_keeps_to_shared_classes_where_asked(runs, fewer):
    printed(*pretrained("model"))
    asked = ("--shots", 1, "--episodes", 3, "--classifier", "nearest-mean")
    found = printed("few-shot", "model", "--train", "run", "--on", fewer, "--shared", *asked)
    assert found["classes"] == ["anger", "disgust", "happiness", "neutral", "sadness"]
    assert found["results"][0]["labelled"] == 5 and found["results"][0]["n"] == 59


def test_sets_that_share_one_class_are_not_probed(runs, fewer):
    printed(*pretrained("model"))
    for folder in runs.joinpath("fewer").rglob("*"):
        if folder.is_dir() and folder.name in ("anger", "disgust", "happiness", "neutral"):
            shutil.rmtree(folder)
    result = called("probe", "model", "--train", "run", "--on", fewer, "--shared")
    assert result.exit_code == 1 and "--on contempt, sadness; expected at least two" in result.stderr


def test_zero_shot_with_shared_classes_is_the_same_where_all_have_words(runs):
    assert called("contrast", "run", "--out", "texts", "--epochs", 1, "--batch-size", 32, *SMALL).exit_code == 0
    plain = printed("zero-shot", "texts", "--on", "test")
    shared = printed("zero-shot", "texts", "--on", "test", "--shared")
    assert shared["classes"] == plain["classes"] and shared["accuracy"] == plain["accuracy"]

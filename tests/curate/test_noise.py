import importlib.util
import random
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facsim.curate.noise import Noise, find_issues
from facsim.errors import FormatError, MissingExtra, RecipeError
from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.testing import TableScan, check_table_laws

needs_cleanlab = pytest.mark.skipif(
    importlib.util.find_spec("cleanlab") is None, reason="cleanlab (the extra `noise`) is not installed"
)


def spoilt(n=600, share=0.1, seed=0):
    """Truth, labels of which a share is wrong, and out-of-fold scores that nearly always know the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 8, n)
    wrong = rng.random(n) < share
    labels = np.where(wrong, (truth + rng.integers(1, 8, n)) % 8, truth)
    first = np.where(rng.random(n) < 0.97, truth, rng.integers(0, 8, n))
    scores = rng.uniform(0, 0.2, (n, 8))
    scores[np.arange(n), first] = rng.uniform(0.6, 2, n)
    return truth, labels, scores / scores.sum(1, keepdims=True)


def rows_of(labels, scores):
    return [
        {"sample_id": f"{i:04d}", "problem": None, "expression_given": EIGHT_EXPRESSIONS[k], "expression_scores": row}
        for i, (k, row) in enumerate(zip(labels, scores.tolist(), strict=True))
    ]


def judged(stage, rows):
    return pa.Table.from_batches(list(stage.judge(TableScan(rows=rows, size=100)))).to_pylist()


@needs_cleanlab
def test_wrong_labels_are_found():
    truth, labels, scores = spoilt()
    found = find_issues(labels, scores).wrong
    wrong = truth != labels
    assert (found & wrong).sum() / wrong.sum() > 0.8
    assert (found & wrong).sum() / found.sum() > 0.5


@needs_cleanlab
def test_a_run_marks_them_and_what_they_should_be():
    truth, labels, scores = spoilt()
    found = judged(Noise(), rows_of(labels, scores))
    marked = [i for i, row in enumerate(found) if row["label_issue"]]
    assert np.mean([found[i]["label_suggested"] == EIGHT_EXPRESSIONS[truth[i]] for i in marked]) > 0.6
    assert np.mean([found[i]["label_quality"] for i in marked]) < 0.2


@needs_cleanlab
def test_the_laws_hold_and_rows_without_scores_are_left_open():
    _, labels, scores = spoilt(120)
    rows = rows_of(labels, scores)
    rows[3]["expression_scores"] = None
    rows[4]["expression_given"] = None
    rows[5]["problem"] = "no_face"
    rows[6]["expression_scores"] = [float("nan")] * 8
    rows[7]["expression_scores"] = [1.0]
    check_table_laws(Noise(), rows)
    assert [row["label_issue"] is None for row in judged(Noise(), rows)[:9]] == [False] * 3 + [True] * 5 + [False]


@needs_cleanlab
def test_verdicts_come_in_parts_each_at_its_row():
    _, labels, scores = spoilt(2300)
    rows = rows_of(labels, scores)
    for i in range(0, 2300, 7):
        rows[i]["expression_given"] = None
    batches = list(Noise().judge(TableScan(rows=rows, size=500)))
    assert [batch.num_rows for batch in batches] == [1000, 1000, 300]
    kept = np.array([i for i in range(2300) if i % 7])
    whole, found = find_issues(labels[kept], scores[kept]), pa.Table.from_batches(batches).take(kept).to_pylist()
    assert [row["label_issue"] for row in found] == whole.wrong.tolist()
    assert np.allclose([row["label_quality"] for row in found], whole.quality, atol=1e-7)
    assert [row["label_suggested"] for row in found] == [EIGHT_EXPRESSIONS[k] for k in whole.suggested]


def test_without_a_row_that_has_both_nothing_is_said():
    rows = rows_of(np.zeros(3, int), np.full((3, 8), np.nan))
    assert judged(Noise(), rows) == [dict.fromkeys(("label_issue", "label_quality", "label_suggested"))] * 3


@needs_cleanlab
def test_of_an_id_that_is_predicted_twice_the_later_counts(tmp_path):
    _, labels, scores = spoilt(120)
    rows, file = rows_of(labels, scores), tmp_path / "p.parquet"
    columns = {f"score_{k}": [*[0.125] * 120, *scores[:, at]] for at, k in enumerate(EIGHT_EXPRESSIONS)}
    pq.write_table(pa.table({"id": [f"faces/{i % 120:04d}.png" for i in range(240)], **columns}), file)
    assert judged(Noise(predictions=str(file)), rows) == judged(Noise(), rows)


@needs_cleanlab
def test_predictions_of_a_file_are_found_by_sample_id(tmp_path):
    _, labels, scores = spoilt(120)
    rows, file = rows_of(labels, scores), tmp_path / "p.parquet"
    order = np.random.default_rng(0).permutation(120)
    columns = {f"score_{name}": scores[order, k] for k, name in enumerate(EIGHT_EXPRESSIONS)}
    pq.write_table(pa.table({"id": [f"{i:04d}.png" for i in order], **columns}), file)
    assert judged(Noise(predictions=str(file)), rows) == judged(Noise(), rows)
    assert len(Noise(predictions=str(file)).weights) == 1


def test_mutated_predictions_are_refused_and_never_crash(tmp_path):
    from facsim.curate import noise

    file = tmp_path / "p.parquet"
    pq.write_table(pa.table({"id": ["a.png"] * 20, "score_fear": [1.0] * 20}), file)
    data, rng = file.read_bytes(), random.Random(0)
    refused = 0
    for _ in range(300):
        cut = bytearray(data)
        for _ in range(rng.randint(1, 8)):
            cut[rng.randrange(len(cut))] = rng.randrange(256)
        file.write_bytes(bytes(cut))
        try:
            noise._predicted(str(file))
        except FormatError:
            refused += 1
    assert refused > 100


def test_without_cleanlab_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    _, labels, scores = spoilt(20)
    with pytest.raises(MissingExtra, match=r"facsim\[noise\]"):
        find_issues(labels, scores)


def test_too_few_pictures_and_other_files_are_refused():
    with pytest.raises(FormatError, match="at least 10"):
        find_issues(np.zeros(3, int), np.ones((3, 8)) / 8)
    with pytest.raises(RecipeError, match="parquet"):
        Noise(predictions="scores.csv")

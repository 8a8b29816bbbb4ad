import json
from pathlib import Path

import pytest

from facsim.expressions import EIGHT_EXPRESSIONS
from facsim.recipe import parse_recipe
from facsim.report.findings import find_all
from facsim.report.product import write_report
from facsim.report.rows import rows_of
from facsim.report.trust import PICTURES, trust, trust_sheets
from facsim.runner import run

RECIPE = """
[plan]
count = 280
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
skill = 0.4
name_seed = 1
sick = "0"
[[step]]
use = "answering"
name = "fair"
skill = 0.7
name_seed = 2
[[step]]
use = "vote"
rule = "dawid_skene"
teachers = ["good", "poor", "fair"]
"""
TARGET_VOTES = RECIPE.replace('"poor", "fair"]', '"poor", "fair"]\nlabels = ["expression_target"]')


@pytest.fixture(scope="module")
def voted(tmp_path_factory):
    import facsim.stage

    with pytest.MonkeyPatch.context() as patch:
        for name in ("Painted", "Answering"):
            patch.setitem(facsim.stage.BUILT_IN, name.lower(), f"facsim.testing:{name}")
        place = tmp_path_factory.mktemp("run")
        yield {
            name: run(parse_recipe(text), str(place / name), executor="serial")
            for name, text in (("plain", RECIPE), ("target", TARGET_VOTES))
        }


def test_voters_are_ranked_by_what_they_are_worth_and_by_truth(voted):
    found = trust(voted["plain"])
    good, poor, fair = found.voters
    assert good.worth.value > fair.worth.value > poor.worth.value
    assert good.right.value > fair.right.value > poor.right.value
    assert good.right.low < good.right.value < good.right.high
    assert len(good.confusion) == len(EIGHT_EXPRESSIONS)


def test_every_row_is_decided_for_a_reason_or_sick(voted):
    made = voted["plain"]
    found = trust(made)
    sick = sum(problem is not None for problem in made.column("vote.problem"))
    assert sick > 0
    assert sum(entry.count for entry in found.decided) == 280 - sick
    assert all(entry.meaning for entry in found.decided)


def test_risk_falls_where_the_most_trusted_are_kept(voted):
    risk = trust(voted["plain"]).risk
    assert risk.aurc.value < risk.full.value
    assert risk.points[-1].coverage == 1.0


def test_a_target_that_voted_is_no_truth(voted):
    found = trust(voted["target"])
    assert (found.truth, found.risk, found.method) == ("", None, "mean_score")
    assert all(voter.right is None for voter in found.voters)
    assert trust(voted["plain"]).truth == "plan.expression_target"


def test_the_most_disputed_pictures_are_those_that_voters_differ_on(voted):
    made = voted["plain"]
    most, least, disputed = trust_sheets(made, rows_of(made))
    assert (most.name, least.name, disputed.name) == ("most trusted", "least trusted", "most disputed")
    assert len(most.thumbnails) == PICTURES
    confidence = dict(zip(made.column("plan.sample_id"), made.column("vote.vote_confidence"), strict=True))
    shown = [round(confidence[face.sample_id], 4) for face in most.thumbnails]
    assert shown == sorted(shown, reverse=True)
    assert min(shown) >= max(round(confidence[face.sample_id], 4) for face in least.thumbnails)
    assert "good: " in disputed.thumbnails[0].caption


def test_the_page_shows_the_vote_and_the_findings_are_json(voted, tmp_path):
    made = voted["plain"]
    html = Path(write_report(made.folder.root, tmp_path / "report.html")).read_text(encoding="utf-8")
    for text in (
        "Label trust",
        "Dawid and Skene",
        "Cohen",
        "Risk and coverage",
        "most disputed",
        "plan.expression_target",
    ):
        assert text in html
    json.dumps(find_all(made).to_json(), allow_nan=False)


def test_a_run_without_a_vote_has_no_such_section(tmp_path, monkeypatch):
    import facsim.stage

    monkeypatch.setitem(facsim.stage.BUILT_IN, "painted", "facsim.testing:Painted")
    made = run(parse_recipe('[plan]\ncount = 3\n[[step]]\nuse = "painted"\n'), str(tmp_path / "a"), executor="serial")
    assert find_all(made).trust is None
    page = Path(write_report(made.folder.root, tmp_path / "report.html")).read_text(encoding="utf-8")
    assert "Label trust" not in page

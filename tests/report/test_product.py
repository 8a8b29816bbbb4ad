"""`[report]`: where the page lands, how large it is, and what settings it takes."""

import dataclasses

import pytest

from facsim.errors import ManifestError, RecipeError
from facsim.products import Product
from facsim.report.product import Report, write_report


def test_a_report_is_a_product():
    assert isinstance(Report(), Product)


def test_the_page_lands_in_the_run_s_folder_with_its_facts(make_run):
    made, steps = make_run(28), []
    facts = Report().make(made, on_progress=steps.append)
    assert facts["accepted"] == 24 and facts["bytes"] == len(made.folder.read("report.html"))
    assert (steps[0].done, steps[-1].done) == (0, steps[-1].total)


def test_a_page_of_noise_at_full_size_stays_small(make_run):
    made = make_run(7 * 24 + 14, pictures="noise")
    assert Report().make(made, on_progress=lambda _: None)["bytes"] < 6_000_000


def test_writing_a_report_elsewhere_leaves_the_run_as_it_was(make_run, tmp_path):
    made = make_run(14)
    place = write_report(made.folder.root, tmp_path / "deep" / "page.html", report=Report(title="Fourteen"))
    assert "<title>Fourteen · facsim report</title>" in (tmp_path / "deep" / "page.html").read_text()
    assert place == str(tmp_path / "deep" / "page.html") and not made.folder.exists("report.html")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="not a run folder"):
        write_report(str(tmp_path))


def test_an_unfinished_run_is_refused(make_run):
    made = make_run(14)
    made.folder.remove("rounds/00/render/00000.parquet")
    with pytest.raises(ManifestError, match="not finished"):
        write_report(made.folder.root)


@pytest.mark.parametrize("count", [0, 501])
def test_an_absurd_number_of_pictures_is_refused(count):
    with pytest.raises(RecipeError, match="pictures_per_class"):
        Report(pictures_per_class=count)


def test_the_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Report().title = "x"  # type: ignore[misc]

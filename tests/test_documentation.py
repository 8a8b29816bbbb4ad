"""Generated pages are those that the program makes."""

from pathlib import Path

import pytest

from facsim.documentation import PAGES, cli_page, data_model_page, write_pages

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_the_page_in_docs_is_up_to_date(name):
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `python -m facsim.documentation`"


def test_every_option_is_on_the_command_lines_page():
    page = cli_page()
    assert "| `--out`, `-o` `DIR` | The run folder: a path, or an fsspec URL. | required |" in page
    assert "facsim evaluate runs/quickstart/model --on faces.zip" in page


def test_every_column_is_on_the_data_models_page():
    page = data_model_page()
    assert "| `yaw_deg` | `float` | deg | -180 to 180 | head turned to the subject's left |" in page
    assert "`AU12L`" in page


def test_pages_are_written_where_asked(tmp_path):
    assert sorted(path.name for path in write_pages(tmp_path)) == sorted(PAGES)

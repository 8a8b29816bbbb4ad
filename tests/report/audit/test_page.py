"""facsim.report.audit.page: one file that loads nothing, shows what the audit says, and no stranger's face unasked."""

import re
from html.parser import HTMLParser

import pytest

from facsim.report.audit.page import SHOWN_OF_CLASS, SHOWN_PAIRS, audit_html


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources, self.tags, self.open = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href", "action")]
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(page):
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


@pytest.fixture(scope="module")
def page(against_run):
    return audit_html(against_run)


def test_the_page_loads_nothing_and_runs_nothing(page):
    found = parsed(page)
    assert "script" not in found.tags
    assert all(source.startswith(("data:", "#")) for source in found.sources)
    assert "url(" not in page


def test_every_finding_is_on_the_page(page, against_run):
    for finding in against_run.findings:
        assert finding.text.split(";")[0][:40].replace("'", "&#39;") in page


def test_figures_stand_under_their_full_names(page, against_run):
    assert f"fid_random@{against_run.extractor.sha256[:8]}" in page


def test_pictures_of_the_reference_are_left_out_unless_asked_for(page, against_run):
    shown = audit_html(against_run, show_reference=True)
    assert shown.count("<img") > page.count("<img")
    own = sum(min(SHOWN_OF_CLASS, len(against_run.own.rows(name))) for name in against_run.own.classes)
    assert page.count("<img") == own + 2 * min(SHOWN_PAIRS, len(against_run.copies_within.pairs))
    assert "--show-reference" in page and "--show-reference" not in shown


def test_copies_are_named_and_shown_where_they_may_be(audited, make_folder):
    found = audited(make_folder(anger=[*range(8), 3]), against=str(make_folder(anger=[5, 90])))
    plain, shown = audit_html(found), audit_html(found, show_reference=True)
    assert "anger/anger_5_5.png = anger/anger_0_5.png" in plain
    assert "same pixels" in plain
    assert shown.count("<img") == plain.count("<img") + 2 + 2  # the reference's sheet, and the pair


def test_text_of_a_run_is_never_markup(audited, make_run):
    hostile = "<script>alert(1)</script>"
    found = audited(make_run(count=28, hostile=hostile).folder.root)
    page = audit_html(found, title=hostile)
    assert "<script" not in page
    parsed(page)


def test_a_set_alone_has_a_page(audited, make_folder):
    page = audit_html(audited(make_folder(anger=range(4))))
    assert "there is no reference" in page
    parsed(page)


def test_no_figure_is_written_as_a_computer_would(page):
    text = re.sub(r"<style>.*?</style>|<code>.*?</code>|data:[^\"]*", "", page, flags=re.S)
    assert not re.search(r"\bnan\b|\binf\b|\bNone\b(?!\.)|\d\.\d{6,}|\de-\d", text)


def test_cells_of_few_pictures_are_marked_and_all_are_cells(page, against_run):
    counts = [count for axis in against_run.axes for value in axis.values for count in value.by_class]
    assert page.count('<td data-few class="cell') == sum(count < 30 for count in counts)
    assert len(re.findall(r'<td(?: data-few)? class="cell', page)) == len(counts)

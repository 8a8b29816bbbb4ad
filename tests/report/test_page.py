"""The page: one file that loads nothing, says everything, and escapes whatever is not ours."""

import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources

import pytest

from facsim.formats.terms import Terms
from facsim.report import page as page_module
from facsim.report.findings import find_all
from facsim.report.page import headlines, page_html
from facsim.report.rows import rows_of
from facsim.report.sheets import class_sheets, rejected_sheets

VOID = {"meta", "link", "img", "br", "line", "rect", "circle", "ellipse", "polyline", "input", "hr"}
SECTIONS = [
    "summary",
    "pictures",
    "balance",
    "units",
    "geometry",
    "light",
    "attributes",
    "rejections",
    "training",
    "evaluation",
    "provenance",
]


class Reader(HTMLParser):
    """Collects elements and their text, and checks that they are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.elements, self.texts, self.faults = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


css = resources.files("facsim.report").joinpath("page.css").read_text()
written, shade = page_module._FILTERS["percent"], page_module._FILTERS["shade"]


def colour(name, nth):
    """The nth value of a colour in the style sheet, 0 light, 1 dark, as (r, g, b) in 0 to 255."""
    value = re.findall(rf"--{name}: ([^;]+);", css)[nth]
    if not value.startswith("#"):
        return tuple(int(part) for part in value.split(","))
    digits = value[1:] if len(value) == 7 else "".join(2 * digit for digit in value[1:])
    return tuple(int(digits[i : i + 2], 16) for i in (0, 2, 4))


SCHEMES = [
    {"cell": colour("cell", n), "on": colour("on-heat", n), "heat": colour("heat", n), "surface": colour("surface", n)}
    for n in (0, 1)
]


def contrast(one, other):
    """WCAG 2.2's contrast ratio of two sRGB colours."""

    def light(rgb):
        linear = [c / 3294.6 if c <= 10.31475 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    brighter, darker = sorted((light(one), light(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def page_of(run, **settings):
    rows = rows_of(run)
    sheets = class_sheets(run, rows, most=4)
    return page_html(find_all(run, rows), classes=sheets, rejected=rejected_sheets(run, rows), **settings)


def read(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


@pytest.fixture(scope="module")
def html(run):
    return page_of(run)


@pytest.fixture(scope="module")
def page(html):
    return read(html)


def test_every_element_is_closed_in_order(page):
    assert page.faults == [] and page.open == []


def test_nothing_is_loaded_from_anywhere(page):
    places = [value for _, found in page.elements for key, value in found.items() if key in ("src", "href", "srcset")]
    assert places and all(place.startswith(("data:", "#")) for place in places)


def test_the_style_sheet_loads_nothing(html):
    style = re.search(r"<style>(.*?)</style>", html, re.S)[1]
    assert "url(" not in style and "@import" not in style and "http" not in style


def test_there_is_no_script(page):
    assert not [tag for tag, _ in page.elements if tag in ("script", "iframe", "object", "embed")]
    assert not [key for _, found in page.elements for key in found if key.startswith("on")]


def test_a_policy_forbids_everything_but_its_own_style_and_pictures(page):
    policy = next(found["content"] for tag, found in page.elements if found.get("http-equiv"))
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_every_section_is_there_and_in_the_navigation(page):
    ids = {found["id"] for _, found in page.elements if "id" in found}
    links = [found["href"].removeprefix("#") for tag, found in page.elements if tag == "a"]
    assert set(SECTIONS) <= ids and [link for link in links if link in SECTIONS] == SECTIONS


def test_ids_are_unique(page):
    ids = [found["id"] for _, found in page.elements if "id" in found]
    assert len(ids) == len(set(ids))


def test_every_picture_and_chart_has_a_text(page):
    assert all(found.get("alt") for tag, found in page.elements if tag == "img")
    assert all(found.get("aria-label") for tag, found in page.elements if tag == "svg")


def test_headings_go_down_one_level_at_a_time(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_table_headers_say_what_they_head(page):
    assert all(found.get("scope") in ("row", "col") for tag, found in page.elements if tag == "th")


def test_the_first_figures_are_the_run_s(run):
    shown = {entry.label: entry for entry in headlines(find_all(run))}
    assert [shown[label].value for label in ("planned", "accepted", "rejected")] == ["42", "38", "4"]
    assert shown["rejected"].note == "over quota 2, duplicate 1, problem 1"
    assert shown["UAR on publictest.zip"].note == "0.665 to 0.734, n = 700"


def test_rejected_reasons_are_on_the_page_with_their_counts(html):
    assert re.search(r"over quota</th><td>[^<]*</td><td class=\"n\">2<", html)


def test_pictures_that_the_model_may_know_are_told_with_the_accuracy_without_them(make_run):
    figure = {"value": 0.41, "n": 600, "low": 0.38, "high": 0.44}
    seen = {"count": 60, "without": None, "near": {"count": 30, "without_both": None}}
    listed = {"training": "a/train.zip", "count": 100, "further": 10, "without_all": {"accuracy": figure}}
    made = make_run(14)
    known = {"on": "b.zip", "seen_in_training": seen, "listed_as_leaks": listed}
    made.folder.write("evaluations/known.json", json.dumps(known).encode())
    text = " ".join("".join(read(page_of(made)).texts).split())
    assert "100 of these pictures the model may know: 60 were in the training set, 30 are near-duplicates" in text
    assert "10 more lie in train.zip, as a list of leaks says" in text
    assert "Without them accuracy is 0.410 (0.380 – 0.440, 600 pictures)" in text


def test_terms_are_on_the_page(make_run, page):
    assert "no collection was read" in "".join(page.texts)
    made = make_run(14)
    terms = Terms(name="theirs <b>.onnx", agreement="research use", commercial="no")
    made.begin_step(replace(made.step("render"), terms=(terms,)))
    found = page_of(made)
    assert "theirs &lt;b&gt;.onnx" in found and "research use" in found and '<span class="short">no</span>' in found


def test_the_recipe_is_on_the_page(page, run):
    assert run.recipe_text() in "".join(page.texts)


def test_a_hostile_recipe_title_and_class_are_escaped(make_run):
    hostile = '<script>alert(1)</script><img src=x onerror="alert(2)">'
    made = make_run(14, recipe=f"# {hostile}\n")
    page = read(page_of(made, title=hostile))
    assert not [tag for tag, _ in page.elements if tag == "script"]
    assert not [key for _, found in page.elements for key in found if key == "onerror"]
    assert hostile in "".join(page.texts)


def test_hostile_columns_of_an_ingested_run_are_escaped(make_run):
    hostile = '"><script>alert(1)</script>'
    made = make_run(14, hostile=hostile)
    page = read(page_of(made))
    assert page.faults == [] and not [tag for tag, _ in page.elements if tag == "script"]


def test_missing_columns_leave_sections_out_and_say_so(ingested_run):
    page = read(page_of(ingested_run))
    ids = {found["id"] for _, found in page.elements if "id" in found}
    text = "".join(page.texts)
    assert set(SECTIONS) <= ids
    assert text.count("Left out:") == 8 and page.faults == []


def test_a_run_of_which_nothing_stays_has_a_page(make_run):
    made = make_run(14, reject_all=True)
    page = read(page_of(made))
    assert page.faults == [] and "No picture was accepted." in "".join(page.texts)


def test_the_page_is_a_function_of_the_run(run, html):
    assert page_of(run) == html


@pytest.mark.parametrize(
    ("share", "digits", "text"), [(0.0, 0, "0 %"), (0.001, 0, "<1 %"), (0.126, 0, "13 %"), (0.979, 1, "97.9 %")]
)
def test_a_share_that_is_not_nought_is_not_written_as_nought(share, digits, text):
    assert written(share, digits) == text


def test_shading_keeps_its_text_readable():
    """WCAG contrast of text on every shade, from the colours of the style sheet, is 4.5 or more in both schemes."""
    for scheme in SCHEMES:
        for strength in range(0, 101):
            kind = str(shade(strength / 100)).split('"')[1].removeprefix("cell").strip()
            text = {"": scheme["cell"], "mid": (0, 0, 0), "on": scheme["on"]}[kind]
            alpha = 0.04 + 0.88 * strength / 100
            mixed = tuple(
                alpha * heat + (1 - alpha) * under
                for heat, under in zip(scheme["heat"], scheme["surface"], strict=True)
            )
            assert contrast(mixed, text) >= 4.5, (strength, kind)

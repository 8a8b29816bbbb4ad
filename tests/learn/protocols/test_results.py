"""facsim.learn.protocols.results, table and figure: one file read back whole, or refused; and what is drawn of it."""

import dataclasses
import json
from xml.etree import ElementTree

import pytest

from facsim.errors import ManifestError
from facsim.learn.protocols.figure import results_figure
from facsim.learn.protocols.results import (
    RESULTS_VERSION,
    Comparison,
    Figure,
    Finding,
    Measurement,
    Results,
    Training,
    read_results,
    results_schema,
    write_results,
)
from facsim.learn.protocols.results import TestFacts as Facts  # pytest would collect a name that begins with Test
from facsim.learn.protocols.table import results_table

FIGURE = Figure(mean=0.5, sd=0.01, low=0.45, high=0.55, values=(0.49, 0.51))


def measurement(row: str, **changes) -> Measurement:
    values = {
        "row": row,
        "test": "PublicTest",
        "n": 100,
        "seeds": (0, 1),
        "trainings": ("t0", "t1"),
        "figures": {"accuracy": FIGURE, "uar": FIGURE, "macro_f1": FIGURE},
        "recall": {"anger": FIGURE, "fear": None},
        "seen": (3, 3),
        "near": (5, None),
        "unseen": {"accuracy": FIGURE, "uar": FIGURE, "macro_f1": FIGURE},
    }
    return Measurement(**{**values, **changes})


def results(*rows: Measurement) -> Results:
    training = Training(
        id="t0",
        set="renders",
        seed=0,
        n=100,
        contents={"renders": {"anger": 50, "fear": 50}},
        short={},
        repeated=0,
        origin="renders",
        pictures="ab",
        validation="",
        reference="",
        classes=("anger", "fear"),
        preprocessing={"version": 2, "size_px": 48},
        extractor={"network": "small_cnn"},
        config={"lr": 0.002},
        model_sha256="cd",
        steps=10,
        seconds=1.5,
        cpu_seconds=1.25,
    )
    return Results(
        protocol="matrix",
        title="A matrix <&> more",
        seeds=(0, 1),
        classes=("anger", "fear"),
        preprocessing={"version": 2, "size_px": 48, "colour": "grey"},
        tests=(
            Facts(
                name="PublicTest",
                n=100,
                fingerprint="ef",
                origin="zip",
                by_class={"anger": 100},
                left_out={"unlabelled": 7},
            ),
        ),
        trainings=(training,),
        measurements=rows or (measurement("renders"), measurement("renders + 5 % real")),
        comparisons=(
            Comparison(
                row="renders",
                against="real",
                test="PublicTest",
                metric="uar",
                difference=-0.02,
                low=-0.03,
                high=-0.01,
                p=0.002,
                n=100,
            ),
        ),
        findings=(Finding(name="worth", text="is worth 1,204"), Finding(name="x", text="unsaid", shown=False)),
        recipe={"protocol": "matrix"},
        environment={"facsim": "0"},
        written="2026-01-01T00:00:00+00:00",
    )


def test_a_file_is_read_back_as_it_was_written(tmp_path):
    write_results(results(), tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == results()


def changed(path, **changes):
    data = {**results().to_json(), **changes}
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not ...}))
    return path


def test_a_newer_version_is_refused_as_such(tmp_path):
    with pytest.raises(ManifestError, match=f"version {RESULTS_VERSION + 1}, and this facsim reads up to"):
        read_results(changed(tmp_path / "r.json", version=RESULTS_VERSION + 1))


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"format": "x"}, "no results of a protocol"),
        ({"version": "1"}, "version '1'"),
        ({"measurements": ...}, r"damaged \(measurements: Field required"),
        ({"measurements": [{"row": 1}]}, "damaged"),
        ({"seeds": ["a"]}, "seeds"),
    ],
)
def test_a_damaged_file_is_refused_saying_where(tmp_path, changes, hint):
    with pytest.raises(ManifestError, match=hint):
        read_results(changed(tmp_path / "r.json", **changes))


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00"])
def test_what_is_no_json_object_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(ManifestError):
        read_results(tmp_path / "r.json")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read"):
        read_results(tmp_path / "r.json")


def test_the_schema_names_every_field():
    properties = results_schema()["properties"]
    assert set(properties) == {entry.name for entry in dataclasses.fields(Results)}


def test_the_table_tells_figures_intervals_leaks_and_what_was_left_out():
    text = results_table(results())
    assert "0.5000 ± 0.0100 [0.4500, 0.5500]" in text
    assert "PublicTest: 100 pictures; left out: unlabelled 7" in text
    assert "without the pictures that were trained on" in text
    assert "-0.0200 [-0.0300, -0.0100], p 0.002" in text
    assert "is worth 1,204" in text and "unsaid" not in text


def test_the_markdown_table_has_as_many_cells_in_every_row():
    lines = [line for line in results_table(results(), markdown=True).splitlines() if line.startswith("|")]
    blocks = "\n".join(lines).split("\n| row")
    assert len(blocks) == 3 or len(blocks) == 2
    assert {line.count("|") for line in lines[:4]} == {lines[0].count("|")}


def drawn(text: str):
    return ElementTree.fromstring(text)


def test_the_figure_is_a_picture_that_needs_nothing_else():
    text = results_figure(results())
    root = drawn(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "http" not in text.replace("http://www.w3.org/2000/svg", ""), "nothing is fetched"
    assert len([node for node in root.iter() if node.tag.endswith("circle")]) == 4
    assert "A matrix <&> more" in {node.text for node in root.iter()}


def test_rows_with_sizes_are_drawn_as_curves_and_sets_without_as_lines_across():
    rows = [measurement(f"real {x}", group="real", x=x) for x in (100.0, 1000.0)]
    text = results_figure(results(*rows, measurement("renders", group="renders", x=500.0)))
    assert drawn(text) is not None
    assert text.count("<polyline") == 2 and text.count('class="across"') == 2


def test_the_largest_size_is_told_where_not_all_have_room():
    sizes = (10_000, 20_000, 48_000, 50_000)
    text = results_figure(results(*(measurement(f"{size}", group="renders", x=float(size)) for size in sizes)))
    assert [size for size in sizes if f">{size:,}<" in text] == [10_000, 20_000, 50_000]


def test_a_figure_of_undefined_scores_is_drawn_without_them():
    blank = Figure(mean=None, sd=None, low=None, high=None, values=(None,))
    row = measurement("x", figures={"accuracy": blank, "uar": blank, "macro_f1": blank})
    assert drawn(results_figure(results(row))) is not None

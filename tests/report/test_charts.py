"""Charts: valid XML, whatever the text and the numbers, and the right marks in the right places."""

from xml.etree import ElementTree

import pytest

from facsim.report.charts import (
    Range,
    Series,
    draw_histogram,
    draw_lines,
    draw_points,
    draw_ranges,
    draw_spark,
    nice_ticks,
)

HOSTILE = '</title><script>alert(1)</script>"&'


def bars(svg):
    return [node for node in ElementTree.fromstring(svg).iter() if node.get("class") == "bar"]


@pytest.mark.parametrize(
    "svg",
    [
        draw_histogram([0, 1, 2], [3, 0], title=HOSTILE, unit=HOSTILE, mark=1.0),
        draw_spark([1, 2], title=HOSTILE),
        draw_lines([Series(name=HOSTILE, points=[(0, 1), (1, 2)])], title=HOSTILE, x_label=HOSTILE),
        draw_ranges([Range(label=HOSTILE, low=0.1, value=0.2, high=0.3)], title=HOSTILE),
        draw_points([(0.5, 0.5)], [(0.1, 0.1)], title=HOSTILE),
    ],
    ids=["histogram", "spark", "lines", "ranges", "points"],
)
def test_hostile_text_is_escaped_and_the_chart_stays_xml(svg):
    assert not [node for node in ElementTree.fromstring(svg).iter() if node.tag == "script"]


def test_the_tallest_bar_is_the_commonest_value():
    heights = [float(bar.get("height")) for bar in bars(draw_histogram([0, 1, 2, 3], [1, 4, 2], title="x"))]
    assert heights[1] == max(heights) and heights[1] == pytest.approx(4 * heights[0], rel=0.01)


def test_an_empty_bin_has_no_bar():
    assert len(bars(draw_histogram([0, 1, 2], [3, 0], title="x"))) == 1


def test_a_line_of_one_point_is_shown_as_a_dot():
    svg = draw_lines([Series(name="loss", points=[(10, 0.5)])], title="x", x_label="step")
    assert [node for node in ElementTree.fromstring(svg).iter() if (node.get("class") or "").startswith("dot")]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-45, 45, [-40, -20, 0, 20, 40]), (0, 300, [0, 50, 100, 150, 200, 250, 300])],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert nice_ticks(low, high, about=6 if high == 300 else 5) == expected


def test_steps_are_marked_at_whole_numbers():
    svg = draw_lines([Series(name="loss", points=[(10, 1), (12, 2)])], title="x", x_label="step", y_limits=(0, 2))
    texts = [node.text for node in ElementTree.fromstring(svg).iter() if node.get("class") == "t"]
    assert "11" in texts and "10.5" not in texts


def test_labels_of_lines_that_end_together_do_not_overlap():
    both = [Series(name=name, points=[(0, 0), (1, 1)]) for name in ("a", "b")]
    texts = [
        n
        for n in ElementTree.fromstring(draw_lines(both, title="x", x_label="y")).iter()
        if "name" in (n.get("class") or "")
    ]
    assert abs(float(texts[0].get("y")) - float(texts[1].get("y"))) >= 12

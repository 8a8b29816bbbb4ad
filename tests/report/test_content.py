"""Action units, pose and luminance, against NumPy on the columns and against hand-made rows."""

import numpy as np
import pyarrow as pa
import pytest

from facsim.report.content import distribution_of, luminance, pose, units
from facsim.report.rows import Rows, rows_of


def rows_with(kept, labels, **columns):
    """Rows with these columns and nothing else."""
    count = len(kept)
    return Rows(
        sample_ids=tuple(str(i) for i in range(count)),
        expression=tuple(labels),
        kept=np.asarray(kept, dtype=bool),
        reasons=tuple(None if stays else "over_quota" for stays in kept),
        problems={"render": [None] * count},
        columns={name: pa.chunked_array([pa.array(values)]) for name, values in columns.items()},
        writers=dict.fromkeys(columns, "render"),
        judged=True,
    )


def test_means_by_expression_are_those_computed_by_hand():
    rows = rows_with(
        [True, True, True, False], ["joy", "joy", "rest", "rest"], AU12=[4.0, 1.0, 0.0, 5.0], AU4=[0.0, 0.0, 2.0, 5.0]
    )
    found = units(rows)
    assert found.expressions == ("joy", "rest") and found.n == 3
    assert [(unit.column, unit.means) for unit in found.units] == [("AU4", (0.0, 2.0)), ("AU12", (2.5, 0.0))]


def test_the_histogram_of_an_action_unit_leaves_absence_out():
    found = units(rows_with([True] * 4, ["joy"] * 4, AU12=[0.0, 0.3, 0.6, 5.0])).units[0]
    assert found.present == 3
    assert found.counts == (1, 1, 0, 0, 0, 0, 0, 0, 0, 1)


def test_action_units_that_never_occur_are_named():
    found = units(rows_with([True, False], ["joy"] * 2, AU12=[1.0, 1.0], AU9=[0.0, 3.0]))
    assert found.never == ("AU9",)


def test_means_agree_with_numpy_on_a_run(run):
    rows = rows_of(run)
    values, labels = np.asarray(rows.numbers("AU12")), np.asarray(rows.expression)
    found = units(rows)
    smile = next(unit for unit in found.units if unit.column == "AU12")
    expected = [values[rows.kept & (labels == name)].mean() for name in found.expressions]
    assert smile.means == pytest.approx(expected)


def test_there_are_no_action_units_without_columns():
    assert units(rows_with([True], ["joy"])) is None


def test_pose_is_on_one_symmetric_scale(run):
    found = pose(rows_of(run))
    assert [entry.name for entry in found] == ["Yaw", "Pitch", "Roll"]
    assert len({entry.edges for entry in found}) == 1 and found[0].edges[0] == -found[0].edges[-1]
    assert all(sum(entry.counts) == entry.n == 38 for entry in found)


def test_a_distribution_says_what_numpy_says():
    values = np.asarray([1.0, 2.0, 3.0, 4.0])
    found = distribution_of(values, np.asarray([0.0, 2.5, 5.0]), name="x")
    assert (found.n, found.mean, found.median, found.counts) == (4, 2.5, 2.5, (2, 2))
    assert found.sd == pytest.approx(np.std(values))


def test_luminance_by_tone_has_the_tone_s_median():
    rows = rows_with([True] * 3, ["joy"] * 3, face_luminance=[0.2, 0.4, 0.9], skin_tone_monk=[10, 10, 1])
    found = luminance(rows)
    assert [(tone.tone, tone.n, tone.median) for tone in found.by_tone] == [
        ("1", 1, pytest.approx(0.9)),
        ("10", 2, pytest.approx(0.3)),
    ]

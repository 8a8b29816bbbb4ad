"""Shares of what the pictures have."""

import numpy as np
import pyarrow as pa

from facsim.columns import COLUMNS
from facsim.report.attributes import attributes
from facsim.report.rows import ATTRIBUTES, Rows, rows_of


def rows_with(kept, **columns):
    """Rows with these columns and nothing else."""
    count = len(kept)
    return Rows(
        sample_ids=tuple(str(i) for i in range(count)),
        expression=("neutral",) * count,
        kept=np.asarray(kept, dtype=bool),
        reasons=tuple(None if stays else "over_quota" for stays in kept),
        problems={"render": [None] * count},
        columns={name: pa.chunked_array([pa.array(values)]) for name, values in columns.items()},
        writers=dict.fromkeys(columns, "render"),
        judged=True,
    )


def test_shares_are_those_counted_by_hand_over_the_rows_that_stay():
    rows = rows_with([True, True, True, True, False], hair_length=["long", "long", "bald", None, "short"])
    (found,) = attributes(rows)
    assert (found.column, found.n) == ("hair_length", 3)
    assert {entry.value: entry.count for entry in found.shares if entry.count} == {"bald": 1, "long": 2}
    assert sum(entry.share for entry in found.shares) == 1


def test_values_that_do_not_occur_are_listed():
    (found,) = attributes(rows_with([True], hair_length=["long"]))
    assert [entry.value for entry in found.shares] == list(COLUMNS["hair_length"].values)


def test_a_run_without_attributes_has_none():
    assert attributes(rows_with([True], hair_length=[None])) == ()
    assert attributes(rows_with([True])) == ()


def test_expressions_and_axes_of_a_plan_are_no_attributes():
    assert {"light_kind", "background_kind", "hair_length", "beard", "glasses"} <= set(ATTRIBUTES)
    assert not {"expression_target", "expression_label", "apparent_gender"} & set(ATTRIBUTES)


def test_attributes_of_a_run_are_read(run):
    assert {entry.column for entry in attributes(rows_of(run))} == {"light_kind", "hair_length"}

"""Inputs become rows a batch at a time, and what cannot be is said before a run begins."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from facsim.errors import FormatError
from facsim.inputs import (
    check_inputs_commercial,
    input_batches,
    input_table,
    list_inputs,
    recipe_terms,
)
from facsim.recipe import Input, parse_recipe


def faces(folder, count):
    (folder / "happy").mkdir(parents=True)
    for number in range(count):
        sink = io.BytesIO()
        Image.fromarray(np.full((4, 4), number % 256, np.uint8)).save(sink, "PNG")
        (folder / f"happy/{number:05d}.png").write_bytes(sink.getvalue() + number.to_bytes(4, "big"))
    return str(folder)


def test_a_listing_holds_the_rows_of_the_table_in_order(tmp_path):
    inputs = [Input(path=faces(tmp_path / "a", 5)), Input(path=faces(tmp_path / "b", 3))]
    for number in range(3):
        (tmp_path / f"b/happy/{number:05d}.png").write_bytes(bytes([number]))
    listing = list_inputs(inputs)
    rows = [row for batch in listing.to_batches() for row in batch.to_pylist()]
    assert listing.num_rows == 8 and rows == input_table(inputs).to_pylist()
    assert [row for batch in listing.to_batches() for row in batch.to_pylist()] == rows, "it can be read again"


def test_rows_come_in_batches(tmp_path):
    sizes = [batch.num_rows for batch in input_batches([Input(path=faces(tmp_path / "a", 1005))])]
    assert sizes == [1000, 5]


def test_an_input_of_which_nothing_can_be_read_is_refused_with_the_first_reason(tmp_path):
    (tmp_path / "in").mkdir()
    rows = "emotion,pixels,Usage\n" + "0,1 2 3,Training\n" * 3
    (tmp_path / "in/fer2013.csv").write_text(rows)
    with pytest.raises(FormatError, match=r"none of the 3 pictures .* 3 pixels; expected 2304"):
        list_inputs([Input(path=str(tmp_path / "in/fer2013.csv"))])


def test_one_row_that_cannot_be_read_is_a_row_without_a_hash(tmp_path):
    good = " ".join(["7"] * 2304)
    (tmp_path / "fer2013.csv").write_text(f"emotion,pixels,Usage\n0,{good},Training\n0,1 2 3,Training\n")
    rows = input_table([Input(path=str(tmp_path / "fer2013.csv"))]).to_pylist()
    assert [row["source_sha256"] is None for row in rows] == [False, True]


def test_commercial_use_is_refused_by_input_and_terms(tmp_path):
    path = faces(tmp_path / "a", 1)
    check_inputs_commercial([Input(path=path, terms="yes: my own")])
    with pytest.raises(FormatError, match=r"a \(not stated; commercial: ask"):
        check_inputs_commercial([Input(path=path)])


def test_models_of_steps_have_terms_as_inputs_have(tmp_path):
    step = f'[[step]]\nuse = "expression"\ncrop = "image"\nmodel = "{tmp_path}/their.onnx"\n'
    text = '[plan]\ncount = 7\n[[step]]\nuse = "render"\n'
    said = [text, text + step, text + step + 'terms = "yes: MIT"\n', text + step + 'terms = "affectnet_csv"\n']
    found = [[(of, terms.name, terms.commercial) for of, terms in recipe_terms(parse_recipe(one))] for one in said]
    assert found == [
        [],
        [('step "expression"', "their.onnx", "ask")],
        [('step "expression"', "their.onnx", "yes")],
        [('step "expression"', "their.onnx (AffectNet)", "no")],
    ]


def test_metadata_is_json_without_what_json_has_not_and_is_not_wrapped_again(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = {"b": float("nan"), "a": [1.5, float("inf")], "source_metadata": json.dumps({"c": 1, "b": 2})}
    rows = [{"image": b"x", "label": "happy", **held}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    (row,) = input_table([Input(path=str(tmp_path / "a.parquet"))]).to_pylist()
    assert row["source_metadata"] == '{"a": [1.5, null], "b": null, "c": 1}'

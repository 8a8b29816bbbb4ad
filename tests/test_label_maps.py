"""Maps as PNG and back."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facsim.columns import COLUMNS
from facsim.errors import FacsimError
from facsim.label_maps import (
    DEPTH_STEP_MM,
    ENCODERS,
    MAP_NAMES,
    PART_NAMES,
    decode_depth,
    decode_normals,
    decode_parts,
    encode_depth,
    encode_normals,
    encode_parts,
)


@given(st.lists(st.floats(1.0, 6000.0), min_size=4, max_size=4))
@settings(deadline=None)
def test_depth_comes_back_within_half_a_step(values):
    depth = np.array(values).reshape(2, 2)
    assert np.abs(decode_depth(encode_depth(depth)) - depth).max() <= DEPTH_STEP_MM / 2 + 1e-3


def test_no_depth_comes_back_as_none():
    depth = np.array([[np.inf, np.nan, 500.0]])
    assert np.array_equal(np.isnan(decode_depth(encode_depth(depth))), [[True, True, False]])


def test_normals_come_back_within_half_a_degree():
    normals = np.random.default_rng(0).normal(size=(20, 20, 3))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    back = decode_normals(encode_normals(normals))
    assert np.allclose(np.linalg.norm(back, axis=2), 1.0, atol=1e-5)
    assert np.rad2deg(np.arccos(np.clip((back * normals).sum(axis=2), -1, 1))).max() < 0.5


def test_no_surface_has_no_normal():
    assert not decode_normals(encode_normals(np.zeros((2, 2, 3)))).any()


def test_parts_come_back_exactly_and_in_colours_for_the_eye():
    parts = np.arange(len(PART_NAMES), dtype=np.uint8)[None]
    assert np.array_equal(decode_parts(encode_parts(parts)), parts)
    shown = np.asarray(Image.open(io.BytesIO(encode_parts(parts))).convert("RGB"))[0]
    assert len(np.unique(shown, axis=0)) == len(PART_NAMES)


def test_every_map_is_a_column_with_an_encoder():
    assert set(MAP_NAMES) == set(ENCODERS)
    assert set(MAP_NAMES) <= set(COLUMNS)


@pytest.mark.parametrize("decode", [decode_depth, decode_normals, decode_parts])
@pytest.mark.parametrize("data", [b"", b"nothing", encode_depth(np.ones((2, 2)))[:40]])
def test_what_is_no_map_is_refused(decode, data):
    with pytest.raises(FacsimError, match="cannot be read"):
        decode(data)


def test_a_map_of_another_kind_is_refused():
    with pytest.raises(FacsimError, match='mode "RGB"'):
        decode_depth(encode_normals(np.ones((2, 2, 3))))

"""Part maps lie on the aligned face."""

import numpy as np
import pytest

from facsim.label_maps import decode_parts
from facsim.labels.parse import Parse
from facsim.pictures import encode_png
from facsim.sample import Problem, Sample
from facsim.testing import check_laws

from .untaught_models import write_parse_model


@pytest.fixture(scope="module")
def parse_model(tmp_path_factory):
    return write_parse_model(tmp_path_factory.mktemp("parse"))


def sample_of(side=112, template="wide", seed=0, **values):
    picture = np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8)
    row = {"face_aligned": {"bytes": encode_png(picture), "path": "a.png"}, "align_template": template}
    return Sample(sample_id=f"{seed:032x}", values={**row, **values})


@pytest.mark.parametrize(("side", "template"), [(112, "wide"), (224, "arcface"), (48, "tight"), (80, "given")])
def test_the_map_has_the_faces_size_and_only_parts_that_there_are(parse_model, side, template):
    (row,) = Parse(model=parse_model).open("cpu")([sample_of(side, template)])
    parts = decode_parts(row["parts"]["bytes"])
    assert parts.shape == (side, side)
    assert set(np.unique(parts)) <= {0, 1, 4}


def test_a_face_that_is_not_square_is_a_problem(parse_model):
    wide = {"bytes": encode_png(np.zeros((20, 30, 3), np.uint8)), "path": "a"}
    rows = Parse(model=parse_model).open("cpu")([sample_of(), sample_of(face_aligned=wide), sample_of(seed=1)])
    assert [isinstance(row, Problem) for row in rows] == [False, True, False]


def test_the_stage_keeps_the_laws(parse_model):
    check_laws(Parse(model=parse_model), [sample_of(seed=seed) for seed in range(4)])

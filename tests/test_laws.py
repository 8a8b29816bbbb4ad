"""The laws of the architecture, over every stage there is, plugins included."""

import hashlib

import numpy as np
import pytest

from facsim.pictures import encode_png
from facsim.sample import Sample
from facsim.stage import find_stage, is_table_stage, known_stages, stage_columns
from facsim.testing import Painted, check_laws, check_table_laws, planned_samples

SETTINGS = {"render": {"size_px": 48}}
COUNT = {"render": 5}


def picture(seed):
    return encode_png(np.random.default_rng(seed).integers(0, 255, (24, 24, 3)).astype(np.uint8))


@pytest.fixture
def samples(tmp_path):
    """Samples with a value for every column that a built-in stage reads; a plugin's columns are its tests' concern."""
    (tmp_path / "in/anger").mkdir(parents=True)
    rows = []
    for i, sample in enumerate(planned_samples(12)):
        data = picture(i % 10)
        (tmp_path / f"in/anger/{i:02d}.png").write_bytes(data)
        rows.append(
            {
                **sample.values,
                "image": {"bytes": data, "path": f"{i}.png"},
                "source_input": str(tmp_path / "in"),
                "source_format": "class_folder",
                "source_path": f"anger/{i:02d}.png",
                "source_sha256": hashlib.sha256(data).hexdigest(),
                "pixel_hash": hashlib.sha256(data).hexdigest(),
                "perceptual_hash": i % 10 * 1_000_003,
                "duplicate_of": None,
            }
        )
    return [Sample(sample_id=row["sample_id"], values=row) for row in rows]


@pytest.mark.parametrize("name", known_stages())
def test_the_stage_keeps_the_laws(name, samples):
    stage = find_stage(name)(**SETTINGS.get(name, {}))
    assert stage.name == name
    assert set(stage.writes) <= set(stage_columns(stage)), "law 4: a column that no dictionary has"
    if is_table_stage(stage):
        check_table_laws(stage, [sample.values for sample in samples])
    else:
        check_laws(stage, samples[: COUNT.get(name, 12)])


def test_the_check_finds_a_stage_that_depends_on_its_batch():
    with pytest.raises(AssertionError, match="law 3"):
        check_laws(Leaky(), planned_samples(6))


def test_the_check_finds_a_stage_that_writes_something_else():
    from facsim.work import LawBroken

    with pytest.raises(LawBroken, match="not its `writes`"):
        check_laws(Careless(), planned_samples(2))


class Leaky(Painted):
    """Its rows depend on how many samples came with them."""

    writes = ("AU12",)

    def open(self, device):
        return lambda samples: [{"AU12": min(len(samples), 5.0)} for _ in samples]


class Careless(Painted):
    """It writes a column that it does not declare."""

    writes = ("AU12",)

    def open(self, device):
        return lambda samples: [{"AU4": 1.0} for _ in samples]

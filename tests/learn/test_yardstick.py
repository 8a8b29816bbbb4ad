"""facsim.learn.yardstick: one seed's evaluation and the spread over seeds."""

from dataclasses import replace

import pytest

from facsim.errors import FacsimError
from facsim.learn import yardstick
from facsim.learn.yardstick import YARDSTICK, measure, spread_of


@pytest.fixture
def quick(monkeypatch):
    short = replace(YARDSTICK, steps=3, batch_size=8, network_config={"widths": (8,), "depths": (1,)}, threads=1)
    monkeypatch.setattr(yardstick, "YARDSTICK", short)


def test_a_seed_is_trained_and_evaluated_with_and_without_what_it_has_seen(tmp_path, drawn, quick):
    found = measure(drawn(30, size_px=48), drawn(14, size_px=48), seed=0, out=tmp_path)
    assert found.accuracy.n == 14 and found.seen is not None and found.model


def test_the_spread_is_the_mean_and_deviation_over_seeds(tmp_path, drawn, quick):
    pictures, test = drawn(30, size_px=48), drawn(21, size_px=48, seed=1)
    found = [measure(pictures, test, seed=seed, out=tmp_path / str(seed)) for seed in (0, 1)]
    spread = spread_of(found)["all"]["accuracy"]
    first, second = (one.accuracy.value for one in found)
    assert spread.mean == pytest.approx((first + second) / 2)
    assert spread.sd == pytest.approx(abs(first - second) / 2**0.5)


def test_one_seed_has_no_deviation(tmp_path, drawn, quick):
    found = measure(drawn(30, size_px=48), drawn(14, size_px=48, seed=1), seed=0, out=tmp_path)
    assert spread_of([found])["unseen"]["uar"].sd is None


def test_pictures_of_another_shape_are_refused(tmp_path, drawn):
    with pytest.raises(FacsimError, match="load them in that shape"):
        measure(drawn(30), drawn(14), seed=0, out=tmp_path)

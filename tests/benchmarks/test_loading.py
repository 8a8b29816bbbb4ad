"""The loading benchmark reads the same pictures both ways, and its figures follow from its turns."""

from pathlib import Path

import pytest


@pytest.fixture
def loading(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    monkeypatch.setenv("FACSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("facsim.learn.picture_cache._SETTLED_S", 0.0)
    import loading

    return loading


def test_drawn_faces_are_of_the_seven_classes_and_the_same_each_time(loading, tmp_path):
    for name in ("one", "two"):
        loading.write_faces(tmp_path / name, count=14, side_px=32)
    one, two = (sorted((tmp_path / name).rglob("*.jpg")) for name in ("one", "two"))
    assert len({path.parent.name for path in one}) == 7
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_small_measurement_holds_every_figure(loading, tmp_path):
    loading.write_faces(tmp_path / "faces", count=140, side_px=40)
    setting = loading.Setting(file_px=40, size_px=16, colour="grey")
    found = loading.measure(tmp_path / "faces", setting, epochs=2, steps=2, seeds=[0, 1])
    assert set(found) >= {"first", "later", "whole", "streamed", "training"} and found["pictures"] == 140
    assert all(len(found[name]["ratios"]) == 2 for name in ("first", "later", "whole", "streamed"))
    assert 0 <= found["training"]["waiting_share"] <= found["training"]["waiting_share_whole"] <= 1


def test_pictures_that_differ_between_the_loaders_stop_the_measurement(loading, tmp_path):
    loading.write_faces(tmp_path / "faces", count=14, side_px=40)
    setting = loading.Setting(file_px=40, size_px=16, colour="grey")
    pictures = loading._loaded(tmp_path / "faces", setting, cache=False)
    pictures.images[:] ^= 64
    with pytest.raises(RuntimeError, match="found a difference"):
        loading._check_same(pictures, tmp_path / "faces", setting)

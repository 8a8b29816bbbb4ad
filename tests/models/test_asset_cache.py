"""The cache of derived arrays: whole or absent, the same on reload, rebuilt where damaged."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from facsim.models.asset_cache import find_cache_folder, load_cached, write_arrays
from facsim.models.head_mesh import build_head_arrays, load_head_arrays
from facsim.models.makehuman import find_data_folder


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACSIM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def refuse():
    raise AssertionError("built again")


def test_the_folder_is_the_environments(folder):
    assert find_cache_folder() == folder


def test_a_second_load_reads_what_the_first_one_built(folder):
    built = load_cached("thing", key="1", build=lambda: {"a": np.arange(4, dtype=np.float32)})
    again = load_cached("thing", key="1", build=refuse)
    assert np.array_equal(built["a"], again["a"]) and again["a"].dtype == np.float32


def test_another_key_is_built_anew(folder):
    load_cached("thing", key="1", build=lambda: {"a": np.zeros(1)})
    assert load_cached("thing", key="2", build=lambda: {"a": np.ones(1)})["a"][0] == 1.0


def test_a_damaged_file_is_rebuilt_and_replaced(folder):
    load_cached("thing", key="1", build=lambda: {"a": np.zeros(1000)})
    path = folder / "thing-1.npz"
    path.write_bytes(path.read_bytes()[:500])
    assert load_cached("thing", key="1", build=lambda: {"a": np.ones(2)})["a"].sum() == 2.0
    assert load_cached("thing", key="1", build=refuse)["a"].sum() == 2.0


def test_racing_writers_leave_one_whole_file_and_no_rubbish(folder):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write_arrays(folder / "thing-1.npz", {"a": np.arange(50_000)}), range(16)))
    assert [path.name for path in folder.iterdir()] == ["thing-1.npz"]
    assert np.array_equal(load_cached("thing", key="1", build=refuse)["a"], np.arange(50_000))


def test_a_folder_that_cannot_be_written_costs_no_result(folder, monkeypatch):
    folder.write_text("a file where the folder should be")
    assert load_cached("thing", key="1", build=lambda: {"a": np.ones(3)})["a"].sum() == 3.0


def test_the_heads_arrays_come_back_from_the_cache_bit_for_bit(folder):
    first, second = load_head_arrays(), load_head_arrays()
    built = build_head_arrays(find_data_folder())
    assert set(first) == set(second) == set(built)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert all(np.array_equal(built[name], second[name]) for name in built)

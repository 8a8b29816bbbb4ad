"""facsim.provenance: a list has one fingerprint, whether it is held or streamed; the machine names its GPUs."""

import pytest

from facsim import provenance
from facsim.provenance import fingerprint_of, fingerprint_of_list, hardware


@pytest.mark.parametrize("values", [[], ["a"], ["ä", 'b"c', "d,e"], [1, None, {"b": 2, "a": [1.5]}]])
def test_a_streamed_list_has_the_fingerprint_of_the_list(values):
    assert fingerprint_of_list(iter(values)) == fingerprint_of(values)


def test_hardware_names_the_gpus_that_the_driver_lists(tmp_path, monkeypatch):
    for place, name in (("0000:01:00.0", "NVIDIA H100 80GB HBM3"), ("0000:02:00.0", "NVIDIA L4")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "information").write_text(f"Model: \t\t {name}\nIRQ:   \t\t 63\n")
    monkeypatch.setattr(provenance, "_GPUS", tmp_path)
    assert hardware()["gpus"] == ["NVIDIA H100 80GB HBM3", "NVIDIA L4"]


def test_hardware_without_a_gpu_names_none(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "_GPUS", tmp_path / "none")
    assert hardware()["gpus"] == []

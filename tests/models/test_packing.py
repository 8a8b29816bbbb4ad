"""Arrays of Warp structs from fields by name."""

from typing import Any

from facsim.models.packing import pack_structs
from facsim.models.tresses import Tress


def test_fields_are_read_back_and_those_left_out_are_zero() -> None:
    packed: Any = pack_structs([{"seed": 7, "fray": 0.5}, {"fray": 0.25, "flip": 1.0}], Tress, "cpu").numpy()
    assert packed["seed"].tolist() == [7, 0]
    assert packed["fray"].tolist() == [0.5, 0.25]
    assert packed["flip"].tolist() == [0.0, 1.0]


def test_an_array_keeps_its_numbers_when_others_are_packed() -> None:
    kept: list[Any] = [pack_structs([{"seed": number}], Tress, "cpu") for number in range(20)]
    assert [int(one.numpy()["seed"][0]) for one in kept] == list(range(20))

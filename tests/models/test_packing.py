"""Arrays of Warp structs from fields by name."""

import numpy as np
import warp as wp

from facsim.models.packing import pack_structs
from facsim.models.tresses import Tress


def test_fields_are_read_back_and_those_left_out_are_zero():
    packed = pack_structs([{"seed": 7, "fray": 0.5}, {"fray": 0.25, "flip": 1.0}], Tress, "cpu").numpy()
    assert packed["seed"].tolist() == [7, 0]
    assert packed["fray"].tolist() == [0.5, 0.25]
    assert packed["flip"].tolist() == [0.0, 1.0]


def test_the_array_is_its_own():
    first = pack_structs([{"seed": 1}], Tress, "cpu")
    kept = [pack_structs([{"seed": number}], Tress, "cpu") for number in range(2, 20)]
    assert first.numpy()["seed"].tolist() == [1]
    assert isinstance(kept[0], wp.array)
    assert np.concatenate([one.numpy()["seed"] for one in kept]).tolist() == list(range(2, 20))

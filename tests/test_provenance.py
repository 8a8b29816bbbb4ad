"""facsim.provenance: a list has one fingerprint, whether it is held or streamed."""

import pytest

from facsim.provenance import fingerprint_of, fingerprint_of_list


@pytest.mark.parametrize("values", [[], ["a"], ["ä", 'b"c', "d,e"], [1, None, {"b": 2, "a": [1.5]}]])
def test_a_streamed_list_has_the_fingerprint_of_the_list(values):
    assert fingerprint_of_list(iter(values)) == fingerprint_of(values)

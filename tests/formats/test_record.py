"""What stays together in a split."""

import pytest

from facsim.formats.record import kept_together


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, None),
        ({"identity_id": "anna", "split_group": "photograph/1"}, "anna"),
        ({"identity_id": 7}, "7"),
        ({"split_group": "photograph/1"}, "photograph/1"),
        ({"source_metadata": '{"face": 1, "split_group": "photograph/1"}'}, "photograph/1"),
        ({"split_group": None, "source_metadata": '{"split_group": "photograph/1"}'}, "photograph/1"),
        ({"source_metadata": '{"identity_id": "anna"}'}, "anna"),
        ({"source_metadata": '{"identity_id": 0, "split_group": "photograph/1"}'}, "0"),
        ({"split_group": "photograph/1", "source_metadata": '{"identity_id": "anna"}'}, "photograph/1"),
        ({"source_metadata": '["identity_id"]'}, None),
        ({"source_metadata": '["split_group"]'}, None),
        ({"source_metadata": '{"split_group"'}, None),
        ({"source_metadata": 5}, None),
    ],
)
def test_who_is_shown_comes_before_the_photograph(metadata, expected):
    assert kept_together(metadata) == expected

"""facsim.learn.attributes: what is known of pictures, as columns."""

from facsim.learn.attributes import attributes_of


def test_text_numbers_and_truth_values_become_columns_with_none_where_nothing_is_known():
    found = attributes_of([{"beard": "full", "skin_tone_monk": 3, "sunglasses": False}, {"beard": None}])
    assert found == {"beard": ("full", None), "skin_tone_monk": (3.0, None), "sunglasses": ("no", None)}


def test_of_ancestry_the_greatest_weight_is_named():
    rows = [{"apparent_ancestry": [0.2, 0.7, 0.1]}, {"apparent_ancestry": [0.5, 0.0, 0.5]}]
    assert attributes_of(rows) == {"apparent_ancestry": ("asian", "african")}


def test_lists_soft_labels_and_sample_ids_are_no_attributes():
    assert attributes_of([{"landmarks_5": [1.0] * 10, "expression_soft": {"fear": 1.0}, "sample_id": "a"}]) == {}


def test_a_number_that_is_none_is_not_known():
    assert attributes_of([{"ita_deg": float("nan")}, {"ita_deg": 3}]) == {"ita_deg": (None, 3.0)}

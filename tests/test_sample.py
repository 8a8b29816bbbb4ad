import numpy as np
import pytest

from facsim.sample import Problem, generator_for, ingested_id, planned_id, seed_for, uniforms


def test_ids_are_fixed_for_ever():
    assert planned_id(0, 0, 0) == "a1a0a8b98c762c26910c7555cb698137"
    assert planned_id(1, 0, 5) == "852033a5811ca0e7d8e1ebfed1f6d1a2"


def test_ids_differ_by_seed_round_and_index():
    ids = {planned_id(s, r, i) for s in range(3) for r in range(3) for i in range(50)}
    assert len(ids) == 450


def test_an_ingested_id_depends_on_path_and_content():
    assert len({ingested_id("a.png", "00"), ingested_id("b.png", "00"), ingested_id("a.png", "01")}) == 3


def test_a_generator_depends_on_the_sample_and_purpose_alone():
    assert generator_for("x", "pose").random() == generator_for("x", "pose").random()
    assert seed_for("x", "pose") != seed_for("x", "light")


def test_uniforms_do_not_depend_on_how_many_are_drawn():
    whole = uniforms(7, "age", np.arange(1000))
    assert np.array_equal(whole[500:510], uniforms(7, "age", np.arange(500, 510)))


def test_uniforms_are_uniform_and_uncorrelated():
    drawn = uniforms(7, "age", np.arange(200_000))
    assert abs(drawn.mean() - 0.5) < 0.005
    assert abs(np.histogram(drawn, 20, (0, 1))[0] / 10_000 - 1).max() < 0.05
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01


def test_a_problem_needs_a_reason_from_the_list():
    with pytest.raises(ValueError, match="not one of"):
        Problem(reason="bad luck")

"""The table of what can be set in a scene is whole."""

from operator import attrgetter

import numpy as np

from facsim.models.casting import sample_person
from facsim.models.identity import roaming_sliders, sample_identity
from facsim.models.scene_parameters import PARAMETERS, PLANNED, belongs_to_person


def test_every_field_of_a_scene_is_described():
    lacking = [path for path, entry in PARAMETERS.items() if entry.meaning == "not described yet"]
    assert not lacking, "describe them in facsim.models.scene_parameters"


def test_every_row_of_the_table_is_a_field_of_a_scene():
    from facsim.models import scene_parameters

    assert set(scene_parameters._ROWS) <= set(PARAMETERS)


def test_text_has_a_closed_list_and_numbers_a_range():
    for entry in PARAMETERS.values():
        assert bool(entry.values) == (entry.kind == "text"), entry.path
        assert entry.low < entry.high, entry.path


def test_what_is_planned_cannot_be_set():
    assert not set(PLANNED) & set(PARAMETERS)


def test_the_sliders_are_those_that_people_differ_in():
    generator = np.random.default_rng(0)
    people = [sample_identity(generator, age_years=30, gender=0.5, ancestry=(0, 0, 1)) for _ in range(60)]
    assert {name for person in people for name in person.shape} == set(roaming_sliders())


def test_random_people_are_within_the_ranges():
    generator = np.random.default_rng(1)
    for _ in range(60):
        identity = sample_identity(generator, age_years=float(generator.uniform(5, 85)), gender=0.5, ancestry=(0, 0, 1))
        person = sample_person(generator, identity, skin_tone_monk=int(generator.integers(1, 11)))
        for path, entry in PARAMETERS.items():
            group, _, name = path.partition(".")
            if hasattr(person, group) and entry.kind == "number":
                assert entry.low <= attrgetter(name)(getattr(person, group)) <= entry.high, path


def test_a_person_keeps_their_skin_and_not_their_light():
    assert belongs_to_person("skin.redness")
    assert belongs_to_person("identity.shape.nose-hump")
    assert not belongs_to_person("light.key.elevation_deg")
    assert not belongs_to_person("action_units.12L")

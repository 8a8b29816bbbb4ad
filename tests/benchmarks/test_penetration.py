"""The penetration benchmark sees what it looks for, and drawn heads show none of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facsim.coding import conflicts, parse_coding
from facsim.models.drawing import draw
from facsim.models.head import Head, load_head


@pytest.fixture
def penetration(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    import penetration

    return penetration


def break_head(monkeypatch, change):
    """Every head drawn from now on has its vertices spoilt by `change`."""
    whole = Head.pose_vertices

    def pose(self, identity, units, *, gaze=(0.0, 0.0)):
        vertices = whole(self, identity, units, gaze=gaze).copy()
        change(self, vertices)
        return vertices

    monkeypatch.setattr(Head, "pose_vertices", pose)


def push_teeth(head, vertices):
    vertices[head.arrays["piece_starts"][4] :, 2] += 0.25


def swell_eyes(head, vertices):
    for rig in head.eyes:
        centre = rig.centre_weights @ vertices[rig.ball]
        vertices[rig.ball] = centre + (vertices[rig.ball] - centre) * np.float32(1.25)


def push_tongue(head, vertices):
    vertices[head.mouth.tongue] += np.array([0.0, 0.05, 0.2], dtype=np.float32)


def drop_upper_lip(head, vertices):
    vertices[head.mouth.rings[:, head.mouth.upper], 1] -= 0.15


BROKEN = {
    "lid in eyeball": (swell_eyes, "43E"),
    "lip in teeth": (push_teeth, "25+26"),
    "tongue in teeth": (push_tongue, "25+26"),
    "lip past lip": (drop_upper_lip, "0"),
}
SEEN = {
    "eye through shut lids": (swell_eyes, "43E"),
    "eye outside lids": (swell_eyes, "0"),
    "mouth's inside through sealed lips": (push_teeth, "0"),
    "mouth's inside outside lips": (push_teeth, "25+26"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_fault_put_into_the_mesh_is_measured(penetration, monkeypatch, fault):
    change, coding = BROKEN[fault]
    scene = replace(penetration.sit(penetration.PEOPLE[0]), action_units=parse_coding(coding))
    assert penetration.measure_depths(load_head(), scene)[fault] < 0.002
    break_head(monkeypatch, change)
    assert penetration.measure_depths(load_head(), scene)[fault] > 0.01


@pytest.mark.parametrize("fault", SEEN)
def test_a_fault_put_into_the_mesh_is_seen_in_the_part_map(penetration, monkeypatch, fault):
    change, coding = SEEN[fault]
    scene = replace(penetration.sit(penetration.PEOPLE[0]), action_units=parse_coding(coding))
    break_head(monkeypatch, change)
    (drawing,) = draw([scene], size_px=penetration.SIZE_PX)
    assert penetration.spot_wrong_parts(load_head(), scene, drawing)[fault] > 0


@pytest.mark.parametrize("name", ["prototypes", "one unit", "lips sealed", "lips parted", "eyes closed"])
def test_random_allowed_faces_have_nothing_deeper_than_half_a_millimetre_in_anything(penetration, name):
    generator = np.random.default_rng(8)
    for _ in range(25):
        case = penetration.sample_case(name, generator)
        scene = replace(penetration.sit(penetration.PEOPLE[1]), action_units=case.units, gaze=case.gaze)
        depths = penetration.measure_depths(load_head(), scene)
        assert max(depth for part, depth in depths.items() if part != "folded") < 0.005, (case, depths)
        assert depths["folded"] < 0.03


@pytest.mark.parametrize("name", ["lips sealed", "lips parted", "eyes closed"])
def test_cases_called_allowed_hold_no_conflict(penetration, name):
    generator = np.random.default_rng(9)
    assert not any(conflicts(penetration.sample_case(name, generator).units) for _ in range(50))

import numpy as np
import pytest

from facsim.errors import FacsimError
from facsim.models.domains import DOMAINS, find_domain
from facsim.models.staging import LIGHT_KINDS


@pytest.mark.parametrize("name", DOMAINS)
def test_equal_generators_give_equal_cameras_and_sensors(name):
    domain = find_domain(name)
    cameras = [domain.camera(np.random.default_rng(3)) for _ in range(2)]
    sensors = [domain.sensor(np.random.default_rng(3)) for _ in range(2)]
    assert cameras[0] == cameras[1] and sensors[0] == sensors[1]


@pytest.mark.parametrize("name", DOMAINS)
def test_heads_stay_readable(name):
    cameras = [DOMAINS[name].camera(np.random.default_rng(seed)) for seed in range(300)]
    assert max(abs(camera.yaw_deg) for camera in cameras) <= 50
    assert max(abs(camera.pitch_deg) for camera in cameras) <= 34
    assert min(camera.crop_scale for camera in cameras) >= 0.6


def test_lights_of_domains_exist():
    assert {kind for domain in DOMAINS.values() for kind in domain.lights or ()} <= set(LIGHT_KINDS)


def test_what_photographs_stood_behind_is_said():
    assert [name for name, domain in DOMAINS.items() if domain.fitted_on] == ["fer2013"]


def test_unknown_domains_are_named_with_the_nearest():
    with pytest.raises(FacsimError, match="studio"):
        find_domain("studioo")

import pytest

from facsim.recipe import parse_recipe
from facsim.runner import run

RECIPE = """
[plan]
count = 24
pictures_per_identity = 2

[[step]]
use = "render"
coding = "scattered"
size_px = 64
extra = ["parts"]
scene = { "camera.crop_scale" = { low = 1.2, high = 1.9 } }
"""


@pytest.fixture(scope="session")
def people_run(tmp_path_factory):
    """A run of 24 renders of twelve people."""
    folder = str(tmp_path_factory.mktemp("people") / "run")
    run(parse_recipe(RECIPE), folder, executor="serial")
    return folder

"""What pictures share."""

import numpy as np

from facsim.models.head import load_head
from facsim.models.studio import measure_openness


def test_hollows_see_less_of_the_surroundings_than_the_forehead() -> None:
    head = load_head()
    openness = measure_openness(head.rest, head.triangles)
    forehead = openness[head.masks["forehead"] > 0.5].mean()
    lining = openness[np.unique(head.triangles[head.parts == 6])].mean()
    assert 0.0 <= openness.min() <= openness.max() <= 1.0
    assert lining < 0.5 * forehead
    assert openness[head.masks["ears"] > 0.5].mean() < 0.9 * forehead

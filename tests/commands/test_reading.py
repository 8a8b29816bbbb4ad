"""Pictures read by commands: progress while they are decoded."""

import numpy as np
from PIL import Image

from facsim.commands.reading import read_shown
from facsim.expressions import SEVEN_EXPRESSIONS
from facsim.learn.data import PictureShape


def test_progress_is_told_while_pictures_are_decoded(tmp_path):
    for place in range(84):
        folder = tmp_path / "faces" / SEVEN_EXPRESSIONS[place % 7]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((16, 16), place, np.uint8)).save(folder / f"{place}.png")
    told = []
    pictures = read_shown(str(tmp_path / "faces"), PictureShape(size_px=16), told.append)
    assert len(pictures) == 84 and told[-1].done == told[-1].total == 84
    assert any(0 < one.done < 84 and one.total == 84 and one.unit == "pictures" for one in told)
    assert len({one.step for one in told}) == 1

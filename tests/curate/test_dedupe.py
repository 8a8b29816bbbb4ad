import numpy as np
import pytest
from PIL import Image

from facsim.curate.dedupe import Dedupe, Hash
from facsim.errors import RecipeError
from facsim.pictures import Encoding, encode_picture, encode_png
from facsim.sample import Sample
from facsim.testing import TableScan


def smooth(seed, side=64):
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def hashed(files):
    samples = [
        Sample(sample_id=f"{i}", values={"image": {"bytes": data, "path": None}}) for i, data in enumerate(files)
    ]
    rows = Hash().open("cpu")(samples)
    return [{"sample_id": f"{i}", "problem": None, **row} for i, row in enumerate(rows)]


def repeats(rows, **settings):
    found = [row for batch in Dedupe(**settings).judge(TableScan(rows=rows)) for row in batch.to_pylist()]
    return [(row["duplicate_of"], row["duplicate_distance"]) for row in found]


def test_equal_pixels_are_duplicates_whatever_the_file():
    one = smooth(1)
    lossless = encode_png(one)
    other = Image.fromarray(one)
    import io

    buffer = io.BytesIO()
    other.save(buffer, "BMP")
    assert repeats(hashed([lossless, encode_png(smooth(2)), buffer.getvalue()])) == [
        (None, None),
        (None, None),
        ("0", 0),
    ]


def test_a_recompressed_copy_is_near_and_not_equal():
    files = [
        encode_png(smooth(1)),
        encode_png(smooth(2)),
        encode_picture(smooth(1), encoding=Encoding(kind="jpeg", quality=60)),
    ]
    assert repeats(hashed(files))[2] == (None, None)
    source, distance = repeats(hashed(files), distance=6)[2]
    assert source == "0"
    assert 0 <= distance <= 6


def test_a_repeat_points_at_a_sample_that_stays():
    copy = encode_picture(smooth(1), encoding=Encoding(kind="jpeg", quality=60))
    found = repeats(hashed([encode_png(smooth(1)), copy, copy]), distance=6)
    assert [source for source, _ in found] == [None, "0", "0"]


def test_sick_samples_repeat_nothing():
    rows = hashed([encode_png(smooth(1)), encode_png(smooth(1))])
    sick = [{**row, "problem": "crashed", "pixel_hash": None, "perceptual_hash": None} for row in rows]
    assert repeats(sick, distance=4) == [(None, None), (None, None)]


def test_a_distance_beyond_reason_is_refused():
    with pytest.raises(RecipeError, match="0 to 16"):
        Dedupe(distance=40)

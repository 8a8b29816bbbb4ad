"""facsim.learn.decoding: the arrays, hashes and reasons of a plain chain of steps, and only what is asked for."""

import io

import numpy as np
import pytest
from PIL import Image

from facsim.curate.hashing import pixel_hash
from facsim.formats.places import PlaceReader
from facsim.learn.data import PictureShape
from facsim.learn.decoding import Piece, Source, decode_piece
from facsim.pictures import PictureError, decode_picture

SHAPES = [PictureShape(size_px=16, colour="grey"), PictureShape(size_px=16, colour="rgb")]
BT601 = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif}


def encoded(width, height):
    """One picture in every way in which the modes, channels and sizes of files differ."""
    rng = np.random.default_rng(width * height)
    colour = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    grey, veil = colour.convert("L"), Image.fromarray(rng.integers(0, 256, (height, width), dtype=np.uint8))
    clear = colour.copy()
    clear.putalpha(veil)
    return [
        saved(colour, "JPEG", quality=90),
        saved(grey, "JPEG"),
        saved(colour, "JPEG", **turned(6)),
        saved(grey, "JPEG", **turned(3)),
        saved(colour.convert("CMYK"), "JPEG"),
        saved(colour),
        saved(grey),
        saved(grey, transparency=7),
        saved(colour.convert("1")),
        saved(colour.quantize(16)),
        saved(colour.quantize(8), transparency=2),
        saved(colour.convert("LA")),
        saved(clear),
        saved(Image.fromarray(rng.integers(0, 65536, (height, width), dtype=np.uint16))),
        saved(colour, "WEBP"),
        saved(colour, "BMP"),
        saved(colour, "JPEG")[:-40],
        b"",
    ]


def plainly(data, shape):
    """By one array after another, none left out: array, hash and reason."""
    try:
        array = decode_picture(data).array
    except PictureError as error:
        return np.zeros((16, 16, 3)[: 3 if shape.colour == "rgb" else 2], np.uint8), 0, error.reason
    side = min(array.shape[:2])
    top, left = (array.shape[0] - side) // 2, (array.shape[1] - side) // 2
    square = np.ascontiguousarray(array[top : top + side, left : left + side])
    if shape.colour == "grey":
        square = np.rint(square.astype(np.float32) @ BT601).astype(np.uint8)
    image = Image.fromarray(square).resize((16, 16), Image.Resampling.BICUBIC)
    return np.asarray(image), int(pixel_hash(array)[:16], 16), ""


def decoded(data, shape, wants="all"):
    piece = Piece(number=0, sources=tuple(Source(name=str(i), at=each) for i, each in enumerate(data)), wants=wants)
    with PlaceReader() as reader:
        return decode_piece(piece, shape, reader)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.colour)
@pytest.mark.parametrize(("width", "height"), [(16, 16), (31, 31), (40, 23), (5, 9), (1, 1)])
def test_every_kind_of_picture_is_what_a_chain_of_arrays_gives(shape, width, height):
    data = encoded(width, height)
    found, expected = decoded(data, shape), [plainly(each, shape) for each in data]
    assert found.reasons == tuple(reason for _, _, reason in expected)
    assert found.hashes.tolist() == [hashed for _, hashed, _ in expected]
    assert all((image == plain).all() for image, (plain, _, _) in zip(found.images, expected, strict=True))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.colour)
def test_what_is_asked_for_alone_is_the_same_and_the_rest_is_not_there(shape):
    data = encoded(20, 30)
    whole, images, hashes = (decoded(data, shape, wants) for wants in ("all", "images", "hashes"))
    assert (images.images == whole.images).all() and not images.hashes.any()
    assert (hashes.hashes == whole.hashes).all() and len(hashes.images) == 0
    assert whole.reasons == images.reasons == hashes.reasons and {"", "empty", "truncated"} == set(whole.reasons)


def test_grey_of_equal_channels_is_their_value():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    as_grey, as_colour = (saved(Image.fromarray(each)) for each in (levels, np.repeat(levels[..., None], 3, axis=2)))
    found = decoded([as_grey, as_colour], SHAPES[0])
    assert (found.images == levels).all() and found.hashes[0] == found.hashes[1]

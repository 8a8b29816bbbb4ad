"""Pictures that a dataset may hold, healthy and sick, drawn here."""

import io
import pickle
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facsim.pictures import (
    PICTURE_NOTES,
    PICTURE_REASONS,
    Encoding,
    PictureError,
    decode_image,
    decode_picture,
    encode_picture,
    encode_png,
    encoding_for,
)
from facsim.sample import REASONS

KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")


def drawn(width=40, height=30):
    """A colour gradient with a dark square in its upper left corner, so that turns and flips show."""
    y, x = np.mgrid[:height, :width]
    array = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=-1).astype(np.uint8)
    array[: height // 4, : width // 4] = 0
    return array


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def refusal(data, **limits):
    with pytest.raises(PictureError) as caught:
        decode_picture(data, **limits)
    return caught.value.reason


def png_declaring(width, height, *, bits=8, colour=2, pixels=b""):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def test_every_picture_reason_is_a_problem_reason():
    assert set(PICTURE_REASONS) <= set(REASONS)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_pictures_come_back_exactly(kind):
    picture = decode_picture(saved(Image.fromarray(drawn()), kind))
    assert np.array_equal(picture.array, drawn()) and picture.notes == () and picture.array.dtype == np.uint8


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_pictures_come_back_closely(kind):
    picture = decode_picture(saved(Image.fromarray(drawn()), kind, quality=95))
    assert np.abs(picture.array.astype(int) - drawn()).mean() < 6 and picture.kind == kind.lower()


def test_no_bytes_are_empty():
    assert refusal(b"") == "empty"


@pytest.mark.parametrize("data", [b"hello", b"<svg/>", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"PK\x03\x04", b"\x00" * 100])
def test_other_files_are_not_pictures(data):
    assert refusal(data) == "not_a_picture"


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_picture_is_truncated(kind):
    data = saved(Image.fromarray(drawn()), kind)
    assert refusal(data[: len(data) // 2]) == "truncated"


@pytest.mark.parametrize(
    "kind, options", [("PNG", {}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("BMP", {})]
)
def test_a_cut_picture_is_refused_or_whole(kind, options):
    data = saved(Image.fromarray(drawn()), kind, **options)
    whole = decode_picture(data).array
    for end in range(1, len(data), 7):
        try:
            assert np.array_equal(decode_picture(data[:end]).array, whole), end
        except PictureError as error:
            assert error.reason in ("truncated", "not_a_picture"), (end, str(error))


def test_damaged_pixels_are_unreadable():
    data = bytearray(saved(Image.fromarray(drawn())))
    data[60:70] = b"\xff" * 10
    assert refusal(bytes(data)) == "unreadable"


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (0, 0)])
def test_a_picture_without_pixels_is_zero_sized(size):
    assert refusal(png_declaring(*size)) == "zero_sized"


def test_a_jpeg_without_pixels_is_zero_sized():
    data = saved(Image.fromarray(drawn()), "JPEG")
    place = data.index(b"\xff\xc0")
    assert refusal(data[: place + 5] + b"\x00\x00\x00\x00" + data[place + 9 :]) == "zero_sized"


def test_a_small_file_20000_px_wide_is_too_large():
    data = saved(Image.new("1", (20_000, 10)))
    assert len(data) < 2_000 and refusal(data) == "too_large"


@pytest.mark.parametrize("size", [(19_999, 19_999), (2**31 - 1, 2**31 - 1), (2**32 - 1, 1)])
def test_a_declared_size_is_judged_before_decoding(size):
    assert refusal(png_declaring(*size)) == "too_large"


@pytest.mark.parametrize("kind", KINDS)
def test_size_limits_hold_for_every_kind(kind):
    data = saved(Image.fromarray(drawn()), kind)
    assert refusal(data, max_side_px=39) == refusal(data, max_pixels=1199) == "too_large"
    assert decode_picture(data, max_side_px=40, max_pixels=1200).array.shape == (30, 40, 3)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "TIFF"])
def test_a_picture_of_two_frames_is_animated(kind):
    frames = [Image.fromarray(drawn()), Image.fromarray(255 - drawn())]
    assert refusal(saved(frames[0], kind, save_all=True, append_images=frames[1:])) == "animated"


def test_a_gif_of_one_frame_is_read():
    assert decode_picture(saved(Image.fromarray(drawn()), "GIF")).notes == ("palette_to_rgb",)


def test_the_first_picture_of_a_multi_picture_jpeg_is_read_and_noted():
    frames = [Image.fromarray(drawn()), Image.fromarray(drawn(20, 15))]
    picture = decode_picture(saved(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert picture.array.shape == (30, 40, 3) and picture.notes == ("first_of_several",)


def test_cmyk_white_and_black_come_out_white_and_black():
    cmyk = Image.new("CMYK", (16, 8), (0, 0, 0, 0))
    cmyk.paste((0, 0, 0, 255), (0, 0, 8, 8))
    picture = decode_picture(saved(cmyk, "JPEG", quality=95))
    assert picture.notes == ("cmyk_to_rgb",)
    assert picture.array[:, :7].max() < 10 and picture.array[:, 9:].min() > 245


def test_16_bit_grey_is_scaled_and_noted():
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    picture = decode_picture(saved(Image.fromarray(values)))
    assert picture.array[0, :, 1].tolist() == [0, 1, 128, 255]
    assert picture.notes == ("grey_to_rgb", "reduced_to_8_bit")


def test_16_bit_colour_is_noted():
    row = struct.pack(">6H", 0, 0x1234, 65535, 0x8000, 0, 0xFF00)
    picture = decode_picture(png_declaring(2, 1, bits=16, pixels=b"\x00" + row))
    assert picture.array.tolist() == [[[0, 0x12, 255], [0x80, 0, 255]]] and picture.notes == ("reduced_to_8_bit",)


@pytest.mark.parametrize("mode, note", [("L", "grey_to_rgb"), ("1", "grey_to_rgb"), ("P", "palette_to_rgb")])
def test_grey_and_palette_pictures_become_rgb(mode, note):
    image = Image.fromarray(drawn()).convert(mode)
    picture = decode_picture(saved(image))
    assert np.array_equal(picture.array, np.array(image.convert("RGB"))) and picture.notes == (note,)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_over_white(mode):
    image = Image.new("RGBA", (4, 2), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 2, 2))
    picture = decode_picture(saved(image.convert(mode)))
    assert picture.array[:, :2].min() == 255 and picture.array[:, 2:].max() == 0
    assert "alpha_over_white" in picture.notes


def test_a_transparent_palette_colour_becomes_white():
    image = Image.new("P", (4, 2), 0)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.paste(1, (2, 0, 4, 2))
    picture = decode_picture(saved(image, transparency=0))
    assert picture.array[0].tolist() == [[255] * 3] * 2 + [[200, 100, 50]] * 2


def test_floats_have_no_faithful_rgb():
    assert refusal(saved(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF")) == "unsupported_mode"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
def test_exif_orientation_is_applied_and_noted(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100} if kind in ("JPEG", "WEBP") else {}
    picture = decode_picture(saved(Image.fromarray(drawn()), kind, exif=exif, **options))
    array = drawn()
    shown = {
        1: array,
        2: array[:, ::-1],
        3: array[::-1, ::-1],
        4: array[::-1],
        5: array.transpose(1, 0, 2),
        6: np.rot90(array, -1),
        7: np.rot90(array, 2).transpose(1, 0, 2),
        8: np.rot90(array),
    }[orientation]
    assert picture.array.shape == shown.shape and np.abs(picture.array.astype(int) - shown).mean() < 6
    assert picture.notes == (() if orientation == 1 else ("exif_orientation",))


def test_damaged_exif_is_noted_and_the_picture_kept():
    data = saved(Image.fromarray(drawn()), "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff" + b"\x01" * 9)
    picture = decode_picture(data)
    assert picture.array.shape == (30, 40, 3) and set(picture.notes) <= {"exif_unreadable"}


def test_an_icc_profile_is_noted():
    picture = decode_picture(saved(Image.fromarray(drawn()), icc_profile=b"x" * 200))
    assert picture.notes == ("icc_ignored",) and np.array_equal(picture.array, drawn())


def test_notes_are_from_the_closed_list():
    image = Image.fromarray(drawn()).convert("LA")
    assert set(decode_picture(saved(image, icc_profile=b"x")).notes) <= set(PICTURE_NOTES)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=6)), max_size=6))
def test_damaged_pictures_are_refused_with_a_reason_or_read(kind, edits):
    data = bytearray(saved(Image.fromarray(drawn()), kind))
    for place, patch in edits:
        start = place % len(data)
        data[start : start + len(patch)] = patch
    try:
        assert decode_picture(bytes(data), max_pixels=1_000_000).array.shape[2] == 3
    except PictureError as error:
        assert error.reason in PICTURE_REASONS


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\x00", b"RIFFxxxxWEBPVP8 ", b""]),
    st.binary(),
)
def test_any_bytes_are_refused_with_a_reason(signature, body):
    try:
        decode_picture(signature + body, max_pixels=1_000_000)
    except PictureError as error:
        assert error.reason in PICTURE_REASONS


def test_a_picture_error_survives_pickle():
    error = pickle.loads(pickle.dumps(PictureError("truncated", "half of it")))
    assert (error.reason, error.detail) == ("truncated", "half of it")


def test_png_round_trip_is_exact_and_repeatable():
    data = encode_png(drawn(112, 112))
    assert data == encode_png(drawn(112, 112)) and np.array_equal(decode_picture(data).array, drawn(112, 112))


def test_grey_arrays_are_written_as_grey_png():
    grey = drawn()[:, :, 0]
    assert np.array_equal(decode_picture(encode_png(grey)).array, np.repeat(grey[:, :, None], 3, axis=2))


def test_pictures_up_to_128_px_are_png_and_larger_ones_webp():
    assert encoding_for(128, 128) == Encoding(kind="png")
    assert encoding_for(129, 64) == Encoding(kind="webp", quality=95)
    assert decode_picture(encode_picture(drawn(200, 150))).kind == "webp"


def test_jpeg_is_written_where_asked():
    picture = decode_picture(encode_picture(drawn(), encoding=Encoding(kind="jpeg", quality=95)))
    assert picture.kind == "jpeg" and np.abs(picture.array.astype(int) - drawn()).mean() < 3


@pytest.mark.parametrize("array", [drawn().astype(float), drawn()[:, :, :2], drawn()[:0]])
def test_only_uint8_pictures_are_encoded(array):
    with pytest.raises(ValueError, match="uint8"):
        encode_png(array)


@pytest.mark.parametrize("kind, quality", [("bmp", None), ("png", 90), ("webp", None)])
def test_impossible_encodings_are_refused(kind, quality):
    with pytest.raises(ValueError):
        Encoding(kind=kind, quality=quality)


@pytest.mark.parametrize(("most", "side"), [(1, 400), (3, 200), (4, 100), (100, 50)])
def test_a_jpeg_is_decoded_at_a_part_of_its_size_where_that_is_allowed(most, side):
    picture = decode_picture(saved(Image.fromarray(drawn(400, 400)), "JPEG", quality=95), most_reduction=most)
    assert picture.array.shape == (side, side, 3)
    assert picture.reduction == 400 // side


def test_other_kinds_are_decoded_whole():
    picture = decode_picture(saved(Image.fromarray(drawn(400, 400)), "PNG"), most_reduction=8)
    assert (picture.array.shape, picture.reduction) == ((400, 400, 3), 1)


def test_a_turned_jpeg_is_reduced_and_turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode_picture(saved(Image.fromarray(drawn(400, 200)), "JPEG", exif=exif), most_reduction=2)
    assert picture.array.shape == (200, 100, 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_image_has_the_pixels_of_the_array(kind, mode):
    data = saved(Image.fromarray(drawn()).convert(mode), kind)
    image = decode_image(data)
    assert image.mode in ("RGB", "L")
    assert (np.array(image.convert("RGB")) == decode_picture(data).array).all()


def test_an_image_is_refused_as_an_array_is():
    with pytest.raises(PictureError, match="not_a_picture"):
        decode_image(b"no picture")

import numpy as np
import pytest

from facsim import picture_memory
from facsim.picture_memory import PictureMemory
from facsim.pictures import Encoding, Picture, PictureError, decode_picture, encode_picture, encode_png


@pytest.fixture
def decoded(monkeypatch):
    """The files that were decoded, in order."""
    found = []

    def counted(data, **options):
        found.append(data)
        return decode_picture(data, **options)

    monkeypatch.setattr(picture_memory, "decode_picture", counted)
    return found


def drawn(seed, side=24):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def test_a_picture_is_decoded_once_and_stays_what_it_was(decoded):
    memory, data = PictureMemory(1 << 20), encode_png(drawn(0))
    first, second = memory.decoded(data), memory.decoded(bytes(bytearray(data)))
    assert decoded == [data]
    assert (first.array == drawn(0)).all()
    assert (second.array == drawn(0)).all()


def test_nobody_can_change_what_others_will_read():
    picture = PictureMemory(1 << 20).decoded(encode_png(drawn(0)))
    with pytest.raises(ValueError, match="read-only"):
        picture.array[0, 0] = 0


def test_what_was_just_encoded_is_not_decoded(decoded):
    memory, data = PictureMemory(1 << 20), encode_png(drawn(3))
    memory.encoded(data, Picture(array=drawn(3), kind="png"))
    assert (memory.decoded(data).array == decode_picture(data).array).all()
    assert memory.decoded(data).kind == "png"
    assert decoded == []


def test_bytes_are_bounded_and_what_was_asked_for_longest_ago_goes(decoded):
    files = [encode_png(drawn(seed)) for seed in range(4)]
    one = max(map(len, files)) + drawn(0).nbytes
    memory = PictureMemory(2 * one)
    memory.decoded(files[0])
    memory.decoded(files[1])
    memory.decoded(files[0])
    memory.decoded(files[2])
    assert memory.held_bytes <= 2 * one
    memory.decoded(files[0])
    assert decoded == files[:3]
    memory.decoded(files[1])
    assert decoded == [*files[:3], files[1]]


def test_a_picture_larger_than_all_is_not_kept(decoded):
    memory, data = PictureMemory(100), encode_png(drawn(0))
    memory.decoded(data)
    assert memory.held_bytes == 0
    memory.decoded(data)
    assert decoded == [data, data]


def test_a_smaller_decoding_of_a_jpeg_is_another_picture():
    memory = PictureMemory(1 << 20)
    data = encode_picture(drawn(0, side=64), encoding=Encoding(kind="jpeg", quality=90))
    assert memory.decoded(data).array.shape == (64, 64, 3)
    assert memory.decoded(data, most_reduction=2).array.shape == (32, 32, 3)
    assert memory.decoded(data, most_reduction=3).array.shape == (32, 32, 3)


def test_limits_hold_for_a_picture_that_is_kept():
    memory, data = PictureMemory(1 << 20), encode_png(drawn(0))
    memory.decoded(data)
    with pytest.raises(PictureError, match="too_large"):
        memory.decoded(data, max_side_px=20)


def test_a_refusal_is_made_each_time_and_nothing_is_kept():
    memory = PictureMemory(1 << 20)
    for _ in range(2):
        with pytest.raises(PictureError, match="not_a_picture"):
            memory.decoded(b"no picture at all")
    assert memory.held_bytes == 0


def test_a_memory_that_forgets_holds_nothing(decoded):
    memory, data = PictureMemory(1 << 20), encode_png(drawn(0))
    memory.decoded(data)
    memory.forget()
    assert memory.held_bytes == 0
    memory.decoded(data)
    assert decoded == [data, data]

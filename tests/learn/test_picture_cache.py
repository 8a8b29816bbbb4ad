"""facsim.learn.picture_cache and reading: decoded once, kept whole or not at all, never trusted when damaged."""

import json
import os
import time

import numpy as np
import pytest

from facsim.errors import FacsimError, FormatError
from facsim.formats import Record, index_records, write_records
from facsim.learn import decode_pool, decoding, reading
from facsim.learn.data import PictureShape, pictures_from, take
from facsim.learn.images import FileImages, ImageRows, StreamedImages
from facsim.learn.picture_cache import CacheEntry, content_key
from facsim.learn.sources import load_pictures
from facsim.pictures import encode_png

COUNT = 60


@pytest.fixture
def faces(tmp_path):
    rng = np.random.default_rng(0)
    records = [
        Record(
            name=f"train/{('anger', 'fear')[i % 2]}/{i:03d}.png",
            image=encode_png(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)),
            expression=("anger", "fear")[i % 2],
            split="train",
        )
        for i in range(COUNT)
    ]
    write_records(records, tmp_path / "faces", format="class_folder")
    return tmp_path / "faces"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FACSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("facsim.learn.picture_cache._SETTLED_S", 0.0)
    monkeypatch.setattr("facsim.learn.picture_cache._BLOCK_BYTES", 7 * 16 * 16)  # nine blocks
    return tmp_path / "cache"


@pytest.fixture
def decoded_names(monkeypatch):
    """The names of the pictures that were decoded, in this process."""
    names = []

    def noting(source, reader):
        names.append(source.name)
        return plainly(source, reader)

    plainly = decoding._bytes_of
    monkeypatch.setattr("facsim.learn.decoding._bytes_of", noting)
    return names


def load(faces, **options):
    return load_pictures(faces, size_px=16, **{"cache": True, **options})


def only(cache, suffix):
    (found,) = cache.glob(f"pictures-*{suffix}")
    return found


def test_a_second_load_decodes_nothing_and_gives_the_same(faces, cache, decoded_names):
    plain, first = load(faces, cache=False), load(faces)
    decoded_names.clear()
    again = load(faces)
    assert decoded_names == [] and plain.fingerprint == first.fingerprint == again.fingerprint
    assert plain.hashes.tolist() == again.hashes.tolist()


def test_the_cache_is_a_plain_numpy_file(faces, cache):
    pictures = load(faces)
    assert (np.load(only(cache, ".npy")) == pictures.images).all()


def test_a_set_larger_than_memory_is_a_read_only_map(faces, cache, monkeypatch):
    held = load(faces)
    monkeypatch.setenv("FACSIM_MEMORY_GB", "0.000001")
    mapped = load(faces)
    assert isinstance(mapped.images, np.memmap) and not mapped.images.flags.writeable
    assert mapped.fingerprint == held.fingerprint


def test_some_rows_of_a_large_set_are_not_copied(faces, cache, monkeypatch):
    monkeypatch.setenv("FACSIM_MEMORY_GB", "0")
    pictures = load(faces)
    rows = np.array([5, 3, 50, 3])
    some = take(take(pictures, np.arange(COUNT) % 3 != 1), np.array([7, 2]))
    chosen = np.flatnonzero(np.arange(COUNT) % 3 != 1)[[7, 2]]
    assert isinstance(some.images, ImageRows) and (some.images[:] == pictures.images[chosen]).all()
    assert some.ids == tuple(pictures.ids[i] for i in chosen)
    assert (take(pictures, rows).images[1:3] == pictures.images[rows[1:3]]).all()


@pytest.mark.parametrize("where", [200, -1, 5000])
def test_a_changed_byte_is_found_and_the_file_made_anew(faces, cache, decoded_names, where):
    good = load(faces).fingerprint
    data = bytearray(only(cache, ".npy").read_bytes())
    data[where] ^= 255
    only(cache, ".npy").write_bytes(data)
    decoded_names.clear()
    assert load(faces).fingerprint == good and len(decoded_names) == COUNT


def test_damage_is_found_in_a_set_that_is_larger_than_memory_too(faces, cache, monkeypatch):
    good = load(faces).fingerprint
    monkeypatch.setenv("FACSIM_MEMORY_GB", "0.000001")
    data = bytearray(only(cache, ".npy").read_bytes())
    data[5000] ^= 255
    only(cache, ".npy").write_bytes(data)
    assert load(faces).fingerprint == good


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("left", [0, 100, 3000])
def test_a_cut_or_empty_file_is_made_anew(faces, cache, suffix, left):
    good = load(faces).fingerprint
    only(cache, suffix).write_bytes(only(cache, suffix).read_bytes()[:left])
    assert load(faces).fingerprint == good


def test_a_touched_but_sound_file_is_used(faces, cache, decoded_names):
    load(faces)
    os.utime(only(cache, ".npy"))
    decoded_names.clear()
    load(faces)
    assert decoded_names == []


def test_a_build_that_stops_goes_on_where_it_was(faces, cache, decoded_names, monkeypatch):
    good = load(faces, cache=False).fingerprint
    decoded_names.clear()
    plainly = decoding._decoded

    def fails_late(*given):
        if len(decoded_names) > 30:
            raise KeyboardInterrupt
        return plainly(*given)

    monkeypatch.setattr("facsim.learn.decoding._decoded", fails_late)
    with pytest.raises(KeyboardInterrupt):
        pictures_from(index_records(faces), shape=PictureShape(size_px=16), cache=True, workers=1)
    assert not list(cache.glob("*.npy")) and len(only(cache, ".journal").read_text().splitlines()) >= 2
    done = {json.loads(line)["block"] for line in only(cache, ".journal").read_text().splitlines()}
    with only(cache, ".journal").open("a") as journal:
        journal.write('{"block": 8, "cr')  # a line that was cut short
    monkeypatch.setattr("facsim.learn.decoding._decoded", plainly)
    decoded_names.clear()
    assert load(faces).fingerprint == good and len(decoded_names) == COUNT - 7 * len(done)
    assert not list(cache.glob("*.part")) and not list(cache.glob("*.journal"))


def test_a_block_that_was_not_all_written_is_decoded_again(faces, cache, decoded_names, monkeypatch):
    good = load(faces, cache=False).fingerprint
    monkeypatch.setattr("facsim.learn.picture_cache._landed", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        load(faces)
    monkeypatch.undo()
    monkeypatch.setenv("FACSIM_CACHE", str(cache))
    monkeypatch.setattr("facsim.learn.picture_cache._BLOCK_BYTES", 7 * 16 * 16)
    data = bytearray(only(cache, ".npy.part").read_bytes())
    data[-300:] = bytes(300)
    only(cache, ".npy.part").write_bytes(data)
    assert load(faces).fingerprint == good


def test_an_edited_picture_has_another_key(faces, cache):
    first = load(faces)
    path = next((faces / "train" / "anger").iterdir())
    path.write_bytes(encode_png(np.zeros((20, 20, 3), np.uint8)))
    assert load(faces).fingerprint != first.fingerprint


def test_the_key_needs_no_picture_and_depends_on_shape_and_order(faces, cache):
    sources = [decoding.Source(name=r.name, at=r.place) for r in index_records(faces)]
    keys = {
        content_key(sources, PictureShape(size_px=16)),
        content_key(sources[::-1], PictureShape(size_px=16)),
        content_key(sources, PictureShape(size_px=16, colour="rgb")),
        content_key(sources[1:], PictureShape(size_px=16)),
    }
    assert len(keys) == 4 and content_key(sources, PictureShape(size_px=16)) in keys


def test_a_file_that_changed_just_now_is_waited_for(faces, monkeypatch):
    sources = [decoding.Source(name=r.name, at=r.place) for r in index_records(faces)]
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    content_key(sources, PictureShape())
    assert len(slept) == 1 and 0 < slept[0] <= 2


def test_the_longest_unused_goes_when_room_is_needed(faces, cache, monkeypatch):
    monkeypatch.setenv("FACSIM_CACHE_GB", str(2.5 * COUNT * 256 / 1e9))
    records, made = list(index_records(faces)), []
    for start in range(3):
        pictures_from(records[start:] + records[:start], shape=PictureShape(size_px=16), cache=True)
        made += [place for place in cache.glob("*.npz") if place not in made]
        os.utime(made[-1], (start, start))
    assert len(made) == 3 and set(cache.glob("*.npz")) == set(made[1:])
    assert {place.stem for place in cache.glob("*.npy")} == {place.stem for place in made[1:]}


def test_using_an_entry_keeps_it(faces, cache):
    load(faces)
    os.utime(only(cache, ".npz"), (1, 1))
    load(faces)
    assert only(cache, ".npz").stat().st_mtime > 1


def test_what_fits_neither_memory_nor_cache_is_decoded_when_asked_for(faces, cache, monkeypatch):
    held = load(faces)
    monkeypatch.setenv("FACSIM_MEMORY_GB", "0")
    monkeypatch.setenv("FACSIM_CACHE_GB", "0")
    streamed = load(faces)
    try:
        assert isinstance(streamed.images, StreamedImages) and streamed.fingerprint == held.fingerprint
        some = take(streamed, np.array([9, 2, 9]))
        assert (some.images[:] == held.images[[9, 2, 9]]).all() and (some.images[1] == held.images[2]).all()
        assert some.shape == held.shape and (np.asarray(some.images) == held.images[[9, 2, 9]]).all()
    finally:
        streamed.images.close()


def test_processes_that_hashed_a_set_stream_it_too(faces, cache, monkeypatch):
    held, started = load(faces), list[object]()
    monkeypatch.setattr(reading, "MANY", 1)
    monkeypatch.setenv("FACSIM_MEMORY_GB", "0")
    monkeypatch.setenv("FACSIM_CACHE_GB", "0")
    plainly = decode_pool._started
    monkeypatch.setattr(decode_pool, "_started", lambda *given: started.append(given) or plainly(*given))
    streamed = pictures_from(index_records(faces), shape=PictureShape(size_px=16), cache=True, workers=1)
    try:
        assert len(started) == 1 and streamed.hashes.tolist() == held.hashes.tolist()
        assert (streamed.images[np.arange(COUNT)] == held.images).all() and len(started) == 1
    finally:
        streamed.images.close()


def test_a_streamed_picture_that_vanishes_is_named(faces, cache, monkeypatch):
    monkeypatch.setenv("FACSIM_MEMORY_GB", "0")
    monkeypatch.setenv("FACSIM_CACHE_GB", "0")
    streamed = load(faces)
    (faces / streamed.ids[4]).unlink()
    try:
        with pytest.raises(FormatError, match=f'"{streamed.ids[4]}"'):
            streamed.images[np.array([1, 4])]
        assert len(streamed.images[np.array([1, 2])]) == 2
    finally:
        streamed.images.close()


def test_a_full_disk_costs_a_small_set_only_the_time(faces, cache, monkeypatch):
    good = load(faces, cache=False).fingerprint
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert load(faces).fingerprint == good and not list(cache.glob("*.part"))


def test_a_full_disk_is_an_error_for_a_set_larger_than_memory(faces, cache, monkeypatch):
    monkeypatch.setenv("FACSIM_MEMORY_GB", "0")
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(FacsimError, match=r"No space left.*FACSIM_CACHE"):
        load(faces)


def test_a_cache_folder_that_cannot_be_written_costs_only_the_time(faces, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FACSIM_CACHE", str(tmp_path / "file" / "cache"))
    assert len(load(faces)) == COUNT
    monkeypatch.setenv("FACSIM_MEMORY_GB", "0")
    with pytest.raises(FacsimError, match="cannot be kept in"):
        load(faces)


@pytest.mark.parametrize("name", ["FACSIM_MEMORY_GB", "FACSIM_CACHE_GB"])
@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf"])
def test_a_setting_that_is_no_size_is_refused(faces, cache, monkeypatch, name, text):
    monkeypatch.setenv(name, text)
    with pytest.raises(FacsimError, match=f'found {name} = "{text}"'):
        load(faces)


def test_processes_find_what_threads_find_and_count_what_is_sick(faces, cache, monkeypatch):
    (faces / "train" / "anger" / "000.png").write_bytes(b"")
    cut = faces / "train" / "fear" / "001.png"
    cut.write_bytes(cut.read_bytes()[:200])
    bomb = faces / "train" / "fear" / "003.png"
    bomb.write_bytes(bomb.read_bytes()[:16] + (2**31 - 1).to_bytes(4, "big") * 2 + bomb.read_bytes()[24:])
    threads = load(faces, cache=False)
    monkeypatch.setattr(reading, "MANY", 1)
    processes, told = load(faces), []
    assert processes.left_out == threads.left_out == {"empty": 1, "truncated": 1, "too_large": 1}
    assert processes.fingerprint == threads.fingerprint
    load(faces, cache=False, on_decoded=lambda done, total: told.append((done, total)))
    assert told[-1] == (COUNT, COUNT)


def test_an_entry_names_its_blocks():
    entry = CacheEntry(folder=None, key="k", shape=(1025, 224, 224, 3))
    blocks = list(entry.blocks())
    assert blocks[0] == (0, slice(0, 55)) and blocks[-1][1].stop == 1025


def test_pictures_that_may_not_be_held_are_read_from_where_they_are_kept(faces, cache):
    records = list(index_records(faces))
    held = pictures_from(records, shape=PictureShape(size_px=16), cache=True)
    kept = pictures_from(records, shape=PictureShape(size_px=16), cache=True, most_held=0)
    assert isinstance(held.images, np.ndarray) and isinstance(kept.images, FileImages)
    assert kept.fingerprint == held.fingerprint and kept.shape == held.shape
    rows = np.array([5, 2, 58])
    assert np.array_equal(kept.images[rows], held.images[rows]) and np.array_equal(kept.images[7], held.images[7])
    some = take(kept, rows)
    assert isinstance(some.images, ImageRows) and np.array_equal(np.asarray(some.images), held.images[rows])


def test_pictures_that_lie_in_a_file_outlive_its_name(faces, cache):
    records = list(index_records(faces))
    kept = pictures_from(records, shape=PictureShape(size_px=16), cache=True, most_held=0)
    before = np.asarray(kept.images)
    for file in cache.glob("pictures-*.npy"):
        file.unlink()
    assert np.array_equal(np.asarray(kept.images), before)

"""facsim.learn.decode_pool: pieces come back whole, and a decoder that dies takes one picture with it."""

import os
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from facsim.errors import FormatError
from facsim.formats.places import Place, container_at
from facsim.learn.data import PictureShape
from facsim.learn.decode_pool import DecodePool, decoded_by_threads
from facsim.learn.decoding import Piece, Source
from facsim.pictures import encode_png

SHAPE = PictureShape(size_px=16)
# Run by every process as it starts: a stand-in for a codec that dies on a hostile picture.
DEADLY = """
import os, sys
if "facsim.learn.decode_worker" in " ".join(sys.orig_argv):
    import facsim.learn.decoding as decoding
    plainly = decoding._decoded
    def decoded(data, *rest):
        if data == b"deadly":
            os._exit(139)
        return plainly(data, *rest)
    decoding._decoded = decoded
"""


def pieces(count=10, each=4):
    rng = np.random.default_rng(0)
    images = [encode_png(rng.integers(0, 256, (16, 16), dtype=np.uint8)) for _ in range(count * each)]
    rows = [Source(name=f"{i}.png", at=image) for i, image in enumerate(images)]
    return [Piece(number=k, sources=tuple(rows[k * each : (k + 1) * each])) for k in range(count)]


def found_by(results):
    return {piece.number: (found.images.tolist(), found.hashes.tolist(), found.reasons) for piece, found in results}


@pytest.mark.parametrize("workers", [1, 3])
def test_processes_and_threads_find_the_same(workers):
    with DecodePool(SHAPE, workers=workers) as pool:
        by_processes = found_by(pool.run(iter(pieces())))
        again = found_by(pool.run(iter(pieces(2))))
    assert by_processes == found_by(decoded_by_threads(pieces(), SHAPE, workers=workers))
    assert len(by_processes) == 10 and again == {k: by_processes[k] for k in (0, 1)}


def test_a_process_that_dies_costs_one_picture_and_is_counted(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(DEADLY)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    good = pieces(4)
    sick = list(good[1].sources)
    sick[2] = Source(name="deadly.png", at=b"deadly")
    with DecodePool(SHAPE, workers=2) as pool:
        found = found_by(pool.run([good[0], Piece(number=1, sources=tuple(sick)), good[2], good[3]]))
    plain = found_by(decoded_by_threads(good, SHAPE, workers=1))
    assert found[1][2] == ("", "", "crashed", "") and {0, 1, 2, 3} == set(found)
    assert all(found[k] == plain[k] for k in (0, 2, 3)) and found[1][0][3] == plain[1][0][3]


def test_a_process_that_cannot_start_is_said(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nos._exit(3) if 'decode_worker' in str(sys.orig_argv) else 0"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with DecodePool(SHAPE, workers=1) as pool, pytest.raises(RuntimeError, match="code 3 before its first piece"):
        list(pool.run(pieces(1)))


@pytest.mark.parametrize("by_processes", [True, False])
def test_a_picture_that_cannot_be_read_is_named(tmp_path, by_processes):
    (tmp_path / "a.png").write_bytes(b"x")
    place = Place(container=container_at(tmp_path / "a.png"), kind="bytes", start=0, length=1)
    (tmp_path / "a.png").unlink()
    sick = [Piece(number=0, sources=(Source(name="anger/a.png", at=place),))]
    with DecodePool(SHAPE, workers=1) as pool, pytest.raises(FormatError, match=r'"anger/a.png": .* cannot be read'):
        list(pool.run(sick) if by_processes else decoded_by_threads(sick, SHAPE, workers=1))


def test_pieces_are_drawn_as_they_are_needed():
    drawn = []

    def coming():
        for piece in pieces(30, 1):
            drawn.append(piece.number)
            yield piece

    with DecodePool(SHAPE, workers=2) as pool:
        running = pool.run(coming())
        next(running)
        assert len(drawn) <= 4
        running.close()
        assert len(list(pool.run(pieces(3)))) == 3


@pytest.mark.parametrize("sick_row", [None, 1])
def test_pictures_are_written_into_an_array_where_one_is_given(tmp_path, monkeypatch, sick_row):
    (tmp_path / "sitecustomize.py").write_text(DEADLY)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    sources = [source for piece in pieces(3) for source in piece.sources]
    whole = Piece(number=0, sources=tuple(sources))
    ((_, plain),) = decoded_by_threads([whole], SHAPE, workers=1)
    expected = plain.images.copy()
    if sick_row is not None:
        sources[sick_row], expected[sick_row] = Source(name="deadly.png", at=b"deadly"), 0
    images = np.full_like(expected, 77)
    parts = [Piece(number=k, sources=tuple(sources[k : k + 4])) for k in (0, 4, 8)]
    with DecodePool(SHAPE, workers=2) as pool:
        found = {piece.number: decoded for piece, decoded in pool.run(parts, into=images)}
    assert (images == expected).all() and all(len(each.images) == 0 for each in found.values())
    reasons = [reason for k in (0, 4, 8) for reason in found[k].reasons]
    assert [row for row, reason in enumerate(reasons) if reason] == ([] if sick_row is None else [sick_row])


def test_hashes_alone_come_without_pictures():
    wanted = [Piece(number=piece.number, sources=piece.sources, wants="hashes") for piece in pieces(3)]
    with DecodePool(SHAPE, workers=2) as pool:
        alone = {piece.number: found for piece, found in pool.run(wanted)}
        whole = {piece.number: found for piece, found in pool.run(pieces(3))}
    assert all((alone[k].hashes == whole[k].hashes).all() and not len(alone[k].images) for k in whole)


def test_several_threads_share_the_processes():
    with DecodePool(SHAPE, workers=2) as pool, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: found_by(pool.run(iter(pieces(6)))), range(8)))
    assert all(one == found[0] for one in found) and len(found[0]) == 6


def test_a_piece_is_written_where_it_says(tmp_path):
    (piece,) = pieces(1)
    place = tmp_path / "images"
    place.write_bytes(bytes(2000))
    with DecodePool(SHAPE, workers=1) as pool:
        ((_, found),) = pool.run([Piece(number=0, sources=piece.sources, path=str(place), offset=100)])
    ((_, plain),) = decoded_by_threads([piece], SHAPE, workers=1)
    assert len(found.images) == 0 and place.read_bytes()[100 : 100 + 1024] == plain.images.tobytes()
    assert found.crc == zlib.crc32(plain.images.data)

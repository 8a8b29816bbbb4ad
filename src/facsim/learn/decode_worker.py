"""The program of one decoding process: `python -m facsim.learn.decode_worker FD SIZE_PX COLOUR`.

Started by `facsim.learn.decode_pool`; takes pickled pieces over a socket and answers each, a message and then the
pictures' bytes. A process of its own, not a fork: nothing of the parent's threads, no need for a user's script to guard
its main module, and a decoder that dies on a hostile picture takes nothing else with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from facsim.errors import FacsimError
from facsim.formats.places import PlaceReader
from facsim.learn.decoding import Decoded, Piece, decode_piece

__all__ = ["main", "serve"]


@dataclass(frozen=True, kw_only=True)
class _Shape:
    size_px: int
    colour: str


def serve(connection: Connection, size_px: int, colour: str) -> None:
    """Answer the parent until it hangs up or sends None."""
    shape = _Shape(size_px=size_px, colour=colour)
    connection.send(("ready", None))
    with PlaceReader() as reader:
        while True:
            piece: Piece | None = connection.recv()
            if piece is None:
                return
            try:
                found = decode_piece(piece, shape, reader)
            except (FacsimError, OSError) as error:
                connection.send(("error", error))
            else:
                _answer(connection, found)


def _answer(connection: Connection, found: Decoded) -> None:
    """All but the pictures as a message, then their plain bytes: the parent reads those to where they belong."""
    connection.send(("done", replace(found, images=found.images[:0])))
    left = found.images.data.cast("B") if len(found.images) else memoryview(b"")
    while left:
        left = left[os.write(connection.fileno(), left) :]


def main() -> None:
    """Serve on the inherited socket; an error of the program goes to the parent as text."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; it ends its workers itself
    connection = Connection(int(sys.argv[1]))
    try:
        serve(connection, int(sys.argv[2]), sys.argv[3])
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone
    except Exception:  # the executor's edge: a broken program is reported whole, by the parent
        with contextlib.suppress(OSError):
            connection.send(("broken", traceback.format_exc()))
        sys.exit(1)


if __name__ == "__main__":
    main()

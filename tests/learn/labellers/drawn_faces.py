"""Faces that nobody rendered: arrays of the right shapes, with landmarks like a face's."""

import numpy as np

from facsim.label_maps import PART_NAMES
from facsim.learn.labellers.faces import Faces

SIDE = 64


def face_points():
    """68 points of a plain face about (32, 32), in iBUG's order: the subject's right is at the left."""
    jaw = [(32 - 20 * np.cos(a), 30 + 22 * np.sin(a)) for a in np.linspace(0, np.pi, 17)]
    brows = [(14 + 3.5 * i, 20) for i in range(5)] + [(36 + 3.5 * i, 20) for i in range(5)]
    nose = [(32, 26 + 3 * i) for i in range(4)] + [(27 + 2.5 * i, 38) for i in range(5)]
    ring = [(-1.0, 0.0), (-0.4, -0.4), (0.4, -0.4), (1.0, 0.0), (0.4, 0.4), (-0.4, 0.4)]
    eyes = [(x + 4 * dx, 26 + 4 * dy) for x in (22, 42) for dx, dy in ring]
    outer = [(32 - 8 * np.cos(a), 44 - 3 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 13)[:12]]
    inner = [(32 - 5 * np.cos(a), 44 - 1.5 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 9)[:8]]
    return np.array([*jaw, *brows, *nose, *eyes, *outer, *inner])


def drawn_faces():
    """Twelve faces of four people: the subject's left eye is blue in the picture, and their right one red."""
    count, points = 12, face_points()
    pictures = np.full((count, SIDE, SIDE, 3), 90, dtype=np.uint8)
    parts = np.zeros((count, SIDE, SIDE), dtype=np.uint8)
    parts[:, 12:54, 10:54] = PART_NAMES.index("skin")
    pictures[:, 12:54, 10:54] = (200, 150, 120)
    for part, colour, x in (("eye_right", (255, 0, 0), 22), ("eye_left", (0, 0, 255), 42)):
        parts[:, 24:29, x - 4 : x + 4] = PART_NAMES.index(part)
        pictures[:, 24:29, x - 4 : x + 4] = colour
    five = np.array([(42, 26), (22, 26), (32, 35), (40, 44), (24, 44)])
    visible = np.ones((count, 68))
    visible[:, :4] = 0  # of the subject's right
    return Faces(
        pictures=pictures,
        parts=parts,
        columns={
            "landmarks_68": np.tile(points, (count, 1, 1)).astype(np.float32),
            "landmarks_5": np.tile(five, (count, 1, 1)).astype(np.float32),
            "landmarks_68_visible": visible.astype(np.float32),
            **{name: np.full(count, value, np.float32) for name, value in zip(ANGLES, (20.0, 5.0, 8.0), strict=True)},
        },
        names={},
        person=np.repeat(np.arange(4), 3),
        held_out=np.repeat([False, False, False, True], 3),
        origin="drawn by a test",
        fingerprint="drawn",
    )


ANGLES = ("yaw_deg", "pitch_deg", "roll_deg")

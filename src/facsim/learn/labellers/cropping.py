"""Crops of renders as label models will meet them: cut out by points or boxes that are a little wrong, mirrored, by a
camera of any quality, and sometimes from a picture that ends at the face.

Everything is drawn for the whole batch from (seed, step). Outside the picture its border goes on, as in the stage
`align`; so it does outside a window drawn for some pictures, as in crops that were made by others.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from facsim.facs import key_of_column, mirrored_key
from facsim.learn.augment import NO_AUGMENTATION, Augmentation, augment, scaled_augmentation
from facsim.learn.labellers.faces import Faces
from facsim.models.classifier import nchw
from facsim.models.face_crop import fit_box, fit_similarity, moved, template_points

__all__ = ["MIRRORED_68", "Crop", "FaceBatch", "crop_faces", "mirrored_columns"]


def _mirrored_68() -> NDArray[np.int64]:
    pairs = [(i, 16 - i) for i in range(8)] + [(17 + i, 26 - i) for i in range(5)] + [(31, 35), (32, 34)]
    pairs += [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    pairs += [(48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67)]
    order = np.arange(68)
    for one, other in pairs:
        order[one], order[other] = other, one
    return order


MIRRORED_68 = _mirrored_68()
"""int64 (68,): which landmark of a picture is at each place of its mirror image (iBUG's order)."""

_MIRRORED_5 = np.array([1, 0, 2, 4, 3])


@dataclass(frozen=True, kw_only=True)
class Crop:
    """How faces are cut out: side in px, colour, and around what.

    `around` is a template's name (`facsim.models.face_crop.TEMPLATES`), fitted to the five points, or "box", a square
    `scale` times the box of the 68 landmarks. In training, points move by `jitter` of the distance between the eyes
    (each for itself), boxes by `shift` of their side and in size by exp(±`log_scale`), both turn by `turn_deg`;
    `windowed` of the pictures end near the face; `strength` scales the camera's faults (`facsim.learn.augment`).
    """

    size_px: int
    colour: str = "rgb"
    around: str = "wide"
    scale: float = 1.3
    jitter: float = 0.06
    shift: float = 0.08
    log_scale: float = 0.15
    turn_deg: float = 10.0
    windowed: float = 0.35
    strength: float = 1.0
    mirror: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceBatch:
    """B crops: `pictures` (B, C, S, S) float32 in [0, 1]; `rows` int64 (B,) of the faces; `mirrored` bool (B,);
    `matrices` (B, 2, 3), render px → crop px, mirroring included; `landmarks` float32 (B, 68, 2) and `five` (B, 5, 2),
    crop px, sides already swapped where mirrored; `parts` int64 (B, S, S) or None."""

    pictures: Tensor
    rows: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    matrices: NDArray[np.float64]
    landmarks: NDArray[np.float32]
    five: NDArray[np.float32]
    parts: Tensor | None = field(default=None)


def crop_faces(faces: Faces, rows: NDArray[np.int64], crop: Crop, *, seed: int | None) -> FaceBatch:
    """The crops of these rows: exact ones where `seed` is None, else as drawn from it.

    `faces` needs the columns `landmarks_68` and `landmarks_5`.
    """
    generator = np.random.default_rng(0 if seed is None else seed)
    training = seed is not None
    mirrored = generator.random(len(rows)) < 0.5 if training and crop.mirror else np.zeros(len(rows), dtype=bool)
    landmarks, five = faces.columns["landmarks_68"][rows], faces.columns["landmarks_5"][rows]
    matrices = _matrices(landmarks, five, crop, generator=generator if training else None)
    matrices[mirrored] = _mirror(matrices[mirrored], crop.size_px)
    windows = _windows(landmarks, faces.pictures.shape[1], crop, generator) if training else None
    pictures = nchw(torch.from_numpy(np.ascontiguousarray(faces.pictures[rows])))
    sampled = _sampled(pictures, matrices, crop.size_px, windows=windows, mode="bilinear")
    if crop.colour == "grey":
        sampled = (sampled * torch.tensor([0.299, 0.587, 0.114])[None, :, None, None]).sum(dim=1, keepdim=True)
    if training:
        torch_generator = torch.Generator().manual_seed(int(generator.integers(2**62)))
        sampled = augment(sampled, _photometric(crop.strength), generator=torch_generator)
    parts = None
    if faces.parts is not None:
        maps = torch.from_numpy(np.ascontiguousarray(faces.parts[rows])).float()[:, None]
        parts = _sampled(maps, matrices, crop.size_px, windows=windows, mode="nearest")[:, 0].round().long()
    points, fives = moved(landmarks, matrices), moved(five, matrices)
    points[mirrored], fives[mirrored] = points[mirrored][:, MIRRORED_68], fives[mirrored][:, _MIRRORED_5]
    return FaceBatch(
        pictures=sampled.clamp(0, 1),
        rows=rows,
        mirrored=mirrored,
        matrices=matrices,
        landmarks=points.astype(np.float32),
        five=fives.astype(np.float32),
        parts=parts,
    )


def mirrored_columns(names: tuple[str, ...]) -> NDArray[np.int64]:
    """Of columns of action units, sided or not (`AU12L`, `AU17`): which stands for each in a mirror image."""
    keys = [key_of_column(name) for name in names]
    swapped = [f"AU{mirrored_key(key)}" if key is not None else name for name, key in zip(names, keys, strict=True)]
    return np.array([names.index(name) for name in swapped])


def _photometric(strength: float) -> Augmentation:
    """The camera's faults alone: geometry and mirroring are drawn here."""
    if strength == 0:
        return NO_AUGMENTATION
    return replace(scaled_augmentation(strength), flip_p=0.0, rotation_deg=0.0, log_scale=0.0, shift=0.0)


def _matrices(
    landmarks: NDArray[np.float32], five: NDArray[np.float32], crop: Crop, *, generator: np.random.Generator | None
) -> NDArray[np.float64]:
    if crop.around == "box":
        boxes = np.concatenate([landmarks.min(axis=1), landmarks.max(axis=1)], axis=1)
        matrices = np.asarray(fit_box(boxes, scale=crop.scale, size_px=crop.size_px), dtype=np.float64)
        return matrices if generator is None else _shaken(matrices, crop, generator)
    points = np.asarray(five, dtype=np.float64)
    if generator is not None:
        apart = np.linalg.norm(points[:, 0] - points[:, 1], axis=1)
        tall = np.linalg.norm(points[:, :2].mean(axis=1) - points[:, 3:].mean(axis=1), axis=1)
        reach = np.maximum(apart, tall)  # of a face in profile the eyes are near each other
        points = points + generator.normal(0.0, crop.jitter, points.shape) * reach[:, None, None]
    return np.asarray(fit_similarity(points, template_points(crop.around, size_px=crop.size_px)), dtype=np.float64)


def _shaken(matrices: NDArray[np.float64], crop: Crop, generator: np.random.Generator) -> NDArray[np.float64]:
    """Crops turned, zoomed and shifted about their middle."""
    count, half = len(matrices), crop.size_px / 2
    angle = np.radians(generator.uniform(-crop.turn_deg, crop.turn_deg, count))
    zoom = np.exp(generator.uniform(-crop.log_scale, crop.log_scale, count))
    shift = generator.uniform(-crop.shift, crop.shift, (count, 2)) * crop.size_px
    turn = np.stack([np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], 1)
    linear = turn * zoom[:, None, None]
    offset = half + shift - (linear @ np.full(2, half))
    moved_linear = linear @ matrices[:, :, :2]
    moved_offset = (linear @ matrices[:, :, 2:])[..., 0] + offset
    return np.concatenate([moved_linear, moved_offset[..., None]], axis=2)


def _mirror(matrices: NDArray[np.float64], size_px: int) -> NDArray[np.float64]:
    flipped = matrices.copy()
    flipped[:, 0] *= -1
    flipped[:, 0, 2] += size_px
    return flipped


def _windows(
    landmarks: NDArray[np.float32], side: int, crop: Crop, generator: np.random.Generator
) -> NDArray[np.float64]:
    """(N, 4) left, top, right, bottom px: the whole picture, or a frame a few per cent beyond the landmarks."""
    boxes = np.concatenate([landmarks.min(axis=1), landmarks.max(axis=1)], axis=1).astype(np.float64)
    reach = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    room = generator.uniform(-0.03, 0.15, (len(boxes), 4)) * reach
    framed = boxes + room * [-1, -1, 1, 1]
    whole = np.broadcast_to([0.0, 0.0, side, side], framed.shape)
    chosen = generator.random(len(boxes)) < crop.windowed
    return np.clip(np.where(chosen[:, None], framed, whole), 0, side)


def _sampled(
    pictures: Tensor, matrices: NDArray[np.float64], size_px: int, *, windows: NDArray[np.float64] | None, mode: str
) -> Tensor:
    """(N, C, size, size): the pictures (N, C, S, S) through `matrices`; outside the windows their border goes on."""
    side = pictures.shape[-1]
    linear = np.linalg.inv(matrices[:, :, :2])
    offset = -(linear @ matrices[:, :, 2:])[..., 0]
    place = np.arange(size_px) + 0.5
    x = linear[:, None, None, 0, 0] * place[None, None, :] + linear[:, None, None, 0, 1] * place[None, :, None]
    y = linear[:, None, None, 1, 0] * place[None, None, :] + linear[:, None, None, 1, 1] * place[None, :, None]
    x, y = x + offset[:, None, None, 0], y + offset[:, None, None, 1]
    if windows is not None:
        x = np.clip(x, windows[:, None, None, 0] + 0.5, windows[:, None, None, 2] - 0.5)
        y = np.clip(y, windows[:, None, None, 1] + 0.5, windows[:, None, None, 3] - 0.5)
    grid = torch.from_numpy(np.stack([x, y], axis=-1) * (2 / side) - 1).float()
    return functional.grid_sample(pictures, grid, mode=mode, padding_mode="border", align_corners=False)

"""Pictures with none to five rendered faces of any size on any ground: what the detector learns from.

Faces are cut out along their part maps, or stand in their own picture as in a collage, or fill the whole picture. The
grounds are plain, gradients, noise, or corners of other renders; shapes, some of them the colour of skin, lie about.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from facsim.learn.labellers.faces import Faces
from facsim.models.boxes import overlaps

__all__ = ["Composite", "compose", "photographed"]

_Generator = np.random.Generator
_COUNTS = (0.14, 0.48, 0.16, 0.10, 0.07, 0.05)
"""Shares of pictures with 0, 1, … 5 faces."""

_SIZES_ALONE, _SIZES_TOGETHER = (0.08, 1.15), (0.08, 0.45)
"""The larger side of a face's box, as a share of the picture's side."""

_TURN_DEG = 25.0
_CROWDED = 0.05
"""Faces that would share more of their boxes are left out."""

_BARS_P, _BARS = 0.4, 128
_GREY_P, _BLUR_P, _COARSE_P, _NOISE_P, _JPEG_P = 0.25, 0.25, 0.2, 0.3, 0.15
_LOG_GAMMA, _LOG_CONTRAST, _BRIGHTNESS = 0.4, 0.4, 35.0
_SKIN = np.array([(240, 208, 182), (198, 148, 112), (120, 80, 56), (70, 48, 36)])


@dataclass(frozen=True, kw_only=True, eq=False)
class Composite:
    """`picture` uint8 (S, S, 3) and `boxes` float64 (K, 4): left, top, right, bottom px of each face's 68 landmarks,
    which may reach beyond the picture; a face whose middle is not in the picture does not count."""

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float64]


def compose(faces: Faces, row: int, others: NDArray[np.int64], *, size_px: int, generator: _Generator) -> Composite:
    """A picture with the face of `row`, or none, and perhaps some of `others`. `faces` has parts and `landmarks_68`."""
    count = int(generator.choice(len(_COUNTS), p=_COUNTS))
    corner = faces.pictures[int(generator.choice(others))]
    canvas = _ground(corner, size_px, generator)
    _draw_shapes(canvas, generator)
    boxes = np.zeros((0, 4))
    rows = [row, *generator.choice(others, max(count - 1, 0))][:count]
    for at in rows:
        placed = _place(faces, int(at), size_px, generator, alone=count == 1)
        if not len(boxes) or overlaps(placed.box[None], boxes).max() <= _CROWDED:
            canvas = _pasted(canvas, placed, generator, alone=count == 1)
            boxes = np.concatenate([boxes, placed.box[None]])
    return _barred(np.asarray(canvas), boxes, generator)


def photographed(picture: NDArray[np.uint8], generator: _Generator) -> NDArray[np.uint8]:
    """The picture uint8 (S, S, 3) as a worse camera takes it: other light, grey, blurred, coarse, noisy, compressed.

    In eight bits, as `facsim.learn.augment` does in floats at five times the cost.
    """
    gamma, contrast = np.exp(generator.uniform(-1, 1, 2) * (_LOG_GAMMA, _LOG_CONTRAST))
    levels = 255 * (np.arange(256) / 255) ** gamma
    levels = (levels - 110) * contrast + 110 + generator.uniform(-1, 1) * _BRIGHTNESS
    chance = generator.random(5)
    image = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)[picture])
    if chance[0] < _GREY_P:
        image = image.convert("L").convert("RGB")
    if chance[1] < _BLUR_P:
        image = image.filter(ImageFilter.GaussianBlur(float(generator.uniform(0.2, 1.3))))
    if chance[2] < _COARSE_P:
        small = int(image.size[0] * generator.uniform(0.4, 0.95))
        image = image.resize((small, small), Image.Resampling.BOX).resize(image.size, Image.Resampling.BILINEAR)
    if chance[3] < _NOISE_P:
        width = int(generator.integers(3, 40))
        noise = generator.integers(-width, width + 1, picture.shape, dtype=np.int16)
        image = Image.fromarray(np.clip(np.asarray(image, dtype=np.int16) + noise, 0, 255).astype(np.uint8))
    if chance[4] < _JPEG_P:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(generator.integers(15, 90)))
        image = Image.open(file)
    return np.asarray(image)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Placed:
    """A face ready to be pasted: its picture and mask, where their corner comes, and its box in the canvas."""

    picture: Image.Image
    mask: Image.Image
    corner: tuple[int, int]
    box: NDArray[np.float64]


def _place(faces: Faces, row: int, size_px: int, generator: _Generator, *, alone: bool) -> _Placed:
    low, high = np.log(_SIZES_ALONE if alone else _SIZES_TOGETHER)
    points = faces.columns["landmarks_68"][row].astype(np.float64)
    reach = float((points.max(axis=0) - points.min(axis=0)).max())
    side = max(round(faces.pictures.shape[1] * np.exp(generator.uniform(low, high)) * size_px / reach), 8)
    picture, mask = _face_and_mask(faces, row)
    points = points * (side / faces.pictures.shape[1])
    if generator.random() < 0.5:
        picture, mask = (image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in (picture, mask))
        points[:, 0] = side - points[:, 0]
    picture = picture.resize((side, side), Image.Resampling.BILINEAR)
    mask = mask.resize((side, side), Image.Resampling.BILINEAR)
    turn_deg = float(generator.uniform(-_TURN_DEG, _TURN_DEG))
    picture, mask = (image.rotate(-turn_deg, Image.Resampling.BILINEAR) for image in (picture, mask))
    turn = np.radians(turn_deg)
    points = (points - side / 2) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + side / 2
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    middle = (box[:2] + box[2:]) / 2
    half = np.minimum((box[2:] - box[:2]) / 2 * 0.8, size_px * 0.46)  # a fifth of a half may lie outside
    corner = np.rint(generator.uniform(half, size_px - half) - middle)
    return _Placed(
        picture=picture,
        mask=mask,
        corner=(int(corner[0]), int(corner[1])),
        box=box + np.tile(corner, 2),
    )


def _face_and_mask(faces: Faces, row: int) -> tuple[Image.Image, Image.Image]:
    assert faces.parts is not None
    shown = Image.fromarray(np.where(np.asarray(faces.parts[row]) > 0, 255, 0).astype(np.uint8))
    return Image.fromarray(np.asarray(faces.pictures[row])), shown.filter(ImageFilter.BoxBlur(1))


def _pasted(canvas: Image.Image, placed: _Placed, generator: _Generator, *, alone: bool) -> Image.Image:
    """The canvas with the face: cut out, with its own square of ground, or (alone) with its ground everywhere."""
    chance = generator.random()
    if alone and chance < 0.35:
        wide = _widened(placed, canvas.size[0])
        canvas.paste(wide, (0, 0))
        canvas.paste(placed.picture, placed.corner, placed.mask)
    elif chance < 0.6:
        canvas.paste(placed.picture, placed.corner, _whole(placed.mask))
    else:
        canvas.paste(placed.picture, placed.corner, placed.mask)
    return canvas


def _whole(mask: Image.Image) -> Image.Image:
    """An ellipse or square of the mask's size inside what a turned picture still fills."""
    side, whole = mask.size[0], Image.new("L", mask.size)
    edge = side * 0.06
    ImageDraw.Draw(whole).rectangle((edge, edge, side - edge, side - edge), fill=255)
    return whole


def _widened(placed: _Placed, size_px: int) -> Image.Image:
    """The face's picture with its border going on over the whole canvas."""
    side = placed.picture.size[0]
    x, y = (np.clip(np.arange(size_px) - corner, side * 0.1, side * 0.9).astype(int) for corner in placed.corner)
    return Image.fromarray(np.asarray(placed.picture)[y][:, x])


def _ground(corner: NDArray[np.uint8], size_px: int, generator: _Generator) -> Image.Image:
    kind = int(generator.integers(4))
    if kind == 0:
        small = generator.integers(0, 256, (1, 1, 3))
    elif kind == 1:
        small = generator.integers(0, 256, (2, 2, 3))
    elif kind == 2:
        cells = int(generator.integers(3, 65))
        small = np.clip(
            generator.normal(generator.uniform(0, 255, 3), generator.uniform(5, 80), (cells, cells, 3)), 0, 255
        )
    else:
        reach = int(generator.integers(16, 44))
        small = np.asarray(corner)[:reach, :: int(generator.choice([-1, 1]))][:, :reach]
    way = Image.Resampling.NEAREST if generator.random() < 0.1 else Image.Resampling.BICUBIC
    return Image.fromarray(small.astype(np.uint8)).resize((size_px, size_px), way)


def _draw_shapes(canvas: Image.Image, generator: _Generator) -> None:
    """Up to eight ellipses, rectangles and lines, a third of them the colour of some skin."""
    draw, side = ImageDraw.Draw(canvas), canvas.size[0]
    for _ in range(int(generator.integers(0, 9)) if generator.random() < 0.6 else 0):
        skin = np.clip(_SKIN[generator.integers(len(_SKIN))] + generator.normal(0, 15, 3), 0, 255)
        colour = skin if generator.random() < 0.33 else generator.integers(0, 256, 3)
        fill = (int(colour[0]), int(colour[1]), int(colour[2]))
        middle, half = generator.uniform(0, side, 2), np.exp(generator.uniform(np.log(2), np.log(side / 2), 2))
        frame = tuple(float(value) for value in [*(middle - half), *(middle + half)])
        kind = int(generator.integers(3))
        if kind == 0:
            draw.ellipse(frame, fill=fill)
        elif kind == 1:
            draw.rectangle(frame, fill=fill)
        else:
            draw.line(frame, fill=fill, width=int(generator.integers(1, 8)))


def _barred(picture: NDArray[np.uint8], boxes: NDArray[np.float64], generator: _Generator) -> Composite:
    """Sometimes with grey bars on two sides, as a picture that is not square has when it is searched."""
    side = len(picture)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    low, high = np.zeros(2), np.full(2, float(side))
    if generator.random() < _BARS_P:
        axis, bar = int(generator.integers(2)), int(generator.uniform(0.0, 0.25) * side)
        low[axis], high[axis] = bar, side - bar
        barred = np.full_like(picture, _BARS)
        inside = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
        barred[inside] = picture[inside]
        picture = barred
    there = ((middles >= low) & (middles < high)).all(axis=1)
    return Composite(picture=picture, boxes=boxes[there])

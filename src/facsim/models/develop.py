"""From linear light to pixels: lens blur, vignetting, noise, tone curve (Warp kernels), then grey, low resolution,
JPEG (Pillow)."""

# Warp reads `float(0.0)` as a variable and `0.0` as a constant, and compiles no tuples to search.
# ruff: noqa: UP018
# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportAssignmentType=false, reportGeneralTypeIssues=false, reportInvalidTypeForm=false

import io

import numpy as np
import warp as wp
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from facsim.models.materials import Look
from facsim.models.noise import bell_hash, fold_seed
from facsim.models.scene import Sensor

__all__ = ["expose_pictures", "finish_picture"]

wp.set_module_options({"enable_backward": False})

_REACH = wp.constant(4)
"""Pixels to each side that the lens's blur takes in; deviations up to 1.6 px fit."""

_SHARPENING_RADIUS = 0.016
"""Deviation of the blur that sharpening works against, in shares of the picture's side."""


@wp.func
def _blur_weight(offset: int, deviation: float) -> float:
    t = float(offset) / wp.max(deviation, 0.05)
    return wp.exp(-0.5 * t * t)


@wp.kernel
def _blur(
    looks: wp.array(dtype=Look), across: int, light: wp.array3d(dtype=wp.vec3), blurred: wp.array3d(dtype=wp.vec3)
):
    picture, row, column = wp.tid()
    size = light.shape[1]
    deviation = looks[picture].blur * float(size)
    reach = wp.min(int(2.5 * deviation + 0.5), _REACH)
    total = light[picture, row, column]
    weight = float(1.0)
    for offset in range(1, reach + 1):
        share = _blur_weight(offset, deviation)
        weight += 2.0 * share
        if across == 1:
            total += light[picture, row, wp.max(column - offset, 0)] * share
            total += light[picture, row, wp.min(column + offset, size - 1)] * share
        else:
            total += light[picture, wp.max(row - offset, 0), column] * share
            total += light[picture, wp.min(row + offset, size - 1), column] * share
    blurred[picture, row, column] = total / weight


@wp.func
def _tone(x: float) -> float:
    """Linear light to a display value in 0–1: a soft shoulder above 0.7, then the sRGB curve (IEC 61966-2-1)."""
    y = wp.max(x, 0.0)
    if y > 0.6:
        y = 0.6 + 0.4 * (1.0 - wp.exp(-(y - 0.6) / 0.4))
    if y <= 0.0031308:
        return 12.92 * y
    return 1.055 * wp.pow(y, 1.0 / 2.4) - 0.055


@wp.func
def _grade(value: float, contrast: float) -> float:
    """Contrast about mid-grey, soft at both ends."""
    x = wp.clamp(value, 0.0, 1.0)
    bent = 0.5 + (x - 0.5) * contrast
    if contrast > 1.0:
        # a smooth step has slope 1.5 in the middle
        share = wp.min((contrast - 1.0) * 2.0, 1.0)
        bent = wp.lerp(x, x * x * (3.0 - 2.0 * x), share)
    return wp.clamp(bent, 0.0, 1.0)


@wp.kernel
def _expose(
    looks: wp.array(dtype=Look),
    gains: wp.array(dtype=wp.float32),
    light: wp.array3d(dtype=wp.vec3),
    picture_bytes: wp.array4d(dtype=wp.uint8),
):
    picture, row, column = wp.tid()
    look = looks[picture]
    size = light.shape[1]
    x = (float(column) + 0.5) / float(size) - 0.5
    y = (float(row) + 0.5) / float(size) - 0.5
    dim = gains[picture] * (1.0 - look.vignetting * 1.4 * (x * x + y * y))
    value = wp.cw_mul(light[picture, row, column], look.white_balance) * dim
    field = fold_seed(look.seed, 91)
    common = bell_hash(field, column, row, 0)
    for channel in range(3):
        grain = 0.75 * common + 0.66 * bell_hash(field, column, row, 1 + channel)
        # shot noise grows with the root of the light; 0.2 is mid-grey
        spread = 2.0 * look.noise * wp.sqrt(0.2 * wp.max(value[channel], 0.0) + 0.004)
        value[channel] = _tone(value[channel] + spread * grain)
    luma = 0.299 * value[0] + 0.587 * value[1] + 0.114 * value[2]
    for channel in range(3):
        graded = _grade(luma + (value[channel] - luma) * look.saturation, look.contrast)
        picture_bytes[picture, row, column, channel] = wp.uint8(graded * 255.0 + 0.5)


def expose_pictures(looks: wp.array, light: wp.array, gains: np.ndarray) -> np.ndarray:
    """Pictures (B, S, S, 3) uint8 sRGB from linear `light` (B, S, S) of vec3 and a factor per picture (B,)."""
    device = looks.device
    half, whole = wp.empty_like(light), wp.empty_like(light)
    wp.launch(_blur, dim=light.shape, inputs=[looks, 1, light], outputs=[half], device=device)
    wp.launch(_blur, dim=light.shape, inputs=[looks, 0, half], outputs=[whole], device=device)
    pictures = wp.empty((*light.shape, 3), dtype=wp.uint8, device=device)
    factors = wp.array(gains.astype(np.float32), dtype=wp.float32, device=device)
    wp.launch(_expose, dim=light.shape, inputs=[looks, factors, whole], outputs=[pictures], device=device)
    return pictures.numpy()


def finish_picture(picture: np.ndarray, sensor: Sensor, *, seed: int = 0, mirrored: bool = False) -> np.ndarray:
    """The picture (S, S, 3) uint8 as it would be stored: marked, made grey, drawn small and large again, sharpened,
    compressed, as `sensor` says. `seed` chooses the mark, which is mirrored where the scene is."""
    image = Image.fromarray(picture)
    if sensor.watermark > 0.0:
        mark = _draw_mark(image.width, np.random.default_rng([seed, 23]), sensor.watermark)
        image.paste(mark[1], mask=ImageOps.mirror(mark[0]) if mirrored else mark[0])
    if sensor.grey:
        image = image.convert("L")
    small = max(1, round(sensor.resolution * image.width))
    if small < image.width:
        image = image.resize((small, small), Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC)
    if sensor.sharpening > 0.0:
        radius = _SHARPENING_RADIUS * image.width
        image = image.filter(
            ImageFilter.UnsharpMask(radius=radius, percent=round(100 * sensor.sharpening), threshold=0)
        )
    if sensor.jpeg_quality is not None:
        stored = io.BytesIO()
        image.save(stored, "JPEG", quality=sensor.jpeg_quality)
        image = Image.open(stored, formats=("JPEG",))
    return np.asarray(image.convert("RGB"))


def _draw_mark(side: int, generator: np.random.Generator, opacity: float) -> tuple[Image.Image, tuple[int, int, int]]:
    """A mask (S, S) of a word somewhere over the middle and lower part of a picture, and the grey to write it in."""
    letters = "".join(generator.choice(list("aceimnorstuw"), int(generator.integers(5, 13))))
    font = ImageFont.load_default(side * float(generator.uniform(0.1, 0.24)))
    place = side * generator.uniform((-0.3, 0.3), (0.4, 0.85))
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).text((float(place[0]), float(place[1])), letters, font=font, fill=round(255 * opacity))
    level = int(generator.choice([20, 230], p=[0.25, 0.75]))
    return mask, (level, level, level)

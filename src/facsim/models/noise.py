"""Noise fields for Warp kernels: the same number for the same integer seed and place, on every device and in any
order.

Values come from an integer hash of (seed, lattice point) and nothing else, so a picture's pores, strands and backdrop
do not depend on its batch. The hash is Jarzynski and Olano's `pcg3d` ("Hash Functions for GPU Rendering", JCGT 9(3),
2020), its seed folded in by one round of PCG.
"""

# Warp reads `float(0.0)` as a variable and `0.0` as a constant, and compiles no tuples to search.
# ruff: noqa: UP018
# What Warp compiles is not what a type checker reads: structs are values there and vectors have no static length.
# pyright: reportArgumentType=false, reportOperatorIssue=false

import warp as wp

__all__ = ["bell_hash", "cell_noise", "fold_seed", "hash_unit", "layered_noise", "smooth_noise"]

wp.set_module_options({"enable_backward": False})


@wp.func
def fold_seed(seed: int, salt: int) -> wp.uint32:
    """A seed for one of a picture's fields: `seed` mixed with the field's own `salt`."""
    state = wp.uint32(seed) * wp.uint32(747796405) + wp.uint32(salt) * wp.uint32(1403630843) + wp.uint32(277803737)
    word = ((state >> ((state >> wp.uint32(28)) + wp.uint32(4))) ^ state) * wp.uint32(277803737)
    return (word >> wp.uint32(22)) ^ word


@wp.func
def hash_unit(seed: wp.uint32, x: int, y: int, z: int) -> float:
    """A number in [0, 1) for the lattice point (x, y, z)."""
    a = (wp.uint32(x) ^ seed) * wp.uint32(1664525) + wp.uint32(1013904223)
    b = wp.uint32(y) * wp.uint32(1664525) + wp.uint32(1013904223)
    c = (wp.uint32(z) + seed) * wp.uint32(1664525) + wp.uint32(1013904223)
    a = a + b * c
    b = b + c * a
    c = c + a * b
    a = a ^ (a >> wp.uint32(16))
    b = b ^ (b >> wp.uint32(16))
    c = c ^ (c >> wp.uint32(16))
    a = a + b * c
    return float(a >> wp.uint32(8)) * (1.0 / 16777216.0)


@wp.func
def bell_hash(seed: wp.uint32, x: int, y: int, z: int) -> float:
    """A nearly normal number of mean 0 and deviation 1 for a lattice point: four uniform ones added up."""
    total = hash_unit(seed, x, y, z) + hash_unit(seed + wp.uint32(1), x, y, z)
    total += hash_unit(seed + wp.uint32(2), x, y, z) + hash_unit(seed + wp.uint32(3), x, y, z)
    return (total - 2.0) * 1.7320508


@wp.func
def smooth_noise(seed: wp.uint32, p: wp.vec3) -> float:
    """Value noise in [-1, 1] at `p`, one lattice cell per unit, smooth to the first derivative."""
    x = int(wp.floor(p[0]))
    y = int(wp.floor(p[1]))
    z = int(wp.floor(p[2]))
    fx = p[0] - float(x)
    fy = p[1] - float(y)
    fz = p[2] - float(z)
    fx = fx * fx * (3.0 - 2.0 * fx)
    fy = fy * fy * (3.0 - 2.0 * fy)
    fz = fz * fz * (3.0 - 2.0 * fz)
    near = wp.lerp(
        wp.lerp(hash_unit(seed, x, y, z), hash_unit(seed, x + 1, y, z), fx),
        wp.lerp(hash_unit(seed, x, y + 1, z), hash_unit(seed, x + 1, y + 1, z), fx),
        fy,
    )
    far = wp.lerp(
        wp.lerp(hash_unit(seed, x, y, z + 1), hash_unit(seed, x + 1, y, z + 1), fx),
        wp.lerp(hash_unit(seed, x, y + 1, z + 1), hash_unit(seed, x + 1, y + 1, z + 1), fx),
        fy,
    )
    return 2.0 * wp.lerp(near, far, fz) - 1.0


@wp.func
def layered_noise(seed: wp.uint32, p: wp.vec3, footprint: float) -> float:
    """Three octaves of `smooth_noise`, those finer than `footprint` (in units of `p`) faded out; roughly in [-1, 1]."""
    total = float(0.0)
    scale = float(1.0)
    weight = float(0.5714)
    for octave in range(3):
        fade = wp.clamp(1.5 - footprint * scale, 0.0, 1.0)
        if fade > 0.0:
            total += fade * weight * smooth_noise(seed + wp.uint32(octave), p * scale)
        scale = scale * 2.0
        weight = weight * 0.5
    return total


@wp.func
def cell_noise(seed: wp.uint32, p: wp.vec3, density: float) -> wp.vec2:
    """The nearest feature point's distance (in cells) and its own number in [0, 1), over 2x2x2 cells around `p`.

    A cell holds a point with probability `density`; the distance is 9 where none of the eight does.
    """
    x0 = int(wp.floor(p[0] - 0.5))
    y0 = int(wp.floor(p[1] - 0.5))
    z0 = int(wp.floor(p[2] - 0.5))
    nearest = float(9.0)
    mark = float(0.0)
    for k in range(8):
        x = x0 + (k % 2)
        y = y0 + ((k // 2) % 2)
        z = z0 + (k // 4)
        if hash_unit(seed, x, y, z) < density:
            dx = float(x) + 0.25 + 0.5 * hash_unit(seed + wp.uint32(11), x, y, z) - p[0]
            dy = float(y) + 0.25 + 0.5 * hash_unit(seed + wp.uint32(12), x, y, z) - p[1]
            dz = float(z) + 0.25 + 0.5 * hash_unit(seed + wp.uint32(13), x, y, z) - p[2]
            distance = wp.sqrt(dx * dx + dy * dy + dz * dz)
            if distance < nearest:
                nearest = distance
                mark = hash_unit(seed + wp.uint32(14), x, y, z)
    return wp.vec2(nearest, mark)

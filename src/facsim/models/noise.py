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


_LATTICE = """
    const int x = (int)floorf(px), y = (int)floorf(py), z = (int)floorf(pz);
    float fx = px - (float)x, fy = py - (float)y, fz = pz - (float)z;
    fx = fx * fx * (3.0f - 2.0f * fx);
    fy = fy * fy * (3.0f - 2.0f * fy);
    fz = fz * fz * (3.0f - 2.0f * fz);
    const unsigned m = 1664525u, n = 1013904223u;
    const unsigned a0 = ((unsigned)(x) ^ seed) * m + n, a1 = ((unsigned)(x + 1) ^ seed) * m + n;
    const unsigned b0 = (unsigned)(y) * m + n, b1 = (unsigned)(y + 1) * m + n;
    const unsigned c0 = ((unsigned)(z) + seed) * m + n, c1 = ((unsigned)(z + 1) + seed) * m + n;
"""

_BLEND = """
    const float near = edges[0] * (1.0f - fy) + edges[1] * fy;
    const float far = edges[2] * (1.0f - fy) + edges[3] * fy;
    return 2.0f * (near * (1.0f - fz) + far * fz) - 1.0f;
"""

_ON_GPU = """
    float values[8];
    for (int k = 0; k < 8; ++k) {
        unsigned a = k & 4 ? a1 : a0, b = k & 1 ? b1 : b0, c = k & 2 ? c1 : c0;
        a += b * c; b += c * a; c += a * b;
        a ^= a >> 16; b ^= b >> 16; c ^= c >> 16;
        a += b * c;
        values[k] = (float)(a >> 8) * (1.0f / 16777216.0f);
    }
    float edges[4];
    for (int k = 0; k < 4; ++k) edges[k] = values[k] * (1.0f - fx) + values[k + 4] * fx;
"""

_ON_CPU = """
    typedef unsigned int Eight __attribute__((vector_size(32)));
    typedef int Signed __attribute__((vector_size(16)));
    typedef float Four __attribute__((vector_size(16)));
    Eight a = {a0, a0, a0, a0, a1, a1, a1, a1};
    Eight b = {b0, b1, b0, b1, b0, b1, b0, b1};
    Eight c = {c0, c0, c1, c1, c0, c0, c1, c1};
    a += b * c; b += c * a; c += a * b;
    a ^= a >> 16; b ^= b >> 16; c ^= c >> 16;
    a += b * c;
    a >>= 8;
    const Four low = __builtin_convertvector((Signed)__builtin_shufflevector(a, a, 0, 1, 2, 3), Four);
    const Four high = __builtin_convertvector((Signed)__builtin_shufflevector(a, a, 4, 5, 6, 7), Four);
    const float unit = 1.0f / 16777216.0f, rest = 1.0f - fx;
    const Four left = low * unit * rest;
    const Four right = high * unit * fx;
    const Four edges = left + right;
"""

_CORNERS = (
    "#if defined(__CUDA_ARCH__)\n"
    "struct Once { static __device__ __noinline__ float at(unsigned seed, float px, float py, float pz) {"
    f"{_LATTICE}{_ON_GPU}{_BLEND}"
    "} };\n"
    "return Once::at(seed, p[0], p[1], p[2]);\n"
    "#else\n"
    "const float px = p[0], py = p[1], pz = p[2];"
    f"{_LATTICE}{_ON_CPU}{_BLEND}"
    "#endif\n"
)
"""The eight corners of a lattice cell at once. On a CPU they are lanes of one vector, which Warp does not make of its
own functions. On a GPU they are a function that is called: the shading kernel has some sixty such calls, and with all
of them written out its program is several times what a multiprocessor keeps at hand."""


@wp.func_native(_CORNERS)
def smooth_noise(seed: wp.uint32, p: wp.vec3) -> float:  # pyright: ignore[reportReturnType]
    """Value noise in [-1, 1] at `p`, one lattice cell per unit, smooth to the first derivative."""
    ...


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

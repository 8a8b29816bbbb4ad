"""Eight neighbouring samples against a triangle at once: the inner loop of `facsim.models.raster`, in C++.

Warp turns a loop over samples into code for one at a time; on a CPU these are lanes of one vector, several times
quicker. A GPU runs the same arithmetic sample by sample, in the same order, and no expression here is one that a
compiler would fuse, so both give what Warp's own functions would.
"""

# pyright: reportInvalidTypeForm=false, reportReturnType=false

import warp as wp

__all__ = ["BLOCK", "meet_block"]

BLOCK = wp.constant(8)
"""Samples in a block."""

# Edges are grown by a share of 1e-5 of the triangle, so that rounding leaves no crack between neighbours.
_MEET = """
    const int picture = at[0], row = at[1], first = at[2], triangle = at[3];
    const int left = span[0], right = span[1], rotated = span[2], store = span[3];
    const float slack = -1.0e-5f;
    const float x = rotated ? 0.75f - 0.5f * (row % 2) : 0.5f;
    const float even = ((float)row + (rotated ? 0.25f : 0.5f)) - c[1];
    const float odd = ((float)row + (rotated ? 0.75f : 0.5f)) - c[1];
    long long* line = (long long*)((char*)visible.data + visible.strides[0] * picture + visible.strides[1] * row);
    int met = 0;
#if defined(__CUDA_ARCH__)
    for (int lane = 0; lane < 8; ++lane) {
        const int column = first + lane;
        if (column < left || column > right) continue;
        const float dx = ((float)column + x) - c[0], dy = lane % 2 ? odd : even;
        const float us = u[0] * dx, ur = u[1] * dy, vs = v[0] * dx, vr = v[1] * dy;
        const float p = us + ur, q = vs + vr, r = 1.0f - p - q;
        if (p < slack || q < slack || r < slack) continue;
        const float da = p * u[2], db = q * v[2], dc = r * c[2];
        const float depth = da + db + dc;
        if (!(depth > 0.0f && depth < 1.0f)) continue;
        const long long packed = ((long long)__float_as_int(depth) << 32) | triangle;
        if (packed >= line[column]) continue;
        met |= 1 << lane;
        if (store) wp::atomic_min(visible, picture, row, column, wp::int64(packed));
    }
#else
    typedef int Ints __attribute__((vector_size(32)));
    typedef float Floats __attribute__((vector_size(32)));
    typedef long long Longs __attribute__((vector_size(64)));
    const Ints lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    const Ints column = lanes + first;
    const Floats dx = (__builtin_convertvector(column, Floats) + x) - c[0];
    const Floats dy = {even, odd, even, odd, even, odd, even, odd};
    const Floats us = u[0] * dx, ur = u[1] * dy, vs = v[0] * dx, vr = v[1] * dy;
    const Floats p = us + ur, q = vs + vr, r = 1.0f - p - q;
    Ints inside = (p >= slack) & (q >= slack) & (r >= slack) & (column >= left) & (column <= right);
    if (!__builtin_reduce_or(inside)) return 0;
    const Floats da = p * u[2], db = q * v[2], dc = r * c[2];
    const Floats depth = (da + db) + dc;
    inside &= (depth > 0.0f) & (depth < 1.0f);
    const Longs packed = (__builtin_convertvector((Ints)depth, Longs) << 32) | (long long)triangle;
    if (first + 8 <= visible.shape[2]) {
        Longs held;
        __builtin_memcpy(&held, line + first, sizeof(held));
        const Longs nearer = __builtin_convertvector(inside, Longs) & (packed < held);
        const Longs kept = (nearer & packed) | (~nearer & held);
        if (store) __builtin_memcpy(line + first, &kept, sizeof(kept));
        const Ints bits = __builtin_convertvector(nearer, Ints) & (Ints){1, 2, 4, 8, 16, 32, 64, 128};
        met = __builtin_reduce_or(bits);
    } else {
        for (int lane = 0; lane < 8; ++lane) {
            if (!inside[lane] || packed[lane] >= line[first + lane]) continue;
            met |= 1 << lane;
            if (store) line[first + lane] = packed[lane];
        }
    }
#endif
    return met;
"""


@wp.func_native(_MEET)
def meet_block(
    visible: wp.array3d(dtype=wp.int64), at: wp.vec4i, span: wp.vec4i, u: wp.vec3, v: wp.vec3, c: wp.vec3
) -> int:
    """Which of eight samples of a row lie in a triangle and nearer than what they hold, as bits of a number.

    `at`: picture, row, first column (even), triangle. `span`: the columns that count, first and last; 1 for the
    rotated grid, else 0; 1 to write the triangle into those samples, else 0. `u`, `v`: the weight of the triangle's
    first and second corner as slopes in x and y from its third corner `c`, and that corner's depth. (Packed depths: see
    `facsim.models.raster`.)
    """
    ...

/* The highest of many numbers: how high they are, where they stand, and putting them in order. */
#ifndef AGENTCTX_HIGHEST_H
#define AGENTCTX_HIGHEST_H

#include "kernels.h"

#include <string.h>

#define STRETCH 64 /* scores that are compared together */

#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Add the places of the flags that are 1. */
ALWAYS_INLINE Py_ssize_t add_flagged(const uint8_t *flags, int32_t first, int32_t *rows, Py_ssize_t count) {
    uint64_t bits = 0;
    for (int i = 0; i < STRETCH; i += 8) {
        uint64_t eight;
        memcpy(&eight, flags + i, sizeof eight);
        bits |= (eight * 0x0102040810204080u >> 56) << i; /* the lowest bit of each of eight bytes, side by side */
    }
    for (; bits; bits &= bits - 1) rows[count++] = first + __builtin_ctzll(bits);
    return count;
}
#else
ALWAYS_INLINE Py_ssize_t add_flagged(const uint8_t *flags, int32_t first, int32_t *rows, Py_ssize_t count) {
    for (int i = 0; i < STRETCH; i++) {
        if (flags[i]) rows[count++] = first + i;
    }
    return count;
}
#endif

/* About the least of the `wanted` highest of some scores, as a sample of them tells; minus infinity if they are few, or
 * it would be below `floor`. allowed: where it is 0 there is no score; NULL where there are all. 0, or -1 without
 * memory. */
int about_least_of(const float *scores, const uint8_t *allowed, Py_ssize_t size, Py_ssize_t wanted, float floor,
                   float *least);

/* The score that would stand at `place` if some scores, one at least, were in ascending order. 0, or -1. */
int ranked(const float *scores, Py_ssize_t size, Py_ssize_t place, float *score);

/* How many scores a sample for the `wanted` highest goes on from one to the next. */
Py_ssize_t step_for(Py_ssize_t size, Py_ssize_t wanted);

/* Write to `rows` the rows whose scores are `bar` or higher, the first one's being `first`; how many. There is room for
 * all. */
Py_ssize_t at_least(const float *scores, Py_ssize_t size, float bar, int32_t first, int32_t *rows);

/* Put rows in order of their scores, the highest first; equal ones stay as they stand. */
int put_in_order(int32_t *rows, float *scores, Py_ssize_t size);

#endif

/* How near a moment is to a range of time. */
#ifndef AGENTCTX_TIMES_H
#define AGENTCTX_TIMES_H

#include "kernels.h"

ALWAYS_INLINE double share_left(double far, double width) {
    double left = 1 - far / width;
    return left < 0 ? 0 : left > 1 ? 1 : left;
}

/* The difference wraps around as numpy's does: moments may be as far apart as numbers go. */
ALWAYS_INLINE double apart(int64_t later, int64_t sooner) { return (double)(int64_t)((uint64_t)later - (uint64_t)sooner); }

/* 1 inside a range of time, falling to 0 on both sides: the twin of memory/nearness.py. bounds: its beginning and end.
 * widths: how far the fall goes behind it, and before it. */
ALWAYS_INLINE float closeness(int64_t moment, const int64_t *bounds, const double *widths) {
    if (moment >= bounds[1]) return (float)share_left(apart(moment, bounds[1]), widths[0]);
    if (moment < bounds[0]) return (float)share_left(apart(bounds[0], moment), widths[1]);
    return 1;
}

#endif

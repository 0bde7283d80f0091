/* Exact products of a query with vectors held as 16-bit numbers, and the rows of the highest of many scores.
 *
 * The twins are in agentctx/index: vector_rows.py and highest.py.
 */
#include "vectors.h"

#include "highest.h"

#include <math.h>
#include <string.h>

#define LANES 16   /* partial sums of a product, whatever the processor: its last bit is the same everywhere */
#define AHEAD 4    /* rows that are asked for before they are needed, as they lie apart */
#define LINE 64    /* bytes that come from memory together */
#define TOGETHER 8 /* bytes that are looked at in one go */
#define LONG 16384 /* rows that may take more than a millisecond */

/* Vectors of a base or a tail. */
typedef struct {
    const int16_t *fixed;
    const float *scale;
    Py_ssize_t stride;
} Vectors;

ALWAYS_INLINE float product(const int16_t *fixed, const float *query, Py_ssize_t width) {
    float lanes[LANES] = {0};
    Py_ssize_t at = 0;
    for (; at + LANES <= width; at += LANES) {
        for (int lane = 0; lane < LANES; lane++) lanes[lane] += (float)fixed[at + lane] * query[at + lane];
    }
    for (int lane = 0; at + lane < width; lane++) lanes[lane] += (float)fixed[at + lane] * query[at + lane];
    for (int half = LANES / 2; half; half /= 2) {
        for (int lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    }
    return lanes[0];
}

/* The products with rows that lie anywhere; 0 if one that is asked for is nowhere. held: the base and the tail. */
FOR_NEWER_PROCESSORS
static int score_each(const Vectors *held, const Asked *asked, const Array *query, float *found) {
    Py_ssize_t places[BLOCK], size = asked->rows->size, base = asked->base, width = query->size;
    for (Py_ssize_t first = 0; first < size; first += BLOCK) {
        Py_ssize_t count = size - first < BLOCK ? size - first : BLOCK;
        const int16_t *at[BLOCK + AHEAD];
        if (!find_places(asked, first, count, places)) return 0;
        for (Py_ssize_t i = 0; i < count; i++) {
            const Vectors *vectors = &held[places[i] >= base];
            places[i] -= places[i] >= base ? base : 0;
            at[i] = vectors->fixed + places[i] * vectors->stride;
            found[first + i] = vectors->scale[places[i]];
        }
        for (int i = 0; i < AHEAD; i++) at[count + i] = at[count - 1];
        for (Py_ssize_t i = 0; i < count; i++) {
            for (Py_ssize_t n = 0; n < width; n += LINE / 2) __builtin_prefetch(at[i + AHEAD] + n);
            found[first + i] *= product(at[i], query->data, width);
        }
    }
    return 1;
}

static KERNEL(score_rows) {
    enum { BASE, TAIL, BASE_SCALE, TAIL_SCALE, PLACE, ROWS, QUERY, FOUND, ARRAYS };
    Expected expected[ARRAYS] = {
        {"base", "i2", 2, READ},       {"tail", "i2", 2, READ},
        {"base_scale", "f4", 1, READ}, {"tail_scale", "f4", 1, READ},
        {"place", "i4", 1, READ | OPTIONAL}, {"rows", "i8", 1, READ},
        {"query", "f4", 1, READ},      {"found", "f4", 1, WRITE},
    };
    Array arrays[ARRAYS];
    if (!counted("score_rows", given, ARRAYS)) return NULL;
    expected[ROWS].kind = kind_of_rows(arguments[ROWS]);
    if (take_arrays(arrays, arguments, expected, ARRAYS) < 0) return NULL;
    const Array *base = &arrays[BASE], *tail = &arrays[TAIL], *rows = &arrays[ROWS], *query = &arrays[QUERY];
    PyObject *result = NULL;
    Asked asked;
    if (base->width != query->size || tail->width != query->size) {
        refuse("query", "as long as the vectors");
    } else if (arrays[BASE_SCALE].size < base->size || arrays[TAIL_SCALE].size < tail->size) {
        refuse("base_scale and tail_scale", "as long as there are vectors, or longer, as while some are appended");
    } else if (arrays[FOUND].size != rows->size) {
        refuse("found", "as long as rows");
    } else if (take_asked(&asked, rows, &arrays[PLACE], base->size, tail->size)) {
        const Vectors held[] = {
            {base->data, arrays[BASE_SCALE].data, base->stride},
            {tail->data, arrays[TAIL_SCALE].data, tail->stride},
        };
        PyThreadState *released = rows->size > LONG ? PyEval_SaveThread() : NULL;
        int known = score_each(held, &asked, query, arrays[FOUND].data);
        if (released != NULL) PyEval_RestoreThread(released);
        result = known ? Py_NewRef(Py_None) : refuse("rows", "rows that there are");
    }
    release_arrays(arrays, ARRAYS);
    return result;
}

/* ---- the highest ------------------------------------------------------------------------------------------------ */

/* Keep of some rows those that are allowed: how many, or -1 if one of them is nowhere. */
static Py_ssize_t keep_allowed(int32_t *rows, float *scores, Py_ssize_t size, const Array *allowed) {
    const uint8_t *open = allowed->data;
    Py_ssize_t kept = 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        int32_t row = rows[i];
        if (row < 0 || row >= allowed->size) return -1;
        rows[kept] = row;
        scores[kept] = scores[i];
        kept += open[row] != 0;
    }
    return kept;
}

/* Keep of some rows those of the scores that are not below a bar: how many. */
FOR_NEWER_PROCESSORS
static Py_ssize_t keep_high(int32_t *rows, float *scores, Py_ssize_t size, float bar) {
    uint8_t high[BLOCK];
    Py_ssize_t kept = 0;
    for (Py_ssize_t first = 0; first < size; first += BLOCK) {
        Py_ssize_t count = size - first < BLOCK ? size - first : BLOCK;
        for (Py_ssize_t i = 0; i < count; i++) high[i] = scores[first + i] >= bar;
        memset(high + count, 0, (size_t)(BLOCK - count));
        for (Py_ssize_t i = 0; i < count; i += TOGETHER) {
            uint64_t any;
            memcpy(&any, high + i, sizeof any);
            if (!any) continue; /* as in most stretches */
            for (Py_ssize_t k = i; k < i + TOGETHER; k++) {
                if (!high[k]) continue;
                rows[kept] = rows[first + k];
                scores[kept++] = scores[first + k];
            }
        }
    }
    return kept;
}

static KERNEL(best_first) {
    enum { ROWS, SCORES, ALLOWED, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"rows", "i4", 1, WRITE}, {"scores", "f4", 1, WRITE}, {"allowed", "b1", 1, READ | OPTIONAL},
    };
    Array arrays[ARRAYS];
    if (!counted("best_first", given, ARRAYS + 1)) return NULL;
    Py_ssize_t most = PyLong_AsSsize_t(arguments[ARRAYS]), size;
    if (PyErr_Occurred() || take_arrays(arrays, arguments, expected, ARRAYS) < 0) return NULL;
    int32_t *rows = arrays[ROWS].data;
    float *scores = arrays[SCORES].data, least;
    PyObject *result = NULL;
    size = arrays[ROWS].size;
    if (arrays[SCORES].size != size) {
        refuse("scores", "as long as rows");
    } else if (arrays[ALLOWED].data != NULL && (size = keep_allowed(rows, scores, size, &arrays[ALLOWED])) < 0) {
        refuse("rows", "rows that there are");
    } else if (about_least_of(scores, NULL, size, most, -INFINITY, &least) == 0) {
        size = keep_high(rows, scores, size, least);
        if (put_in_order(rows, scores, size) == 0) result = PyLong_FromSsize_t(size);
    }
    release_arrays(arrays, ARRAYS);
    return result;
}

PyMethodDef vectors_methods[] = {
    {"best_first", (PyCFunction)(void (*)(void))best_first, METH_FASTCALL, NULL},
    {"score_rows", (PyCFunction)(void (*)(void))score_rows, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

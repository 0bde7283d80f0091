/* What short codes tell about products with a query, and the cells that they choose.
 *
 * Codes lie side by side, a column a row: first the words of signs, then two floats in one word. The twins are in
 * agentctx/index: codes.py and vectors.py.
 */
#include "vectors.h"

#include <string.h>

#define LONG 524288 /* codes that take more than a millisecond */
#define LINE 64     /* bytes that come from memory together */
#define FETCHED 256 /* rows of a cell, most of which have fewer, that are asked for before it is their turn */

/* A query against codes: the signs of its words, the cosine by how many signs differ, what all products share. */
typedef struct {
    const uint64_t *signs;
    const float *says;
    float same;
    Py_ssize_t words;
} Aim;

/* An aim, of its three arguments, at the codes of some arrays; 0 with an error set if they do not fit. */
static int take_aim(Aim *aim, const Array *signs, const Array *says, PyObject *same, const Array *codes, int arrays) {
    *aim = (Aim){signs->data, says->data, (float)PyFloat_AsDouble(same), signs->size};
    if (PyErr_Occurred()) return 0;
    int fit = 1;
    for (int i = 0; i < arrays; i++) fit &= codes[i].size == aim->words + 1;
    if (!fit) {
        refuse("signs", "of as many words as the codes have");
    } else if (says->size <= aim->words * WORD) {
        refuse("says", "one longer than a code has signs");
        fit = 0;
    }
    return fit;
}

/* What the code that begins `at` tells. */
ALWAYS_INLINE float estimate(const Aim *aim, Py_ssize_t words, const uint64_t *at, Py_ssize_t stride) {
    Py_ssize_t differ = 0;
    for (Py_ssize_t word = 0; word < words; word++) {
        differ += __builtin_popcountll(at[word * stride] ^ aim->signs[word]);
    }
    float numbers[2];
    memcpy(numbers, at + words * stride, sizeof numbers);
    float product = aim->says[differ] * numbers[0];
    product += numbers[1];
    return product + aim->same;
}

ALWAYS_INLINE void estimate_side_by_side(const Aim *aim, Py_ssize_t words, const uint64_t *at, Py_ssize_t stride,
                                  Py_ssize_t count, float *found) {
    for (Py_ssize_t i = 0; i < count; i++) found[i] = estimate(aim, words, at + i, stride);
}

/* The estimates of the codes from `first` up to `end`. */
FOR_NEWER_PROCESSORS
static void estimate_run(const Aim *aim, const Array *codes, Py_ssize_t first, Py_ssize_t end, float *found) {
    const uint64_t *at = (const uint64_t *)codes->data + first;
    if (aim->words == 4) { /* of 256 numbers, as most vectors have */
        estimate_side_by_side(aim, 4, at, codes->stride, end - first, found);
    } else {
        estimate_side_by_side(aim, aim->words, at, codes->stride, end - first, found);
    }
}

/* The estimates of codes that lie anywhere; 0 if a row asked for is nowhere. codes: of the base and of the tail. */
FOR_NEWER_PROCESSORS
static int estimate_each(const Aim *aim, const Array *codes, const Asked *asked, float *found) {
    Py_ssize_t places[BLOCK], size = asked->rows->size, base = asked->base;
    for (Py_ssize_t first = 0; first < size; first += BLOCK) {
        Py_ssize_t count = size - first < BLOCK ? size - first : BLOCK;
        if (!find_places(asked, first, count, places)) return 0;
        for (Py_ssize_t i = 0; i < count; i++) {
            const Array *held = &codes[places[i] >= base];
            const uint64_t *at = (const uint64_t *)held->data + places[i] - (places[i] >= base ? base : 0);
            found[first + i] = aim->words == 4 ? estimate(aim, 4, at, held->stride)
                                               : estimate(aim, aim->words, at, held->stride);
        }
    }
    return 1;
}

/* The same of all codes, in the order of their rows; 0 if that leads beyond these. */
static int estimate_ordered(const Aim *aim, const Array *codes, const int32_t *order, float *found, Py_ssize_t rows) {
    float block[BLOCK];
    for (Py_ssize_t first = 0; first < codes->width; first += BLOCK) {
        Py_ssize_t count = codes->width - first < BLOCK ? codes->width - first : BLOCK;
        estimate_run(aim, codes, first, first + count, block);
        for (Py_ssize_t i = 0; i < count; i++) {
            int32_t row = order[first + i];
            if (row < 0 || row >= rows) return 0;
            found[row] = block[i];
        }
    }
    return 1;
}

static KERNEL(estimate_all) {
    enum { CODES, ORDER, FOUND, SIGNS, SAYS, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"codes", "u8", 2, READ}, {"order", "i4", 1, READ | OPTIONAL}, {"found", "f4", 1, WRITE},
        {"signs", "u8", 1, READ}, {"says", "f4", 1, READ},
    };
    Array arrays[ARRAYS];
    if (!counted("estimate_all", given, ARRAYS + 1)) return NULL;
    if (take_arrays(arrays, arguments, expected, ARRAYS) < 0) return NULL;
    const Array *codes = &arrays[CODES], *order = &arrays[ORDER], *found = &arrays[FOUND];
    PyObject *result = NULL;
    Aim aim;
    if (found->size != codes->width || (order->data != NULL && order->size != codes->width)) {
        refuse("order and found", "as long as there are codes");
    } else if (take_aim(&aim, &arrays[SIGNS], &arrays[SAYS], arguments[ARRAYS], codes, 1)) {
        int known = 1;
        PyThreadState *released = codes->width > LONG ? PyEval_SaveThread() : NULL;
        if (order->data == NULL) estimate_run(&aim, codes, 0, codes->width, found->data);
        else known = estimate_ordered(&aim, codes, order->data, found->data, found->size);
        if (released != NULL) PyEval_RestoreThread(released);
        result = known ? Py_NewRef(Py_None) : refuse("order", "of rows that there are");
    }
    release_arrays(arrays, ARRAYS);
    return result;
}

static KERNEL(estimate_rows) {
    enum { BASE, TAIL, PLACE, ROWS, FOUND, SIGNS, SAYS, ARRAYS };
    Expected expected[ARRAYS] = {
        {"base", "u8", 2, READ},   {"tail", "u8", 2, READ},   {"place", "i4", 1, READ | OPTIONAL},
        {"rows", "i8", 1, READ},   {"found", "f4", 1, WRITE}, {"signs", "u8", 1, READ},
        {"says", "f4", 1, READ},
    };
    Array arrays[ARRAYS];
    if (!counted("estimate_rows", given, ARRAYS + 1)) return NULL;
    expected[ROWS].kind = kind_of_rows(arguments[ROWS]);
    if (take_arrays(arrays, arguments, expected, ARRAYS) < 0) return NULL;
    const Array *base = &arrays[BASE], *tail = &arrays[TAIL], *rows = &arrays[ROWS], *found = &arrays[FOUND];
    PyObject *result = NULL;
    Aim aim;
    Asked asked;
    if (found->size != rows->size) {
        refuse("found", "as long as rows");
    } else if (take_aim(&aim, &arrays[SIGNS], &arrays[SAYS], arguments[ARRAYS], base, 2) &&
               take_asked(&asked, rows, &arrays[PLACE], base->width, tail->width)) {
        int known = estimate_each(&aim, base, &asked, found->data);
        result = known ? Py_NewRef(Py_None) : refuse("rows", "rows that there are");
    }
    release_arrays(arrays, ARRAYS);
    return result;
}

/* ---- cells ------------------------------------------------------------------------------------------------------ */

/* Cells in order: offsets of so many of them that ascend from 0 on, which is checked. */
static int ascending(const Array *offsets, Py_ssize_t cells) {
    const int64_t *offset = offsets->data;
    int up = offsets->size == cells + 1 && offset[0] >= 0;
    for (Py_ssize_t cell = 0; up && cell < cells; cell++) up = offset[cell] <= offset[cell + 1];
    return up;
}

/* A number that is the greater the more a cell is like the query, or, of equal ones, the further ahead it is. */
static uint64_t rank_of(float estimate, Py_ssize_t cell) {
    uint32_t bits;
    memcpy(&bits, &estimate, sizeof bits);
    bits = bits >> 31 ? ~bits : bits | 0x80000000u;
    return (uint64_t)bits << 32 | (uint32_t)~(uint32_t)cell;
}

static Py_ssize_t cell_of(uint64_t rank) { return (Py_ssize_t)(uint32_t)~(uint32_t)rank; }

static void swap(uint64_t *ranks, Py_ssize_t a, Py_ssize_t b) {
    uint64_t kept = ranks[a];
    ranks[a] = ranks[b];
    ranks[b] = kept;
}

/* Bring the ranks above one of them to the front, and it behind them: where it is then. held: the rows before it. */
static Py_ssize_t part(uint64_t *ranks, Py_ssize_t low, Py_ssize_t high, const int64_t *offset, int64_t *held) {
    Py_ssize_t middle = low + (high - low) / 2, last = high - 1, place = low;
    if (ranks[middle] > ranks[low]) swap(ranks, middle, low);
    if (ranks[last] > ranks[low]) swap(ranks, last, low);
    if (ranks[middle] > ranks[last]) swap(ranks, middle, last);
    uint64_t pivot = ranks[last]; /* the middle one of three */
    *held = 0;
    for (Py_ssize_t i = low; i < last; i++) { /* without a branch, which no processor could foretell */
        uint64_t rank = ranks[i];
        int64_t above = rank > pivot;
        ranks[i] = ranks[place];
        ranks[place] = rank;
        place += above;
        *held += -above & (offset[cell_of(rank) + 1] - offset[cell_of(rank)]);
    }
    swap(ranks, place, last);
    return place;
}

/* Bring to the front the fewest of the highest ranks whose cells hold `wanted` rows, one at least: how many. */
static Py_ssize_t most_like(uint64_t *ranks, Py_ssize_t count, const int64_t *offset, int64_t wanted) {
    Py_ssize_t low = 0, high = count;
    while (high - low > 1) {
        int64_t held;
        Py_ssize_t place = part(ranks, low, high, offset, &held);
        if (held >= wanted && place > low) {
            high = place;
            continue;
        }
        Py_ssize_t cell = cell_of(ranks[place]);
        wanted -= held + offset[cell + 1] - offset[cell];
        low = place + 1;
        if (wanted <= 0) return low;
    }
    return high;
}

/* Write the cells of some ranks in ascending order. cells: as long as there are any. Returns how many rows they hold. */
static int64_t write_cells(const uint64_t *ranks, Py_ssize_t chosen, const int64_t *offset, int64_t *cells,
                           Py_ssize_t count) {
    int64_t rows = 0;
    Py_ssize_t written = 0;
    memset(cells, 0, (size_t)count * sizeof *cells);
    for (Py_ssize_t i = 0; i < chosen; i++) cells[cell_of(ranks[i])] = 1;
    for (Py_ssize_t cell = 0; cell < count; cell++) {
        if (!cells[cell]) continue;
        cells[written++] = cell; /* at most where it was marked */
        rows += offset[cell + 1] - offset[cell];
    }
    return rows;
}

static KERNEL(choose_cells) {
    enum { CODES, OFFSETS, CELLS, SIGNS, SAYS, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"codes", "u8", 2, READ}, {"offsets", "i8", 1, READ}, {"cells", "i8", 1, WRITE},
        {"signs", "u8", 1, READ}, {"says", "f4", 1, READ},
    };
    Array arrays[ARRAYS];
    if (!counted("choose_cells", given, ARRAYS + 2)) return NULL;
    int64_t wanted = PyLong_AsLongLong(arguments[ARRAYS + 1]);
    if (PyErr_Occurred() || take_arrays(arrays, arguments, expected, ARRAYS) < 0) return NULL;
    Py_ssize_t count = arrays[CODES].width;
    if (wanted < 0) wanted = 0;
    const int64_t *offset = arrays[OFFSETS].data;
    uint64_t *ranks = NULL;
    float *found = NULL;
    PyObject *result = NULL;
    Aim aim;
    if (count > INT32_MAX || arrays[CELLS].size != count || !ascending(&arrays[OFFSETS], count)) {
        refuse("offsets and cells", "of as many cells as there are codes, the offsets ascending");
    } else if (take_aim(&aim, &arrays[SIGNS], &arrays[SAYS], arguments[ARRAYS], &arrays[CODES], 1)) {
        ranks = PyMem_Malloc(((size_t)count + 1) * sizeof *ranks);
        found = PyMem_Malloc(((size_t)count + 1) * sizeof *found);
        if (ranks == NULL || found == NULL) {
            PyErr_NoMemory();
        } else {
            estimate_run(&aim, &arrays[CODES], 0, count, found);
            for (Py_ssize_t cell = 0; cell < count; cell++) ranks[cell] = rank_of(found[cell], cell);
            Py_ssize_t chosen = most_like(ranks, count, offset, wanted);
            int64_t rows = write_cells(ranks, chosen, offset, arrays[CELLS].data, count);
            result = Py_BuildValue("nL", chosen, (long long)rows);
        }
    }
    PyMem_Free(ranks);
    PyMem_Free(found);
    release_arrays(arrays, ARRAYS);
    return result;
}

/* Where the rows of a cell lie; 0 if there is no such cell, or it lies outside of `size` places. */
static int run_of(const Array *offsets, int64_t cell, Py_ssize_t size, int64_t *first, int64_t *end) {
    if (cell < 0 || cell >= offsets->size - 1) return 0;
    *first = ((const int64_t *)offsets->data)[cell];
    *end = ((const int64_t *)offsets->data)[cell + 1];
    return 0 <= *first && *first <= *end && *end <= size;
}

/* Ask for the codes and the rows of a cell: while one is looked at, the next one comes from memory. */
static void fetch(const Array *codes, const int32_t *order, int64_t first, int64_t end) {
    if (end - first > FETCHED) end = first + FETCHED;
    for (Py_ssize_t word = 0; word < codes->size; word++) {
        const uint64_t *at = (const uint64_t *)codes->data + word * codes->stride;
        for (int64_t i = first; i < end; i += LINE / sizeof *at) __builtin_prefetch(at + i);
    }
    for (int64_t i = first; i < end; i += LINE / sizeof *order) __builtin_prefetch(order + i);
}

/* Write the rows of some cells, and behind them those of the tail, with their estimates; 0 if they do not fill it. */
static int estimate_held(const Aim *aim, const Array *codes, const Array *cells, const Array *offsets,
                         const int32_t *order, int32_t *rows, float *found, Py_ssize_t size) {
    const int64_t *chosen = cells->data;
    Py_ssize_t filled = 0, base = codes[0].width, tail = codes[1].width;
    int64_t first, end;
    for (Py_ssize_t i = 0; i < cells->size; i++) {
        if (i + 1 < cells->size && run_of(offsets, chosen[i + 1], base, &first, &end)) {
            fetch(&codes[0], order, first, end);
        }
        if (!run_of(offsets, chosen[i], base, &first, &end) || end - first > size - filled) return 0;
        estimate_run(aim, &codes[0], first, end, found + filled);
        memcpy(rows + filled, order + first, (size_t)(end - first) * sizeof *rows);
        filled += end - first;
    }
    if (size - filled != tail) return 0;
    estimate_run(aim, &codes[1], 0, tail, found + filled);
    for (Py_ssize_t i = 0; i < tail; i++) rows[filled + i] = (int32_t)(base + i);
    return 1;
}

static KERNEL(estimate_cells) {
    enum { BASE, TAIL, CELLS, OFFSETS, ORDER, ROWS, FOUND, SIGNS, SAYS, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"base", "u8", 2, READ},  {"tail", "u8", 2, READ},  {"cells", "i8", 1, READ},
        {"offsets", "i8", 1, READ}, {"order", "i4", 1, READ}, {"rows", "i4", 1, WRITE},
        {"found", "f4", 1, WRITE}, {"signs", "u8", 1, READ}, {"says", "f4", 1, READ},
    };
    Array arrays[ARRAYS];
    if (!counted("estimate_cells", given, ARRAYS + 1)) return NULL;
    if (take_arrays(arrays, arguments, expected, ARRAYS) < 0) return NULL;
    const Array *base = &arrays[BASE], *order = &arrays[ORDER], *rows = &arrays[ROWS], *found = &arrays[FOUND];
    PyObject *result = NULL;
    Aim aim;
    if (order->size != base->width || rows->size != found->size) {
        refuse("order and found", "as long as the base and rows");
    } else if (take_aim(&aim, &arrays[SIGNS], &arrays[SAYS], arguments[ARRAYS], base, 2)) {
        int full = estimate_held(&aim, base, &arrays[CELLS], &arrays[OFFSETS], order->data, rows->data, found->data,
                                 rows->size);
        result = full ? Py_NewRef(Py_None) : refuse("cells", "cells that there are, of as many rows as there is room for");
    }
    release_arrays(arrays, ARRAYS);
    return result;
}

PyMethodDef codes_methods[] = {
    {"estimate_all", (PyCFunction)(void (*)(void))estimate_all, METH_FASTCALL, NULL},
    {"estimate_rows", (PyCFunction)(void (*)(void))estimate_rows, METH_FASTCALL, NULL},
    {"choose_cells", (PyCFunction)(void (*)(void))choose_cells, METH_FASTCALL, NULL},
    {"estimate_cells", (PyCFunction)(void (*)(void))estimate_cells, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

#include "highest.h"

#include <math.h>
#include <string.h>

#define SAMPLE 8192 /* scores that tell about how high the highest of very many are; highest.py has the same number */
#define SHARE 32    /* and so many of those that are wanted are in the sample, at least */
#define BITS 11     /* of a score that one step looks at */
#define BUCKETS (1 << BITS)
#define FEW 512 /* keys that tell which of many are high */
#define LANES 2 /* counts side by side: scores that are alike do not wait for each other */

/* A whole number that is higher where the score is. */
static inline uint32_t key_of(float score) {
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return bits ^ ((bits >> 31) ? 0xffffffffu : 0x80000000u);
}

static inline float score_of(uint32_t key) {
    uint32_t bits = key ^ ((key >> 31) ? 0x80000000u : 0xffffffffu);
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

/* The key that `above` others are above among few. */
static uint32_t ranked_of_few(uint32_t *keys, Py_ssize_t size, Py_ssize_t above) {
    for (Py_ssize_t i = 1; i < size; i++) {
        uint32_t key = keys[i];
        Py_ssize_t at = i;
        for (; at > 0 && keys[at - 1] < key; at--) keys[at] = keys[at - 1];
        keys[at] = key;
    }
    return keys[above];
}

/* The key that `above` others are above; `keys` is used up. From the highest bits on, a bucket is chosen and the rest
 * left. */
static uint32_t ranked_key(uint32_t *keys, Py_ssize_t size, Py_ssize_t above) {
    static const int shifts[] = {32 - BITS, 32 - 2 * BITS, 0};
    for (int step = 0; step < 3; step++) {
        if (size <= 32 && above < size) return ranked_of_few(keys, size, above);
        int shift = shifts[step];
        uint32_t counts[LANES][BUCKETS];
        memset(counts, 0, sizeof counts);
        for (Py_ssize_t i = 0; i < size; i++) counts[i % LANES][(keys[i] >> shift) & (BUCKETS - 1)]++;
        uint32_t bucket = BUCKETS - 1;
        for (;; bucket--) {
            Py_ssize_t here = 0;
            for (int lane = 0; lane < LANES; lane++) here += counts[lane][bucket];
            if (above < here || bucket == 0) break;
            above -= here;
        }
        Py_ssize_t left = 0;
        for (Py_ssize_t i = 0; i < size; i++) {
            uint32_t key = keys[i];
            keys[left] = key;
            left += ((key >> shift) & (BUCKETS - 1)) == bucket;
        }
        size = left;
    }
    return keys[0];
}

/* The same, where there are many keys and few above: a sample tells which are too low to matter. */
static uint32_t high_key(uint32_t *keys, Py_ssize_t size, Py_ssize_t above) {
    Py_ssize_t step = size / FEW;
    if (step < 4 || above > size / 4) return ranked_key(keys, size, above);
    uint32_t some[2 * FEW];
    Py_ssize_t sampled = 0;
    for (Py_ssize_t i = 0; i < size && sampled < 2 * FEW; i += step) some[sampled++] = keys[i];
    Py_ssize_t expected = above / step, surely = expected + expected / 4 + FEW / 16;
    uint32_t bar = surely < sampled ? ranked_key(some, sampled, surely) : 0;
    Py_ssize_t kept = 0;
    uint32_t *high = PyMem_Malloc((size_t)size * sizeof *high);
    for (Py_ssize_t i = 0; high != NULL && i < size; i++) {
        high[kept] = keys[i];
        kept += keys[i] >= bar;
    }
    uint32_t key = kept > above ? ranked_key(high, kept, above) : ranked_key(keys, size, above);
    PyMem_Free(high);
    return key;
}

int ranked(const float *scores, Py_ssize_t size, Py_ssize_t place, float *score) {
    uint32_t *keys = PyMem_Malloc((size_t)size * sizeof *keys);
    if (keys == NULL) return PyErr_NoMemory(), -1;
    for (Py_ssize_t i = 0; i < size; i++) keys[i] = key_of(scores[i]);
    *score = score_of(high_key(keys, size, size - 1 - place));
    PyMem_Free(keys);
    return 0;
}

Py_ssize_t step_for(Py_ssize_t size, Py_ssize_t wanted) {
    Py_ssize_t step = size / SAMPLE < wanted / SHARE ? size / SAMPLE : wanted / SHARE;
    return step < 1 ? 1 : step;
}

int about_least_of(const float *scores, const uint8_t *allowed, Py_ssize_t size, Py_ssize_t wanted, float floor,
                   float *least) {
    if (wanted < 0) wanted = 0;
    Py_ssize_t step = step_for(size, wanted);
    *least = -INFINITY;
    uint32_t *keys = PyMem_Malloc(((size_t)(size / step) + 2) * sizeof *keys);
    if (keys == NULL) return PyErr_NoMemory(), -1;
    Py_ssize_t count = 0;
    if (step == 1 && floor == -INFINITY && allowed == NULL) {
        for (; count < size; count++) keys[count] = key_of(scores[count]);
    } else {
        for (Py_ssize_t at = 0; at < size; at += step) {
            keys[count] = key_of(scores[at]);
            count += scores[at] >= floor && (allowed == NULL || allowed[at]);
        }
    }
    if (wanted / step < count) *least = score_of(high_key(keys, count, wanted / step));
    PyMem_Free(keys);
    return 0;
}

FOR_NEWER_PROCESSORS
Py_ssize_t at_least(const float *scores, Py_ssize_t size, float bar, int32_t first, int32_t *rows) {
    Py_ssize_t count = 0, at = 0;
    for (; at + STRETCH <= size; at += STRETCH) {
        uint8_t flags[STRETCH];
        for (int i = 0; i < STRETCH; i++) flags[i] = scores[at + i] >= bar;
        count = add_flagged(flags, first + (int32_t)at, rows, count);
    }
    for (; at < size; at++) {
        if (scores[at] >= bar) rows[count++] = first + (int32_t)at;
    }
    return count;
}

typedef struct {
    uint32_t key; /* lower where the score is higher */
    int32_t row;
} Entry;

int put_in_order(int32_t *rows, float *scores, Py_ssize_t size) {
    Entry *made = PyMem_Malloc(2 * (size_t)size * sizeof *made);
    if (made == NULL) return PyErr_NoMemory(), -1;
    Entry *from = made, *to = made + size;
    Py_ssize_t begins[3][BUCKETS];
    memset(begins, 0, sizeof begins);
    for (Py_ssize_t i = 0; i < size; i++) {
        uint32_t key = ~key_of(scores[i]);
        from[i] = (Entry){key, rows[i]};
        for (int step = 0; step < 3; step++) begins[step][(key >> (step * BITS)) & (BUCKETS - 1)]++;
    }
    for (int step = 0; step < 3; step++) {
        Py_ssize_t before = 0;
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            Py_ssize_t here = begins[step][bucket];
            begins[step][bucket] = before;
            before += here;
        }
        for (Py_ssize_t i = 0; i < size; i++) {
            to[begins[step][(from[i].key >> (step * BITS)) & (BUCKETS - 1)]++] = from[i];
        }
        Entry *other = from;
        from = to;
        to = other;
    }
    for (Py_ssize_t i = 0; i < size; i++) {
        rows[i] = from[i].row;
        scores[i] = score_of(~from[i].key);
    }
    PyMem_Free(made);
    return 0;
}

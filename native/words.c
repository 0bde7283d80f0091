/* What words and times promise of each row: lists of rows added up, neighbours that hear of it, times that are near. */
#include "pool.h"

#include <string.h>

#define IMPACTS 255 /* an impact is kept as a whole number of so many parts of one; lexical_segment.py has the same */
#define AT_ONCE 65536 /* rows added up in one go: their sums stay in the processor's cache */

/* What is still to be added of one term's list. */
typedef struct {
    int64_t at, end;
    float part;
} List;

/* Where the lists of the first terms are, as many as have `most` rows together; how many, or -1 where one lies
 * amiss. */
static Py_ssize_t open_lists(List *lists, const Array *starts, int64_t rows, const Array *terms,
                             const Array *weights, int64_t most, int64_t *looked) {
    const int64_t *start = starts->data;
    const int32_t *term = terms->data;
    const float *weight = weights->data;
    for (Py_ssize_t i = 0; i < terms->size; i++) {
        int64_t begin = 0, end = 0;
        if (term[i] >= 0 && term[i] < starts->size - 1) { /* others came since, and have an empty list */
            begin = start[term[i]];
            end = start[term[i] + 1];
            if (begin < 0 || end < begin || end > rows) return -1;
        }
        lists[i] = (List){begin, end, weight[i] * (float)(1.0 / IMPACTS)};
        *looked += end - begin;
        if (*looked >= most) return i + 1;
    }
    return terms->size;
}

/* Add what is left of a list up to the row `limit`. */
static void add_list(List *list, const int32_t *rows, const uint8_t *impacts, uint32_t limit, float *sums) {
    int64_t at = list->at, end = list->end;
    float part = list->part;
    for (; at < end && (uint32_t)rows[at] < limit; at++) sums[rows[at]] += impacts[at] * part;
    list->at = at;
}

/* Ask for what comes first of a list, as it lies elsewhere than the one before it. */
static void fetch_list(const List *list, const int32_t *rows, const uint8_t *impacts) {
#ifdef __GNUC__
    int64_t end = list->end < list->at + 64 ? list->end : list->at + 64;
    for (int64_t at = list->at; at < end; at += 16) __builtin_prefetch(rows + at); /* 64 bytes each */
    __builtin_prefetch(impacts + list->at);
#endif
}

/* Set the sums of the first `known` rows; whether all lists were as they should be: ascending, and of known rows. */
static int add_lists(List *lists, Py_ssize_t count, const int32_t *rows, const uint8_t *impacts, int64_t known,
                     float *sums) {
    for (int64_t from = 0; from < known; from += AT_ONCE) {
        int64_t to = from + AT_ONCE < known ? from + AT_ONCE : known;
        memset(sums + from, 0, (size_t)(to - from) * sizeof *sums);
        for (Py_ssize_t i = 0; i < count; i++) {
            if (i + 1 < count && lists[i + 1].at < lists[i + 1].end) fetch_list(&lists[i + 1], rows, impacts);
            add_list(&lists[i], rows, impacts, (uint32_t)to, sums);
        }
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (lists[i].at < lists[i].end) return 0;
    }
    return 1;
}

/* Write down the sums of the rows of every `step`th occurrence; how many. */
static Py_ssize_t take_sample(const Array *starts, const int32_t *rows, const Array *terms, Py_ssize_t count,
                              int64_t step, const float *sums, float *sample) {
    const int64_t *start = starts->data;
    Py_ssize_t sampled = 0;
    int64_t skipped = 0; /* of the next list */
    for (Py_ssize_t i = 0; i < count; i++) {
        int32_t term = ((const int32_t *)terms->data)[i];
        if (term < 0 || term >= starts->size - 1) continue;
        int64_t at = start[term] + skipped, end = start[term + 1];
        for (; at < end; at += step) sample[sampled++] = sums[rows[at]];
        skipped = at - end;
    }
    return sampled;
}

static KERNEL(add_up) {
    enum { STARTS, ROWS, IMPACTS_OF, TERMS, WEIGHTS, SUMS, SAMPLED, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"starts", "i8", 1, READ},  {"rows", "i4", 1, READ},    {"impacts", "u1", 1, READ},
        {"terms", "i4", 1, READ},   {"weights", "f4", 1, READ}, {"sums", "f4", 1, WRITE},
        {"sample", "f4", 1, WRITE},
    };
    if (!counted("add_up", given, ARRAYS + 3)) return NULL;
    Py_ssize_t known = PyLong_AsSsize_t(arguments[ARRAYS]), most = PyLong_AsSsize_t(arguments[ARRAYS + 1]);
    Py_ssize_t wanted = PyLong_AsSsize_t(arguments[ARRAYS + 2]);
    if (PyErr_Occurred()) return NULL;
    Array arrays[ARRAYS];
    if (take_arrays(arrays, arguments, expected, ARRAYS) < 0) return NULL;
    PyObject *result = NULL;
    List *lists = NULL;
    const Array *terms = &arrays[TERMS];
    if (arrays[IMPACTS_OF].size != arrays[ROWS].size) {
        refuse("impacts", "as long as rows");
    } else if (arrays[WEIGHTS].size < terms->size) {
        refuse("weights", "as long as terms");
    } else if (known < 0 || known > arrays[SUMS].size) {
        refuse("known", "a number of rows of sums");
    } else if (wanted < 1 || arrays[SAMPLED].size / 2 < wanted) {
        refuse("sample", "twice as long as is wanted of it");
    } else if ((lists = PyMem_Malloc(((size_t)terms->size + 1) * sizeof *lists)) == NULL) {
        PyErr_NoMemory();
    } else {
        int64_t looked = 0;
        Py_ssize_t count =
            open_lists(lists, &arrays[STARTS], arrays[ROWS].size, terms, &arrays[WEIGHTS], most, &looked);
        if (count < 0) {
            refuse("starts", "ascending places in rows");
        } else if (!add_lists(lists, count, arrays[ROWS].data, arrays[IMPACTS_OF].data, known, arrays[SUMS].data)) {
            refuse("rows", "ascending in each list, and below known");
        } else {
            int64_t step = looked / wanted > 1 ? looked / wanted : 1;
            const float *sums = arrays[SUMS].data;
            Py_ssize_t sampled =
                take_sample(&arrays[STARTS], arrays[ROWS].data, terms, count, step, sums, arrays[SAMPLED].data);
            result = Py_BuildValue("Lnn", (long long)looked, count, sampled);
        }
    }
    PyMem_Free(lists);
    release_arrays(arrays, ARRAYS);
    return result;
}

/* What each of some rows says, and who stands next to whom. */
typedef struct {
    const int32_t *loud, *following, *previous;
    const float *strength, *asks, *shares;
    Py_ssize_t count, size;
} Saying;

/* The shares of what a row says that reach the rows around it, in this order. */
enum { OF_PREVIOUS, OF_FOLLOWING, OF_SECOND_PREVIOUS, OF_SECOND_FOLLOWING, OF_ASKING, ALL_SHARES };

/* Tell a row what is said next to it; the count of `hearers`, with the row if it is new there. */
ALWAYS_INLINE Py_ssize_t tell(float *restrict promise, float *restrict reached, int32_t *restrict hearers,
                              Py_ssize_t size, Py_ssize_t count, int32_t row, float heard) {
    if ((uint32_t)row >= (uint32_t)size) return count; /* NOBODY, too */
    float before = reached[row];
    if (count < size) hearers[count] = row;
    count += before == 0;
    reached[row] = before + heard;
    promise[row] += HEARD * heard;
    return count;
}

/* Tell the rows around what is said; how many heard of it, or -1 if there is no telling: some were written down twice,
 * and so not all. */
static Py_ssize_t tell_all(const Saying *saying, float *restrict promise, float *restrict reached,
                           int32_t *restrict hearers) {
    const float *shares = saying->shares;
    const float of_previous = shares[OF_PREVIOUS], of_following = shares[OF_FOLLOWING], of_asking = shares[OF_ASKING];
    const float of_second_previous = shares[OF_SECOND_PREVIOUS], of_second_following = shares[OF_SECOND_FOLLOWING];
    const int32_t *following = saying->following, *previous = saying->previous;
    Py_ssize_t size = saying->size, told = 0;
    for (Py_ssize_t i = 0; i < saying->count; i++) {
        int32_t row = saying->loud[i], after = following[row], before = previous[row];
        float said = saying->strength[i], asks = saying->asks[row];
        told = tell(promise, reached, hearers, size, told, after, (of_previous + of_asking * asks) * said);
        told = tell(promise, reached, hearers, size, told, before, of_following * said);
        int32_t second = (uint32_t)after < (uint32_t)size ? following[after] : NOBODY;
        told = tell(promise, reached, hearers, size, told, second, of_second_previous * said);
        second = (uint32_t)before < (uint32_t)size ? previous[before] : NOBODY;
        told = tell(promise, reached, hearers, size, told, second, of_second_following * said);
    }
    return told <= size ? told : -1;
}

static KERNEL(reach_out) {
    enum { PROMISE, REACHED, FOLLOWING, PREVIOUS, ASKS, SHARES, SAMPLED, LOUD, HEARERS, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"promise", "f4", 1, WRITE}, {"reached", "f4", 1, WRITE}, {"following", "i4", 1, READ},
        {"previous", "i4", 1, READ}, {"asks", "f4", 1, READ},     {"shares", "f4", 1, READ},
        {"sample", "f4", 1, READ},   {"loud", "i4", 1, WRITE},    {"hearers", "i4", 1, WRITE},
    };
    if (!counted("reach_out", given, ARRAYS + 2)) return NULL;
    double floor = PyFloat_AsDouble(arguments[ARRAYS]);
    Py_ssize_t louder = PyLong_AsSsize_t(arguments[ARRAYS + 1]);
    if (PyErr_Occurred()) return NULL;
    Array arrays[ARRAYS];
    if (take_arrays(arrays, arguments, expected, ARRAYS) < 0) return NULL;
    PyObject *result = NULL;
    Py_ssize_t size = arrays[PROMISE].size, sampled = arrays[SAMPLED].size;
    float *promise = arrays[PROMISE].data, *strength = NULL, least = (float)floor, bar = least;
    int32_t *loud = arrays[LOUD].data;
    int fits = arrays[SHARES].size == ALL_SHARES && size <= INT32_MAX;
    for (int i = REACHED; i <= ASKS; i++) fits &= arrays[i].size >= size;
    fits &= arrays[LOUD].size >= size && arrays[HEARERS].size >= size;
    if (!fits) {
        refuse("every array", "as long as promise, and shares five numbers");
        goto done;
    }
    int told = louder >= 0 && louder < sampled; /* by the sample how much is much */
    if (told && ranked(arrays[SAMPLED].data, sampled, sampled - 1 - louder, &bar) < 0) goto done;
    Py_ssize_t count = at_least(promise, size, bar > least ? bar : least, 0, loud);
    strength = PyMem_Malloc(((size_t)count + 1) * sizeof *strength); /* what they say before they hear of others */
    if (strength == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++) strength[i] = promise[loud[i]];
    Saying saying = {
        .loud = loud, .following = arrays[FOLLOWING].data, .previous = arrays[PREVIOUS].data, .strength = strength,
        .asks = arrays[ASKS].data, .shares = arrays[SHARES].data, .count = count, .size = size,
    };
    result = PyLong_FromSsize_t(tell_all(&saying, promise, arrays[REACHED].data, arrays[HEARERS].data));
done:
    PyMem_Free(strength);
    release_arrays(arrays, ARRAYS);
    return result;
}

static KERNEL(settle) {
    enum { ROWS, GUESS, REACHED, HEARERS, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"rows", "i4", 1, WRITE}, {"guess", "f4", 1, WRITE}, {"reached", "f4", 1, WRITE}, {"hearers", "i4", 1, READ},
    };
    if (!counted("settle", given, ARRAYS + 1)) return NULL;
    Py_ssize_t count = PyLong_AsSsize_t(arguments[ARRAYS]);
    if (PyErr_Occurred()) return NULL;
    Array arrays[ARRAYS];
    if (take_arrays(arrays, arguments, expected, ARRAYS) < 0) return NULL;
    PyObject *result = NULL;
    float *reached = arrays[REACHED].data;
    const int32_t *hearers = arrays[HEARERS].data;
    if (arrays[ROWS].size != arrays[GUESS].size) {
        refuse("guess", "as long as rows");
    } else if (put_in_order(arrays[ROWS].data, arrays[GUESS].data, arrays[ROWS].size) == 0) {
        if (count < 0 || count > arrays[HEARERS].size || count > arrays[REACHED].size) {
            memset(reached, 0, (size_t)arrays[REACHED].size * sizeof *reached);
        } else {
            for (Py_ssize_t i = 0; i < count; i++) {
                if ((uint32_t)hearers[i] < (uint32_t)arrays[REACHED].size) reached[hearers[i]] = 0;
            }
        }
        result = Py_NewRef(Py_None);
    }
    release_arrays(arrays, ARRAYS);
    return result;
}

PyMethodDef words_methods[] = {
    {"add_up", (PyCFunction)(void (*)(void))add_up, METH_FASTCALL, NULL},
    {"reach_out", (PyCFunction)(void (*)(void))reach_out, METH_FASTCALL, NULL},
    {"draw_near", (PyCFunction)(void (*)(void))draw_near, METH_FASTCALL, NULL},
    {"choose", (PyCFunction)(void (*)(void))choose, METH_FASTCALL, NULL},
    {"choose_by_all", (PyCFunction)(void (*)(void))choose_by_all, METH_FASTCALL, NULL},
    {"join_like", (PyCFunction)(void (*)(void))join_like, METH_FASTCALL, NULL},
    {"settle", (PyCFunction)(void (*)(void))settle, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

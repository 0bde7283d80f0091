/* What a query comes to before any row is looked at: the vector of its words, and how much each word counts. */
#include "kernels.h"

#include <math.h>
#include <string.h>

static int is_list(PyObject *given) { return (PyType_GetFlags(Py_TYPE(given)) & Py_TPFLAGS_LIST_SUBCLASS) != 0; }

/* ---- the mean of an embedder's rows ------------------------------------------------------------------------------- */

FOR_NEWER_PROCESSORS
static void add_row(float *sum, const int8_t *row, float scale, Py_ssize_t width) {
    for (Py_ssize_t i = 0; i < width; i++) sum[i] += scale * (float)row[i];
}

#define LANES 8

static double squares(const float *values, Py_ssize_t count) {
    double lanes[LANES] = {0}, sum = 0;
    for (Py_ssize_t i = 0; i < count; i++) lanes[i % LANES] += (double)values[i] * values[i];
    for (int lane = 0; lane < LANES; lane++) sum += lanes[lane];
    return sum;
}

/* sum_of_rows(rows, scale, ids, out): into `out`, made of length 1, the sum of some rows, each times its scale. */
static KERNEL(sum_of_rows) {
    static const Expected expected[] = {{"rows", "i1", 2, READ}, {"scale", "f4", 1, READ}};
    static const Expected made[] = {{"out", "f4", 1, WRITE}};
    if (!counted("sum_of_rows", given, 4)) return NULL;
    PyObject *ids = arguments[2];
    if (!is_list(ids)) return refuse("ids", "a list of row numbers");
    Array in[2], out;
    if (take_arrays(in, arguments, expected, 2) < 0) return NULL;
    if (take_arrays(&out, arguments + 3, made, 1) < 0) {
        release_arrays(in, 2);
        return NULL;
    }
    PyObject *result = NULL;
    Py_ssize_t width = in[0].width;
    float *sum = out.data;
    if (out.size != width || in[1].size != in[0].size) {
        refuse("out", "as wide as the rows, of which each has a scale");
        goto done;
    }
    memset(sum, 0, (size_t)width * sizeof *sum);
    for (Py_ssize_t i = 0; i < PyList_Size(ids); i++) {
        Py_ssize_t id = PyLong_AsSsize_t(PyList_GetItem(ids, i));
        if (id == -1 && PyErr_Occurred()) goto done;
        if (id < 0 || id >= in[0].size) {
            refuse("ids", "numbers of rows");
            goto done;
        }
        add_row(sum, (const int8_t *)in[0].data + id * in[0].stride, ((const float *)in[1].data)[id], width);
    }
    double length = sqrt(squares(sum, width));
    if (length > 0) {
        for (Py_ssize_t i = 0; i < width; i++) sum[i] = (float)(sum[i] / length);
    }
    result = Py_NewRef(Py_None);
done:
    release_arrays(in, 2);
    release_arrays(&out, 1);
    return result;
}

/* ---- words of like meaning, and the share of each word ------------------------------------------------------------ */

#define NEARNESSES 256 /* as many values as a byte has */

typedef struct {
    Py_ssize_t count;
    int32_t *own;    /* its number in the namespace, or NOBODY */
    int64_t *row;    /* in the table of near words, or NOBODY where no other may stand for it */
    double *weight, *share;
    double *missed_rows, *missed_runs; /* the part of them that no term of like meaning is in */
} Words;

typedef struct {
    const uint16_t *ids;
    const uint8_t *near;
    Py_ssize_t rows, width, ids_stride, near_stride;
    const int32_t *number_of;
    Py_ssize_t listed;
} Table;

typedef struct {
    const int32_t *rows, *runs; /* by term, in how many visible rows and sessions it is */
    Py_ssize_t known;
    double all_rows, all_runs;
} Holders;

typedef struct {
    int64_t *slot;
    int32_t *number;
    float *strength;
    Py_ssize_t room;
} Further;

static float strength_of(uint8_t near) { return (float)near * (float)(1.0 / 255.0); }

/* Goes through the terms near to each word that the namespace holds, at most `most` a word, the nearest first. Counts
 * them by nearness; with `places`, where each nearness begins, it also writes them down. Returns how many, or -1. */
static Py_ssize_t go_through(const Words *words, const Table *table, const Holders *holders, long most,
                             int visible_only, Py_ssize_t *counts, Py_ssize_t *places, const Further *further) {
    Py_ssize_t found = 0;
    for (Py_ssize_t slot = 0; slot < words->count; slot++) {
        int64_t row = words->row[slot];
        if (row == NOBODY) continue;
        if (row < 0 || row >= table->rows) return -1;
        const uint16_t *ids = table->ids + row * table->ids_stride;
        const uint8_t *near = table->near + row * table->near_stride;
        long taken = 0;
        for (Py_ssize_t k = 0; k < table->width && taken < most; k++) {
            if (!near[k]) continue;
            if (ids[k] >= table->listed) return -1;
            int32_t number = table->number_of[ids[k]];
            if (number < 0 || number == words->own[slot]) continue;
            if (number >= holders->known) return -1;
            if (visible_only && holders->rows[number] <= 0) continue;
            taken++;
            found++;
            if (places == NULL) {
                counts[near[k]]++;
                continue;
            }
            Py_ssize_t place = places[near[k]]++;
            if (place >= further->room) return -1;
            further->slot[place] = slot;
            further->number[place] = number;
            further->strength[place] = strength_of(near[k]);
        }
    }
    return found;
}

/* The terms of like meaning, the weakest first, those equally strong in the order met. Returns how many, or -1. */
static Py_ssize_t find_further(const Words *words, const Table *table, const Holders *holders, long most,
                               int visible_only, const Further *further) {
    Py_ssize_t counts[NEARNESSES] = {0}, places[NEARNESSES], place = 0;
    Py_ssize_t found = go_through(words, table, holders, most, visible_only, counts, NULL, further);
    if (found <= 0) return found;
    for (int near = 0; near < NEARNESSES; near++) {
        places[near] = place;
        place += counts[near];
    }
    return go_through(words, table, holders, most, visible_only, counts, places, further);
}

static double rarity(double holders, double of) { return log(1 + (of - holders + 0.5) / (holders + 0.5)); }

static double up_to_one(double value) { return value < 1 ? value : 1; }

/* How much each word counts: how rare it is, among rows and among sessions, times its weight. Those that hold one of
 * like meaning count as if they fell by chance. Returns -1 if a number is of no term. */
static int share_out(const Words *words, const Holders *holders, const Further *further, Py_ssize_t found, double half,
                     double saturation) {
    double rows = holders->all_rows, runs = holders->all_runs, whole = 0;
    for (Py_ssize_t i = 0; i < words->count; i++) words->missed_rows[i] = words->missed_runs[i] = 1;
    for (Py_ssize_t i = 0; i < found; i++) {
        float says = further->strength[i] / (float)(1 + saturation); /* in a turn of usual length */
        int32_t number = further->number[i];
        int64_t slot = further->slot[i];
        words->missed_rows[slot] *= 1 - up_to_one((double)((float)half * says) * holders->rows[number] / rows);
        words->missed_runs[slot] *= 1 - up_to_one((double)says * holders->runs[number] / runs);
    }
    for (Py_ssize_t i = 0; i < words->count; i++) {
        int32_t own = words->own[i];
        if (own != NOBODY && (own < 0 || own >= holders->known)) return -1;
        double held = own == NOBODY ? 0 : holders->rows[own], spread = own == NOBODY ? 0 : holders->runs[own];
        if (found) {
            held += (rows - held) * (1 - words->missed_rows[i]);
            spread += (runs - spread) * (1 - words->missed_runs[i]);
        }
        double rare = rarity(held, rows) + rarity(spread, runs);
        words->share[i] = (rare > 0 ? rare : 0) * words->weight[i];
        whole += words->share[i];
    }
    for (Py_ssize_t i = 0; i < words->count && whole != 0; i++) words->share[i] /= whole;
    return 0;
}

/* Reads the words from three lists, into one piece of memory. 0, or -1 with an exception set. */
static int take_words(Words *words, PyObject *own, PyObject *weights, PyObject *rows) {
    words->share = NULL;
    if (!is_list(own) || !is_list(weights) || !is_list(rows) || PyList_Size(weights) != PyList_Size(own) ||
        PyList_Size(rows) != PyList_Size(own)) {
        refuse("own, weights and rows", "lists of one length");
        return -1;
    }
    Py_ssize_t count = words->count = PyList_Size(own);
    words->share = PyMem_Malloc(((size_t)count + 1) * (4 * sizeof(double) + sizeof(int64_t) + sizeof(int32_t)));
    if (words->share == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    words->weight = words->share + count;
    words->missed_rows = words->weight + count;
    words->missed_runs = words->missed_rows + count;
    words->row = (int64_t *)(words->missed_runs + count);
    words->own = (int32_t *)(words->row + count);
    for (Py_ssize_t i = 0; i < count; i++) {
        words->own[i] = (int32_t)PyLong_AsLong(PyList_GetItem(own, i));
        words->row[i] = PyLong_AsLong(PyList_GetItem(rows, i));
        words->weight[i] = PyFloat_AsDouble(PyList_GetItem(weights, i));
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

static PyObject *told(Py_ssize_t found, const Words *words) {
    PyObject *shares = PyTuple_New(words->count), *result = NULL;
    for (Py_ssize_t i = 0; shares != NULL && i < words->count; i++) {
        PyObject *share = PyFloat_FromDouble(words->share[i]);
        if (share == NULL) goto done;
        PyTuple_SetItem(shares, i, share);
    }
    if (shares != NULL) result = Py_BuildValue("(nO)", found, shares);
done:
    Py_XDECREF(shares);
    return result;
}

/* shares_of_words(own, weights, row_of, ids, near, number_of, rows, runs, slot, number, strength,
 *                 all_rows, all_runs, half, saturation, most, visible_only)
 *
 * Writes the terms of like meaning to the beginning of `slot`, `number` and `strength`, see `Wording`, and returns how
 * many there are, and the share of each word. own, weights, row_of: lists by word of its term, or NOBODY; how much it
 * counts beside its rarity; and its row in the table of near words (`ids`, `near`), or NOBODY where no other stands for
 * it. number_of: the number in the namespace of each place in that table's list. rows, runs: holders by term. */
static KERNEL(shares_of_words) {
    enum { IDS, NEAR, NUMBER_OF, ROWS, RUNS, SLOT, NUMBER, STRENGTH, ARRAYS, LISTS = 3, SCALARS = 6 };
    static const Expected expected[ARRAYS] = {
        {"ids", "u2", 2, READ},   {"near", "u1", 2, READ},   {"number_of", "i4", 1, READ}, {"rows", "i4", 1, READ},
        {"runs", "i4", 1, READ},  {"slot", "i8", 1, WRITE},  {"number", "i4", 1, WRITE},   {"strength", "f4", 1, WRITE},
    };
    if (!counted("shares_of_words", given, LISTS + ARRAYS + SCALARS)) return NULL;
    PyObject *const *scalars = arguments + LISTS + ARRAYS;
    double all_rows = PyFloat_AsDouble(scalars[0]), all_runs = PyFloat_AsDouble(scalars[1]);
    double half = PyFloat_AsDouble(scalars[2]), saturation = PyFloat_AsDouble(scalars[3]);
    long most = PyLong_AsLong(scalars[4]);
    int visible_only = PyObject_IsTrue(scalars[5]);
    if (PyErr_Occurred()) return NULL;
    Array array[ARRAYS];
    if (take_arrays(array, arguments + LISTS, expected, ARRAYS) < 0) return NULL;
    const Table table = {
        .ids = array[IDS].data, .near = array[NEAR].data, .rows = array[IDS].size, .width = array[IDS].width,
        .ids_stride = array[IDS].stride, .near_stride = array[NEAR].stride, .number_of = array[NUMBER_OF].data,
        .listed = array[NUMBER_OF].size,
    };
    const Holders holders = {
        .rows = array[ROWS].data, .runs = array[RUNS].data, .known = array[ROWS].size, .all_rows = all_rows,
        .all_runs = all_runs,
    };
    const Further further = {
        .slot = array[SLOT].data, .number = array[NUMBER].data, .strength = array[STRENGTH].data,
        .room = array[SLOT].size,
    };
    PyObject *result = NULL;
    Words words;
    if (take_words(&words, arguments[0], arguments[1], arguments[2]) < 0) goto done;
    Py_ssize_t found = -1;
    if (array[NEAR].size == table.rows && array[NEAR].width == table.width && array[RUNS].size == holders.known &&
        array[NUMBER].size == further.room && array[STRENGTH].size == further.room)
        found = find_further(&words, &table, &holders, most, visible_only, &further);
    if (found >= 0 && share_out(&words, &holders, &further, found, half, saturation) == 0)
        result = told(found, &words);
    else
        refuse("own, row_of, ids and number_of", "places in what they point to, and arrays that belong together as long");
done:
    PyMem_Free(words.share);
    release_arrays(array, ARRAYS);
    return result;
}

/* ---- the number of a term ----------------------------------------------------------------------------------------- */

/* number_of_term(text, ends, hashes, order, term, hash): the number of a term in a table of terms, or NOBODY.
 *
 * hashes: ascending, and by place in them `order` the term's number; by number `ends` where its bytes end in `text`. */
static KERNEL(number_of_term) {
    static const Expected expected[] = {
        {"text", "u1", 1, READ}, {"ends", "i8", 1, READ}, {"hashes", "u8", 1, READ}, {"order", "i4", 1, READ}};
    if (!counted("number_of_term", given, 6)) return NULL;
    char *term;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(arguments[4], &term, &length) < 0) return NULL;
    uint64_t hash = PyLong_AsUnsignedLongLong(arguments[5]);
    if (hash == (uint64_t)-1 && PyErr_Occurred()) return NULL;
    Array array[4];
    if (take_arrays(array, arguments, expected, 4) < 0) return NULL;
    const uint8_t *text = array[0].data;
    const int64_t *ends = array[1].data;
    const uint64_t *hashes = array[2].data;
    const int32_t *order = array[3].data;
    Py_ssize_t first = 0, last = array[2].size;
    int whole = array[1].size == last && array[3].size == last;
    while (whole && first < last) {
        Py_ssize_t middle = first + (last - first) / 2;
        if (hashes[middle] < hash) first = middle + 1;
        else last = middle;
    }
    int32_t found = NOBODY;
    for (; whole && found == NOBODY && first < array[2].size && hashes[first] == hash; first++) {
        int32_t number = order[first];
        whole = number >= 0 && number < array[1].size;
        if (!whole) break;
        int64_t begin = number ? ends[number - 1] : 0, end = ends[number];
        whole = begin >= 0 && begin <= end && end <= array[0].size;
        if (whole && end - begin == length && memcmp(text + begin, term, (size_t)length) == 0) found = number;
    }
    release_arrays(array, 4);
    if (!whole) return refuse("order and ends", "as long as hashes, and places in what they point to");
    return PyLong_FromLong(found);
}

PyMethodDef wording_methods[] = {
    {"sum_of_rows", (PyCFunction)(void (*)(void))sum_of_rows, METH_FASTCALL, NULL},
    {"shares_of_words", (PyCFunction)(void (*)(void))shares_of_words, METH_FASTCALL, NULL},
    {"number_of_term", (PyCFunction)(void (*)(void))number_of_term, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

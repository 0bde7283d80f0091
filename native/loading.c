/* Taking up the rows of a log: their terms by number, and the newest rows of the inverted index.
 *
 * Both work on the dicts and sets that Python reads, too, so that nothing is kept twice; what is saved is Python's own
 * steps, some forty for each word of each text. The twins are `Terms.enter_all` and `Tail.enter`. Python's lock is
 * held throughout: the caller hands over so many rows at a time as take a millisecond.
 */
#include "kernels.h"

#define ENTRY_BITS 8 /* of an entry that are the count; the others are the row */
#define MOST 255     /* as a count is capped */

/* The number of a term: from one of two dicts, or from `enter`, which knows or makes it; -1 with an exception set. */
static long number_of(PyObject *term, PyObject *fresh, PyObject *seen, PyObject *enter) {
    PyObject *number = PyDict_GetItemWithError(fresh, term);
    if (number == NULL && !PyErr_Occurred()) number = PyDict_GetItemWithError(seen, term);
    if (number != NULL) return PyLong_AsLong(number);
    if (PyErr_Occurred()) return -1;
    number = PyObject_CallFunctionObjArgs(enter, term, NULL);
    if (number == NULL) return -1;
    long found = PyLong_AsLong(number);
    Py_DECREF(number);
    return found;
}

/* enter_terms(documents, new, seen, enter, ends, terms, counts): the terms of some documents by number.
 *
 * documents: a list of dicts, how often each says each term. Written: where each ends, the terms, the capped counts. */
static KERNEL(enter_terms) {
    enum { ENDS, TERMS, COUNTS, ARRAYS };
    static const Expected expected[ARRAYS] = {{"ends", "i8", 1, WRITE}, {"terms", "i4", 1, WRITE}, {"counts", "u1", 1, WRITE}};
    if (!counted("enter_terms", given, 4 + ARRAYS)) return NULL;
    PyObject *documents = arguments[0], *fresh = arguments[1], *seen = arguments[2], *enter = arguments[3];
    if (!PyList_Check(documents)) return refuse("documents", "a list");
    if (!PyDict_Check(fresh) || !PyDict_Check(seen)) return refuse("new and seen", "dicts");
    Array arrays[ARRAYS];
    if (take_arrays(arrays, arguments + 4, expected, ARRAYS) < 0) return NULL;
    int64_t *ends = arrays[ENDS].data;
    int32_t *terms = arrays[TERMS].data;
    uint8_t *counts = arrays[COUNTS].data;
    Py_ssize_t filled = 0, room = arrays[TERMS].size < arrays[COUNTS].size ? arrays[TERMS].size : arrays[COUNTS].size;
    for (Py_ssize_t i = 0; i < PyList_Size(documents); i++) {
        PyObject *said = PyList_GetItem(documents, i), *term, *times;
        Py_ssize_t place = 0;
        if (i >= arrays[ENDS].size || !PyDict_Check(said)) {
            refuse("documents", "dicts, one for each of `ends`");
            goto fail;
        }
        while (PyDict_Next(said, &place, &term, &times)) {
            if (filled == room) {
                refuse("terms and counts", "as long as all documents together");
                goto fail;
            }
            long count = PyLong_AsLong(times);
            long number = PyErr_Occurred() ? -1 : number_of(term, fresh, seen, enter);
            if (PyErr_Occurred()) goto fail;
            if (number < 0 || number > INT32_MAX) {
                refuse("enter", "a function that gives numbers of terms");
                goto fail;
            }
            terms[filled] = (int32_t)number;
            counts[filled++] = (uint8_t)(count > MOST ? MOST : count < 0 ? 0 : count);
        }
        ends[i] = filled;
    }
    release_arrays(arrays, ARRAYS);
    return PyLong_FromSsize_t(filled);
fail:
    release_arrays(arrays, ARRAYS);
    return NULL;
}

/* What entering needs of Python: the dict of postings, the sets of pairs, and how to make and lengthen an array. */
typedef struct {
    PyObject *postings;
    PyObject *heard; /* a list of sets; pairs are added to the last one */
    PyObject *mine;
    PyObject *array; /* the type */
    PyObject *append; /* the name of its method */
} Tail;

/* Add an entry to those of a term; 0, or -1 with an exception set. */
static int post(const Tail *tail, int32_t term, int64_t entry) {
    PyObject *key = PyLong_FromLong(term), *value = PyLong_FromLongLong(entry), *made = NULL;
    int result = -1;
    if (key == NULL || value == NULL) goto done;
    PyObject *held = PyDict_GetItemWithError(tail->postings, key);
    if (held == NULL) {
        if (!PyErr_Occurred()) result = PyDict_SetItem(tail->postings, key, value);
    } else if (PyLong_Check(held)) {
        made = PyObject_CallFunction(tail->array, "s(OO)", "q", held, value);
        if (made != NULL) result = PyDict_SetItem(tail->postings, key, made);
    } else {
        made = PyObject_CallMethodObjArgs(held, tail->append, value, NULL);
        if (made != NULL) result = 0;
    }
done:
    Py_XDECREF(made);
    Py_XDECREF(value);
    Py_XDECREF(key);
    return result;
}

/* Whether a session (its run) says a term already, 1 or 0; if it did not, it does from now on. -1: an exception. */
static int say(const Tail *tail, int64_t pair) {
    PyObject *key = PyLong_FromLongLong(pair);
    if (key == NULL) return -1;
    int known = 0;
    for (Py_ssize_t i = PyList_Size(tail->heard) - 1; i >= 0 && known == 0; i--) {
        known = PySet_Contains(PyList_GetItem(tail->heard, i), key);
        if (known > 0 && i < PyList_Size(tail->heard) - 1 && PySet_Add(tail->mine, key) < 0) known = -1;
    }
    if (known == 0 && PySet_Add(tail->mine, key) < 0) known = -1;
    Py_DECREF(key);
    return known;
}

static int open_tail(Tail *tail, PyObject *postings, PyObject *heard) {
    tail->array = tail->append = NULL;
    Py_ssize_t sets = PyList_Check(heard) ? PyList_Size(heard) : 0;
    int fits = sets > 0 && PyDict_Check(postings);
    for (Py_ssize_t i = 0; i < sets; i++) fits = fits && PySet_Check(PyList_GetItem(heard, i));
    if (!fits) {
        refuse("postings and heard", "a dict, and a list of sets");
        return -1;
    }
    tail->postings = postings, tail->heard = heard, tail->mine = PyList_GetItem(heard, sets - 1);
    PyObject *module = PyImport_ImportModule("array");
    if (module == NULL) return -1;
    tail->array = PyObject_GetAttrString(module, "array");
    Py_DECREF(module);
    tail->append = PyUnicode_InternFromString("append");
    return tail->array == NULL || tail->append == NULL ? -1 : 0;
}

static void close_tail(Tail *tail) {
    Py_XDECREF(tail->array);
    Py_XDECREF(tail->append);
}

enum { STARTS, ROW_TERMS, ROW_COUNTS, RUNS, ALONE, FRESH, UNSURE, ROW_ARRAYS };

/* Enter all rows; what it finds is written to `fresh` and `unsure` from these places on. 0, or -1 with an exception. */
static int enter_all(const Tail *tail, const Array *arrays, int64_t first, int64_t base_runs, Py_ssize_t *fresh_at, Py_ssize_t *unsure_at) {
    const int64_t *starts = arrays[STARTS].data;
    const int32_t *terms = arrays[ROW_TERMS].data, *runs = arrays[RUNS].data;
    const uint8_t *counts = arrays[ROW_COUNTS].data, *alone = arrays[ALONE].data;
    int32_t *fresh = arrays[FRESH].data;
    int64_t *unsure = arrays[UNSURE].data;
    for (Py_ssize_t row = 0; row < arrays[RUNS].size; row++) {
        if (starts[row] < 0 || starts[row + 1] < starts[row] || starts[row + 1] > arrays[ROW_TERMS].size ||
            starts[row + 1] > arrays[ROW_COUNTS].size || runs[row] < 0) {
            refuse("starts and runs", "ascending places in `terms`, and numbers");
            return -1;
        }
        for (int64_t at = starts[row]; at < starts[row + 1]; at++) {
            if (terms[at] < 0) {
                refuse("terms", "numbers from 0 on");
                return -1;
            }
            if (post(tail, terms[at], (first + row) << ENTRY_BITS | counts[at]) < 0) return -1;
            int said = alone[row] ? 0 : say(tail, (int64_t)terms[at] << 32 | runs[row]);
            if (said < 0) return -1;
            if (said) continue;
            int sure = alone[row] || runs[row] >= base_runs;
            if (sure ? *fresh_at >= arrays[FRESH].size : *unsure_at >= arrays[UNSURE].size) {
                refuse("fresh and unsure", "as long as `terms`");
                return -1;
            }
            if (sure) fresh[(*fresh_at)++] = terms[at];
            else unsure[(*unsure_at)++] = (int64_t)terms[at] << 32 | runs[row];
        }
    }
    return 0;
}

/* enter_rows(postings, heard, first, base_runs, fresh_at, unsure_at, starts, terms, counts, runs, alone, fresh, unsure)
 *
 * Enter rows from `first` on in a tail: by row where its terms start (and at the end where they end), its run and
 * whether it is alone, without a session. Written: to `fresh` the terms that nobody else in the session says, to
 * `unsure` (term << 32 | run) those that perhaps rows of the base say, whose runs are below `base_runs`. Returns how
 * far both are filled. */
static KERNEL(enter_rows) {
    static const Expected expected[ROW_ARRAYS] = {
        {"starts", "i8", 1, READ}, {"terms", "i4", 1, READ},  {"counts", "u1", 1, READ},  {"runs", "i4", 1, READ},
        {"alone", "b1", 1, READ},  {"fresh", "i4", 1, WRITE}, {"unsure", "i8", 1, WRITE},
    };
    enum { FIRST = 2, BASE_RUNS, FRESH_AT, UNSURE_AT, BEFORE };
    if (!counted("enter_rows", given, BEFORE + ROW_ARRAYS)) return NULL;
    int64_t numbers[BEFORE];
    for (int i = FIRST; i < BEFORE; i++) {
        numbers[i] = PyLong_AsLongLong(arguments[i]);
        if (PyErr_Occurred()) return NULL;
        if (numbers[i] < 0 || numbers[i] > INT32_MAX) return refuse("first, base_runs, fresh_at and unsure_at", "numbers from 0 on");
    }
    Array arrays[ROW_ARRAYS];
    if (take_arrays(arrays, arguments + BEFORE, expected, ROW_ARRAYS) < 0) return NULL;
    Py_ssize_t fresh_at = numbers[FRESH_AT], unsure_at = numbers[UNSURE_AT];
    Tail tail;
    int result = -1;
    if (arrays[STARTS].size != arrays[RUNS].size + 1 || arrays[ALONE].size != arrays[RUNS].size) {
        refuse("starts and alone", "as long as `runs`, and one more");
    } else if (open_tail(&tail, arguments[0], arguments[1]) < 0) {
        close_tail(&tail);
    } else {
        result = enter_all(&tail, arrays, numbers[FIRST], numbers[BASE_RUNS], &fresh_at, &unsure_at);
        close_tail(&tail);
    }
    release_arrays(arrays, ROW_ARRAYS);
    return result < 0 ? NULL : Py_BuildValue("nn", fresh_at, unsure_at);
}

PyMethodDef loading_methods[] = {
    {"enter_terms", (PyCFunction)(void (*)(void))enter_terms, METH_FASTCALL, NULL},
    {"enter_rows", (PyCFunction)(void (*)(void))enter_rows, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

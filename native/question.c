/* What stands before and behind the scores: which terms count for which words, the best rows, and what these say. */
#include "texts.h"

#include <stdlib.h>
#include <string.h>

/* --- which terms count for which words ---------------------------------------------------------------------------- */

enum { OWN_TERMS, SHARES, WORDS, OTHERS, STRENGTHS, TABLE, OUT_CODES, OUT_WORTH, OUT_STARTS, OUT_WORD, OUT_STRENGTH, LAID };

static const Expected LAY_OUT_ARGUMENTS[LAID] = {
    {"own", "i4", 1, READ},       {"shares", "f4", 1, READ},        {"slot", "i8", 1, READ},
    {"number", "i4", 1, READ},    {"strength", "f4", 1, READ},      {"code", "i2", 1, WRITE},
    {"codes", "i4", 1, WRITE},    {"worth", "f4", 1, WRITE},        {"pair_starts", "i8", 1, WRITE},
    {"pair_word", "i8", 1, WRITE}, {"pair_strength", "f4", 1, WRITE},
};

/* A term that counts for a word. strength: 0 for the word itself. */
typedef struct {
    int64_t word;
    double sum;          /* of the worth for all words, where it is the first of its code */
    float rank, worth, strength;
    int32_t term, code;
} Pair;

/* The places of pairs in the order of their ranks, the highest first, equal ones as they are given: merged from ever
 * longer stretches. room: for twice as many. Returns the half of it that holds them. */
static const int32_t *ranked(const Pair *pairs, int64_t count, int32_t *room) {
    int32_t *from = room, *to = room + count;
    for (int64_t i = 0; i < count; i++) from[i] = (int32_t)i;
    for (int64_t width = 1; width < count; width *= 2) {
        for (int64_t begin = 0; begin < count; begin += 2 * width) {
            int64_t middle = begin + width < count ? begin + width : count;
            int64_t end = middle + width < count ? middle + width : count;
            for (int64_t i = begin, j = middle, out = begin; out < end; out++) {
                int second = i == middle || (j < end && pairs[from[j]].rank > pairs[from[i]].rank);
                to[out] = from[second ? j++ : i++];
            }
        }
        int32_t *swapped = from;
        from = to;
        to = swapped;
    }
    return from;
}

static const char *unfit(const Array *arrays) {
    int64_t words = arrays[OWN_TERMS].size, others = arrays[OTHERS].size, most = words + others;
    if (arrays[SHARES].size != words) return "shares";
    if (arrays[WORDS].size != others) return "slot";
    if (arrays[STRENGTHS].size != others) return "strength";
    if (most > INT16_MAX) return "number";
    for (int i = OUT_CODES; i < LAID; i++) {
        if (arrays[i].size < most + (i == OUT_STARTS)) return LAY_OUT_ARGUMENTS[i].name;
    }
    for (int64_t i = 0; i < words; i++) {
        int32_t term = ((const int32_t *)arrays[OWN_TERMS].data)[i];
        if (term != NOBODY && (term < 0 || term >= arrays[TABLE].size)) return "own";
    }
    for (int64_t i = 0; i < others; i++) {
        int32_t term = ((const int32_t *)arrays[OTHERS].data)[i];
        if (term < 0 || term >= arrays[TABLE].size) return "number";
        int64_t word = ((const int64_t *)arrays[WORDS].data)[i];
        if (word < 0 || word >= words) return "slot";
    }
    return NULL;
}

static int64_t pairs_of(const Array *arrays, Pair *pairs) {
    const float *shares = arrays[SHARES].data, *strengths = arrays[STRENGTHS].data;
    int64_t count = 0;
    for (int64_t word = 0; word < arrays[OWN_TERMS].size; word++) {
        int32_t term = ((const int32_t *)arrays[OWN_TERMS].data)[word];
        if (term == NOBODY) continue;
        /* A share is 1 at most. */
        Pair pair = {word, 0, shares[word] + 1, shares[word], 0, term, 0};
        pairs[count++] = pair;
    }
    for (int64_t i = 0; i < arrays[OTHERS].size; i++) {
        int64_t word = ((const int64_t *)arrays[WORDS].data)[i];
        float worth = shares[word] * strengths[i];
        Pair pair = {word, 0, worth, worth, strengths[i], ((const int32_t *)arrays[OTHERS].data)[i], 0};
        pairs[count++] = pair;
    }
    return count;
}

/* Give a code to each distinct term, and write the pairs down by code. How many codes lead to rows. */
static int64_t write_pairs(
    const Array *arrays, Pair *pairs, const int32_t *order, int64_t count, float least, int64_t *codes
) {
    int16_t *table = arrays[TABLE].data;
    int32_t *terms = arrays[OUT_CODES].data;
    float *worths = arrays[OUT_WORTH].data, *strengths = arrays[OUT_STRENGTH].data;
    int64_t *starts = arrays[OUT_STARTS].data, *words = arrays[OUT_WORD].data;
    int64_t leads = 0, known = 0;
    for (int64_t i = 0; i < count; i++) {
        Pair *pair = &pairs[order[i]];
        int code = table[pair->term];
        if (code <= 0 || code > known || terms[code - 1] != pair->term) { /* a table that is not all 0 does no harm */
            terms[known] = pair->term;
            table[pair->term] = (int16_t)(code = (int)++known);
            starts[code] = 0;
            leads += pair->rank >= least;
        }
        pair->code = code - 1;
        pairs[pair->code].sum += pair->worth;
        starts[code]++;
    }
    for (int64_t i = 0; i < known; i++) {
        table[terms[i]] = 0;
        worths[i] = (float)pairs[i].sum;
    }
    starts[0] = 0;
    for (int64_t i = 1; i <= known; i++) starts[i] += starts[i - 1];
    for (int64_t i = count - 1; i >= 0; i--) { /* from the end, so that each stretch is filled from its end */
        const Pair *pair = &pairs[order[i]];
        int64_t place = --starts[pair->code + 1];
        words[place] = pair->word;
        strengths[place] = pair->strength;
    }
    for (int64_t i = 0; i < known; i++) starts[i] = starts[i + 1]; /* they begin where the filling ended */
    starts[known] = count;
    *codes = known;
    return leads;
}

/* lay_out(own, shares, slot, number, strength, code, codes, worth, pair_starts, pair_word, pair_strength, least)
 * -> (codes, pairs, how many of the first codes are worth `least`) */
KERNEL(lay_out) {
    (void)self;
    if (!counted("lay_out", given, LAID + 1)) return NULL;
    double least = PyFloat_AsDouble(arguments[LAID]);
    if (least == -1 && PyErr_Occurred()) return NULL;
    Array arrays[LAID];
    if (take_arrays(arrays, arguments, LAY_OUT_ARGUMENTS, LAID) < 0) return NULL;
    PyObject *answer = NULL;
    const char *name = unfit(arrays);
    size_t most = (size_t)(arrays[OWN_TERMS].size + arrays[OTHERS].size + 1);
    Pair *pairs = malloc(most * sizeof *pairs);
    int32_t *room = malloc(2 * most * sizeof *room);
    if (name != NULL) {
        refuse(name, "an array that fits the others");
    } else if (pairs == NULL || room == NULL) {
        PyErr_NoMemory();
    } else {
        int64_t codes, count = pairs_of(arrays, pairs);
        int64_t leads = write_pairs(arrays, pairs, ranked(pairs, count, room), count, (float)least, &codes);
        answer = Py_BuildValue("(LLL)", (long long)codes, (long long)count, (long long)leads);
    }
    free(pairs);
    free(room);
    release_arrays(arrays, LAID);
    return answer;
}

/* --- how scores came about ---------------------------------------------------------------------------------------- */

/* What `explain` takes behind the texts and three arrays. */
enum { SPELLINGS, NAMES, REASONS, NIL, WORTH_TELLING, SAYS, SAYS_LIKE, COMMA, MAKE, TOLD_ARGUMENTS };

/* Add to a list, if a row says any of the words, `intro` and those that it says. 0, or -1 with an exception set. */
static int tell_words(PyObject *why, PyObject *const *told, PyObject *intro, const uint8_t *says, int64_t words) {
    PyObject *said = PyList_New(0), *joined = NULL, *text = NULL;
    int failed = said == NULL;
    for (int64_t word = 0; word < words && !failed; word++) {
        if (says[word]) failed = PyList_Append(said, PyTuple_GetItem(told[SPELLINGS], word));
    }
    if (!failed && PyList_Size(said)) {
        joined = PyUnicode_Join(told[COMMA], said);
        text = joined == NULL ? NULL : PyUnicode_Concat(intro, joined);
        failed = text == NULL || PyList_Append(why, text);
    }
    Py_XDECREF(said);
    Py_XDECREF(joined);
    Py_XDECREF(text);
    return failed ? -1 : 0;
}

/* Add to a list what there is to say of the parts. 0, or -1 with an exception set. */
static int tell_reasons(PyObject *why, PyObject *const *told, const float *parts, Py_ssize_t size, double worth) {
    for (Py_ssize_t i = 0; i < PyTuple_Size(told[REASONS]); i++) {
        PyObject *reason = PyTuple_GetItem(told[REASONS], i);
        int pair = PyTuple_Check(reason) && PyTuple_Size(reason) == 2;
        Py_ssize_t part = pair ? PyLong_AsSsize_t(PyTuple_GetItem(reason, 0)) : -1;
        if (part < 0 || part >= size) {
            refuse("reasons", "tuples of the place of a part and what to say of it");
            return -1;
        }
        if (parts[part] >= worth && PyList_Append(why, PyTuple_GetItem(reason, 1)) < 0) return -1;
    }
    return 0;
}

/* The parts that a score is the sum of, by name. */
static PyObject *tell_parts(PyObject *names, const float *parts, double nil) {
    PyObject *values = PyDict_New();
    for (Py_ssize_t i = 0; values != NULL && i < PyTuple_Size(names); i++) {
        if (!(parts[i] > nil || parts[i] < -nil)) continue;
        PyObject *value = PyFloat_FromDouble(parts[i]);
        if (value == NULL || PyDict_SetItem(values, PyTuple_GetItem(names, i), value) < 0) Py_CLEAR(values);
        Py_XDECREF(value);
    }
    return values;
}

/* What is told of one row. */
static PyObject *tell(
    PyObject *const *told, const uint8_t *exact, const uint8_t *alike, int64_t words, float total, const float *parts
) {
    PyObject *why = PyList_New(0), *values = NULL, *reasons = NULL, *score = NULL, *answer = NULL;
    double nil = PyFloat_AsDouble(told[NIL]), worth = PyFloat_AsDouble(told[WORTH_TELLING]);
    if (why == NULL || PyErr_Occurred()) goto done;
    if (tell_words(why, told, told[SAYS], exact, words) < 0) goto done;
    if (tell_words(why, told, told[SAYS_LIKE], alike, words) < 0) goto done;
    if (tell_reasons(why, told, parts, PyTuple_Size(told[NAMES]), worth) < 0) goto done;
    values = tell_parts(told[NAMES], parts, nil);
    reasons = values == NULL ? NULL : PyList_AsTuple(why);
    score = reasons == NULL ? NULL : PyFloat_FromDouble(total);
    if (score != NULL) answer = PyObject_CallFunctionObjArgs(told[MAKE], score, values, reasons, NULL);
done:
    Py_XDECREF(why);
    Py_XDECREF(values);
    Py_XDECREF(reasons);
    Py_XDECREF(score);
    return answer;
}

static const char *untold(PyObject *const *told, const Texts *texts, const Array *arrays) {
    if (!PyTuple_Check(told[SPELLINGS]) || PyTuple_Size(told[SPELLINGS]) < texts->words) return "spellings";
    if (!PyTuple_Check(told[NAMES]) || PyTuple_Size(told[NAMES]) != arrays[2].width) return "names";
    if (!PyTuple_Check(told[REASONS])) return "reasons";
    if (arrays[1].size != arrays[0].size) return "total";
    return arrays[2].size != arrays[0].size ? "parts" : NULL;
}

/* explain(*texts, rows, total, parts, spellings, names, reasons, nil, worth telling, says, says like, comma, make)
 * -> [make(total, {name: part}, (reason, ...)), ...] */
KERNEL(explain) {
    (void)self;
    static const Expected expected[3] = {{"rows", "i8", 1, READ}, {"total", "f4", 1, READ}, {"parts", "f4", 2, READ}};
    if (!counted("explain", given, TEXT_ARRAYS + 1 + 3 + TOLD_ARGUMENTS)) return NULL;
    PyObject *const *told = arguments + TEXT_ARRAYS + 1 + 3;
    Texts texts;
    Array arrays[3];
    if (take_arrays(arrays, arguments + TEXT_ARRAYS + 1, expected, 3) < 0) return NULL;
    if (open_texts(&texts, arguments) < 0) {
        release_arrays(arrays, 3);
        return NULL;
    }
    float *says = malloc((size_t)(2 * texts.stride + 1) * sizeof *says);
    uint8_t *exact = malloc((size_t)(2 * texts.stride + 1));
    PyObject *answer = NULL;
    const char *name = untold(told, &texts, arrays);
    if (name != NULL) {
        refuse(name, "as long as what it tells of");
    } else if (says == NULL || exact == NULL) {
        PyErr_NoMemory();
    } else {
        answer = PyList_New(arrays[0].size);
    }
    for (int64_t i = 0; answer != NULL && i < arrays[0].size; i++) {
        int64_t row = ((const int64_t *)arrays[0].data)[i];
        int32_t known = row < 0 || row > INT32_MAX ? NOBODY : (int32_t)row;
        float *times = says + texts.stride, total = ((const float *)arrays[1].data)[i];
        uint8_t *alike = exact + texts.stride;
        PyObject *item = NULL;
        if (read_rows(&texts, &known, 1, says, times) == 0) {
            for (int64_t word = 0; word < texts.words; word++) {
                exact[word] = times[word] > 0;
                alike[word] = times[word] == 0 && says[word] > 0;
            }
            item = tell(told, exact, alike, texts.words, total, (const float *)arrays[2].data + i * arrays[2].stride);
        }
        if (item == NULL) Py_CLEAR(answer);
        else PyList_SetItem(answer, i, item);
    }
    free(says);
    free(exact);
    close_texts(&texts);
    release_arrays(arrays, 3);
    return answer;
}

/* --- the best rows ------------------------------------------------------------------------------------------------ */

/* Whether one place comes before another: the higher score, of equal ones the earlier row. */
static inline int before(const float *total, const int64_t *rows, int64_t one, int64_t other) {
    return total[one] > total[other] || (total[one] == total[other] && rows[one] < rows[other]);
}

/* Let what is at a place of a heap, whose top comes last of all, sink to where it belongs. */
static void sink(int64_t *heap, int64_t size, int64_t at, const float *total, const int64_t *rows) {
    int64_t held = heap[at];
    for (int64_t child; (child = 2 * at + 1) < size; at = child) {
        if (child + 1 < size && before(total, rows, heap[child], heap[child + 1])) child++;
        if (!before(total, rows, held, heap[child])) break;
        heap[at] = heap[child];
    }
    heap[at] = held;
}

/* best_of(rows, total, found, places): write to `places`, as many as there is room for, where the best rows stand that
 * something speaks for, best first; -> how many. */
KERNEL(best_of) {
    (void)self;
    static const Expected expected[4] = {
        {"rows", "i8", 1, READ}, {"total", "f4", 1, READ}, {"found", "b1", 1, READ}, {"places", "i8", 1, WRITE},
    };
    if (!counted("best_of", given, 4)) return NULL;
    Array arrays[4];
    if (take_arrays(arrays, arguments, expected, 4) < 0) return NULL;
    PyObject *answer = NULL;
    const int64_t *rows = arrays[0].data;
    const float *total = arrays[1].data;
    const uint8_t *found = arrays[2].data;
    int64_t *heap = arrays[3].data, size = 0, k = arrays[3].size;
    if (arrays[1].size != arrays[0].size || arrays[2].size != arrays[0].size) {
        refuse("total and found", "as long as rows");
        goto done;
    }
    for (int64_t i = 0; i < arrays[0].size && k > 0; i++) {
        if (!found[i]) continue;
        if (size < k) {
            heap[size++] = i;
            if (size == k) {
                for (int64_t at = size / 2; at-- > 0;) sink(heap, size, at, total, rows);
            }
        } else if (before(total, rows, i, heap[0])) {
            heap[0] = i;
            sink(heap, size, 0, total, rows);
        }
    }
    for (int64_t at = size / 2; size < k && at-- > 0;) sink(heap, size, at, total, rows);
    for (int64_t end = size; end-- > 1;) { /* the last of those that are left goes behind them */
        int64_t last = heap[0];
        heap[0] = heap[end];
        heap[end] = last;
        sink(heap, end, 0, total, rows);
    }
    answer = PyLong_FromLongLong(size);
done:
    release_arrays(arrays, 4);
    return answer;
}

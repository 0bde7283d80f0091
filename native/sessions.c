/* How often the sessions of some rows say the words: the part of `score` that reads what is kept by session. */
#include "score.h"

#include <stdlib.h>
#include <string.h>

#define LONG_LIST 16 /* times as long as what is looked for: looking for each is quicker then than going through it */
#define TOGETHER 8

/* The first places of an ascending list whose numbers are not below those looked for. The steps do not depend on what is
 * found, so that the processor goes on with the others while it waits for one. */
ALWAYS_INLINE void lower(const int32_t *list, int32_t size, const int32_t *numbers, int32_t *places) {
    for (int i = 0; i < TOGETHER; i++) places[i] = 0;
    for (int32_t left = size; left > 1; left -= left / 2) {
        int32_t half = left / 2;
        for (int i = 0; i < TOGETHER; i++) places[i] += list[places[i] + half - 1] < numbers[i] ? half : 0;
    }
    for (int i = 0; i < TOGETHER; i++) places[i] += size > 0 && list[places[i]] < numbers[i];
}

const char *find_runs(Call *call) {
    const int32_t *run = COLUMN(call, RUN, int32_t), *session = COLUMN(call, SESSION, int32_t);
    const int64_t *rows = call->call[ROWS].data;
    for (int64_t i = 0; i < call->call[ROWS].size; i++) {
        int32_t number = run[rows[i]];
        if (number < 0 || number >= call->columns[RUN_LENGTH].size || number >= call->size) return "run";
        if (session[rows[i]] != 0) place_of(&call->runs, number);
    }
    return NULL;
}

/* How often one word is said by the runs asked for, as a list of those that say it tells: by looking for each. */
ALWAYS_INLINE void look_up(Call *call, int64_t word, const int32_t *runs, const int32_t *totals, int64_t size) {
    for (int32_t first = 0; first < call->runs.count; first += TOGETHER) {
        int32_t numbers[TOGETHER] = {0}, places[TOGETHER];
        int some = call->runs.count - first < TOGETHER ? call->runs.count - first : TOGETHER;
        memcpy(numbers, call->runs.numbers + first, (size_t)some * sizeof *numbers);
        lower(runs, (int32_t)size, numbers, places);
        for (int i = 0; i < some; i++) {
            if (places[i] >= size || runs[places[i]] != numbers[i]) continue;
            call->totals[(first + i) * call->texts.stride + word] = totals[places[i]];
        }
    }
}

/* The same by going through the list. */
ALWAYS_INLINE void look_through(Call *call, int64_t word, const int32_t *runs, const int32_t *totals, int64_t size) {
    for (int64_t begin = 0; begin < size; begin += SIEVED) {
        int64_t left = size - begin < SIEVED ? size - begin : SIEVED;
        uint64_t through = sieved(&call->sieve, runs + begin, left, size - begin);
        for (; through; through &= through - 1) {
            int64_t at = begin + FIRST_OF(through);
            int32_t place = runs[at] < 0 ? -1 : known_place(&call->runs, runs[at]);
            if (place >= 0) call->totals[place * call->texts.stride + word] = totals[at];
        }
    }
}

/* What sessions say of the words in the base. */
ALWAYS_INLINE const char *add_base(Call *call) {
    const int64_t *starts = COLUMN(call, RUN_STARTS, int64_t);
    const int32_t *runs = COLUMN(call, RUNS, int32_t), *totals = COLUMN(call, TOTALS, int32_t);
    const int32_t *own = COLUMN(call, OWN, int32_t);
    for (int32_t i = 0; i < call->runs.count; i++) let_through(&call->sieve, call->runs.numbers[i]);
    for (int64_t word = 0; word < call->texts.words; word++) {
        if (own[word] < 0 || own[word] + (int64_t)1 >= call->columns[RUN_STARTS].size) continue;
        int64_t begin = starts[own[word]], end = starts[own[word] + 1];
        if (begin < 0 || end < begin || end > call->columns[RUNS].size) return "run_starts";
        int64_t size = end - begin, much = LONG_LIST * (int64_t)call->runs.count;
        if (size > much && size < INT32_MAX) look_up(call, word, runs + begin, totals + begin, size);
        else look_through(call, word, runs + begin, totals + begin, size);
    }
    return NULL;
}

static inline void add_entry(Call *call, int64_t word, int64_t entry) {
    const uint8_t *shown = call->columns[SHOWN].data;
    int64_t row = entry >> 8; /* as `Tail` keeps them: the count is below */
    if (row < 0 || row >= call->size || (shown != NULL && !shown[row])) return;
    int32_t place = known_place(&call->runs, COLUMN(call, RUN, int32_t)[row]);
    if (place >= 0) call->totals[place * call->texts.stride + word] += entry & 0xff;
}

/* ... and what they say in a tail. by_word: what `Tail.entry` gives for each word. 0, or -1 with an exception set. */
static int add_tail(Call *call, PyObject *by_word) {
    static const Expected expected = {"a tail's entries", "i8", 1, READ};
    if (!PyTuple_Check(by_word) || PyTuple_Size(by_word) != call->texts.words) {
        refuse("newer", "tuples with an item a word");
        return -1;
    }
    for (int64_t word = 0; word < call->texts.words; word++) {
        PyObject *given = PyTuple_GetItem(by_word, word);
        if (given == Py_None) continue;
        if (PyLong_Check(given)) {
            long long entry = PyLong_AsLongLong(given);
            if (entry == -1 && PyErr_Occurred()) return -1;
            add_entry(call, word, entry);
            continue;
        }
        Array entries;
        if (take_arrays(&entries, &given, &expected, 1) < 0) return -1;
        for (int64_t i = 0; i < entries.size; i++) add_entry(call, word, ((const int64_t *)entries.data)[i]);
        release_arrays(&entries, 1);
    }
    return 0;
}

/* Totals that were counted for a view of the past. */
static void copy_past(Call *call) {
    const Array *runs = &call->call[PAST_RUNS], *totals = &call->call[PAST_TOTALS];
    const int32_t *list = runs->data;
    for (int32_t i = 0; i < call->runs.count; i++) {
        int64_t at = 0, end = runs->size;
        while (at < end) {
            int64_t middle = at + (end - at) / 2;
            if (list[middle] < call->runs.numbers[i]) at = middle + 1;
            else end = middle;
        }
        if (at == runs->size || list[at] != call->runs.numbers[i]) continue;
        for (int64_t word = 0; word < call->texts.words; word++) {
            call->totals[i * call->texts.stride + word] = ((const int64_t *)totals->data)[word * totals->stride + at];
        }
    }
}

float norm_of_run(const Call *call, int32_t run) {
    double mean = number_of(&call->texts, MEAN_RUN), part = number_of(&call->texts, LENGTH_NORM);
    double ratio = COLUMN(call, RUN_LENGTH, double)[run] / (mean > 1e-9 ? mean : 1e-9);
    return (float)(number_of(&call->texts, SATURATION) * (1 - part + part * ratio));
}

FOR_NEWER_PROCESSORS
int spread_out(Call *call) {
    int64_t stride = call->texts.stride;
    size_t room = (size_t)(call->runs.count * stride + 1);
    call->totals = calloc(room, sizeof *call->totals);
    call->spread = malloc(room * sizeof *call->spread);
    if (call->totals == NULL || call->spread == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (call->call[PAST_RUNS].data != NULL) {
        copy_past(call);
    } else {
        const char *name = add_base(call);
        if (name != NULL) {
            refuse(name, "an array that fits the others");
            return -1;
        }
        for (Py_ssize_t i = 0; i < PyTuple_Size(call->newer); i++) {
            if (add_tail(call, PyTuple_GetItem(call->newer, i)) < 0) return -1;
        }
    }
    for (int32_t i = 0; i < call->runs.count; i++) {
        float norm = norm_of_run(call, call->runs.numbers[i]);
        const int64_t *totals = call->totals + i * stride;
        float *spread = call->spread + i * stride;
        for (int64_t word = 0; word < stride; word++) {
            float times = (float)totals[word];
            spread[word] = times / (times + norm);
        }
    }
    return 0;
}

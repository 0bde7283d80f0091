/* The exact score of rows (`memory/exact.py` has the twin and docs/search.md the formula), and which are the best. */
#include "score.h"
#include "times.h"

#include <stdlib.h>
#include <string.h>

static const Expected COLUMN_ARGUMENTS[COLUMNS] = {
    {"own", "i4", 1, READ},        {"previous", "i4", 1, READ},     {"following", "i4", 1, READ},
    {"run", "i4", 1, READ},        {"session", "i4", 1, READ},      {"asks", "f4", 1, READ},
    {"times_told", "f4", 1, READ}, {"speaker", "i4", 1, READ},      {"role", "i4", 1, READ},
    {"occurred", "i8", 1, READ},   {"run_length", "f8", 1, READ},   {"run_starts", "i8", 1, READ},
    {"runs", "i4", 1, READ},       {"totals", "i4", 1, READ},       {"shown", "b1", 1, OPTIONAL},
    {"named", "i4", 1, READ},      {"roles", "i4", 1, READ},        {"role_weights", "f4", 1, READ},
    {"hints", "i8", 2, READ},      {"slopes", "f8", 2, READ},
};

static const Expected CALL_ARGUMENTS[CALL_ARRAYS] = {
    {"past_runs", "i4", 1, OPTIONAL}, {"past_totals", "i8", 2, OPTIONAL}, {"rows", "i8", 1, READ},
    {"products", "f4", 1, OPTIONAL},  {"total", "f4", 1, WRITE},          {"found", "b1", 1, WRITE},
    {"values", "f4", 2, WRITE},
};

#define AHEAD 16     /* rows that are asked for before they are looked at */

static int make_places(Places *places, int64_t most) {
    uint64_t room = 16;
    while (room < 2 * (uint64_t)most) room *= 2;
    places->mask = (uint32_t)(room - 1);
    places->count = 0;
    places->entries = malloc(room * sizeof *places->entries);
    places->numbers = malloc((size_t)(most + 1) * sizeof *places->numbers);
    if (places->entries == NULL || places->numbers == NULL) return -1;
    memset(places->entries, 0xff, room * sizeof *places->entries); /* all -1 */
    return 0;
}

static void free_places(Places *places) {
    free(places->entries);
    free(places->numbers);
}

/* What is wrong with the arrays, or NULL. */
static const char *unfit(const Call *call) {
    const Array *columns = call->columns, *given = call->call;
    static const int by_row[] = {FOLLOWING, RUN, SESSION, ASKS, TIMES_TOLD, SPEAKER, ROLE, OCCURRED};
    for (size_t i = 0; i < sizeof by_row / sizeof *by_row; i++) {
        if (columns[by_row[i]].size < call->size) return COLUMN_ARGUMENTS[by_row[i]].name;
    }
    if (columns[SHOWN].data != NULL && columns[SHOWN].size < call->size) return "shown";
    if (call->texts.rows < call->size || call->size > INT32_MAX) return "length";
    if (columns[OWN].size != call->texts.words) return "own";
    if (columns[RUN_STARTS].size < 1) return "run_starts";
    if (columns[TOTALS].size < columns[RUNS].size) return "totals";
    if (columns[ROLE_WEIGHTS].size != columns[ROLES].size) return "role_weights";
    if (columns[HINTS].width != 2) return "hints";
    if (columns[SLOPES].width != 2 || columns[SLOPES].size != columns[HINTS].size) return "slopes";
    int64_t rows = given[ROWS].size;
    if (rows > INT32_MAX / 8) return "rows";
    if (given[PRODUCTS].data != NULL && given[PRODUCTS].size != rows) return "products";
    if (given[TOTAL].size != rows) return "total";
    if (given[FOUND].size != rows) return "found";
    if (given[VALUES].size != rows || given[VALUES].width != PARTS) return "values";
    if (given[PAST_RUNS].data != NULL) {
        const Array *totals = &given[PAST_TOTALS];
        if (totals->data == NULL || totals->size != call->texts.words || totals->width != given[PAST_RUNS].size) {
            return "past_totals";
        }
    }
    return NULL;
}

/* Room for what is worked on; what is as long as there are neighbours is made when these are known. */
static int make_room(Call *call) {
    int64_t rows = call->call[ROWS].size, stride = call->texts.stride;
    int64_t most = WAYS * rows < call->size ? WAYS * rows : call->size;
    call->ways = malloc((size_t)(WAYS * rows + 1) * sizeof *call->ways);
    call->own = malloc((size_t)(2 * stride + 1) * sizeof *call->own);
    call->bare = calloc((size_t)stride + 1, sizeof *call->bare);
    int made = make_places(&call->around, most + 1) + make_places(&call->runs, rows < call->size ? rows : call->size);
    return made < 0 || call->ways == NULL || call->own == NULL || call->bare == NULL ? -1 : 0;
}

static inline int32_t beside(const int32_t *neighbours, int32_t row, int64_t size, int *wrong) {
    if (row < 0) return NOBODY;
    *wrong |= neighbours[row] >= size;
    return neighbours[row] >= size ? NOBODY : neighbours[row];
}

/* Have what is told of a row fetched, which lies about in memory. */
static inline void ask_for(const Call *call, int64_t row) {
    static const int columns[] = {PREVIOUS, FOLLOWING, RUN, SESSION, TIMES_TOLD};
    if (row < 0 || row >= call->size) return;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        __builtin_prefetch((const int32_t *)call->columns[columns[i]].data + row); /* all are of four bytes */
    }
}

/* Who stands around the rows, each once. */
static const char *find_around(Call *call) {
    const int32_t *previous = COLUMN(call, PREVIOUS, int32_t), *following = COLUMN(call, FOLLOWING, int32_t);
    const int64_t *rows = call->call[ROWS].data;
    int context = number_of(&call->texts, CONTEXT) != 0, wrong = 0;
    call->around.numbers[0] = NOBODY;
    call->around.count = 1;
    int64_t count = call->call[ROWS].size;
    for (int64_t i = 0; i < count; i++) {
        int32_t *ways = call->ways + WAYS * i;
        if (rows[i] < 0 || rows[i] >= call->size) return "rows";
        if (i + AHEAD < count) ask_for(call, rows[i + AHEAD]);
        ways[0] = place_of(&call->around, (int32_t)rows[i]);
        if (!context) continue;
        int32_t near[WAYS];
        near[1] = beside(previous, (int32_t)rows[i], call->size, &wrong);
        near[2] = beside(following, (int32_t)rows[i], call->size, &wrong);
        near[3] = beside(previous, near[1], call->size, &wrong);
        near[4] = beside(following, near[2], call->size, &wrong);
        for (int way = 1; way < WAYS; way++) ways[way] = near[way] < 0 ? 0 : place_of(&call->around, near[way]);
    }
    return wrong ? "previous" : NULL;
}

/* What the words say for a row: by itself, with what is said around it, and by its session. The sums are made in the
 * order of the words: they are the same whatever is asked for beside the row. */
ALWAYS_INLINE void say(const Call *call, int64_t i, const float *spread, float *values) {
    const Texts *texts = &call->texts;
    const int64_t stride = texts->stride, row = ((const int64_t *)call->call[ROWS].data)[i];
    const int32_t *ways = call->ways + WAYS * i;
    const float *says = call->says, *bare = call->bare, *by = call->weights, *mine = says + ways[0] * stride;
    const float *before = says + ways[1] * stride, *behind = says + ways[2] * stride;
    const float *second_before = says + ways[3] * stride, *second_behind = says + ways[4] * stride;
    float need = 1 / (1 + ((const float *)texts->arrays[LENGTH].data)[row] * by[NEED]);
    float answers = by[PREVIOUS_WAY], sums[3] = {0};
    if (ways[1] != 0) {
        answers += by[PREVIOUS_ASKS] * COLUMN(call, ASKS, float)[COLUMN(call, PREVIOUS, int32_t)[row]];
        if (answers > 1) answers = 1;
    }
    float first = answers * need, second = by[FOLLOWING_WAY] * need, third = by[SECOND_PREVIOUS_WAY] * need;
    float fourth = by[SECOND_FOLLOWING_WAY] * need, reach = by[SESSION_WAY] * need;
    for (int64_t begin = 0; begin < stride; begin += WORDS_AT_ONCE) {
        float turn[WORDS_AT_ONCE], window[WORDS_AT_ONCE], session[WORDS_AT_ONCE];
        for (int j = 0; j < WORDS_AT_ONCE; j++) {
            int64_t word = begin + j;
            float missed = 1 - mine[word];
            missed *= 1 - before[word] * first;
            missed *= 1 - behind[word] * second;
            missed *= 1 - second_before[word] * third;
            missed *= 1 - second_behind[word] * fourth;
            turn[j] = bare[word] * mine[word];
            window[j] = bare[word] * (1 - missed - mine[word]);
            session[j] = bare[word] * (missed * (spread[word] * reach));
        }
        for (int j = 0; j < WORDS_AT_ONCE; j++) {
            sums[0] += turn[j];
            sums[1] += window[j];
            sums[2] += session[j];
        }
    }
    values[TURN_PART] = sums[0];
    values[WINDOW_PART] = sums[1];
    values[SESSION_PART] = sums[2];
}

/* The same where only the row itself counts. */
ALWAYS_INLINE void say_alone(const Call *call, int64_t i, float *values) {
    const float *mine = call->says + call->ways[WAYS * i] * call->texts.stride;
    values[TURN_PART] = values[WINDOW_PART] = values[SESSION_PART] = 0;
    for (int64_t word = 0; word < call->texts.words; word++) values[TURN_PART] += call->bare[word] * mine[word];
}

/* By word how far the session of a row is about it. NULL with an exception set if that could not be told. */
static const float *session_of(Call *call, int64_t row) {
    if (COLUMN(call, SESSION, int32_t)[row] != 0) {
        return call->spread + known_place(&call->runs, COLUMN(call, RUN, int32_t)[row]) * call->texts.stride;
    }
    int32_t alone = (int32_t)row;
    float *held = call->own + call->texts.stride, norm = norm_of_run(call, COLUMN(call, RUN, int32_t)[row]);
    int64_t looked = call->texts.looked;
    if (read_rows(&call->texts, &alone, 1, call->own, held) < 0) return NULL;
    call->texts.looked = looked;
    for (int64_t word = 0; word < call->texts.words; word++) held[word] /= held[word] + norm;
    return held;
}

/* How near a row is to the time of the hint that it is nearest to. */
ALWAYS_INLINE float nearness(const Call *call, int64_t row) {
    const Array *hints = &call->columns[HINTS], *slopes = &call->columns[SLOPES];
    float nearest = 0;
    for (int64_t i = 0; i < hints->size; i++) {
        const int64_t *bounds = (const int64_t *)hints->data + i * hints->stride;
        const double *widths = (const double *)slopes->data + i * slopes->stride;
        float near = closeness(COLUMN(call, OCCURRED, int64_t)[row], bounds, widths);
        if (near > nearest) nearest = near;
    }
    return nearest;
}

static inline int holds(const Array *array, int32_t number) {
    for (int64_t i = 0; i < array->size; i++) {
        if (((const int32_t *)array->data)[i] == number) return 1;
    }
    return 0;
}

/* What does not depend on what the words are: who says it, what kind of turn it is, when it was said. */
ALWAYS_INLINE void weigh(const Call *call, int64_t i, float *values) {
    int64_t row = ((const int64_t *)call->call[ROWS].data)[i];
    const float *products = call->call[PRODUCTS].data, *by = call->weights;
    float said = values[TURN_PART] + values[WINDOW_PART] + values[SESSION_PART], total = said;
    int found = said > 0;
    values[SPEAKER_PART] = 0;
    if (call->columns[NAMED].size && holds(&call->columns[NAMED], COLUMN(call, SPEAKER, int32_t)[row])) {
        values[SPEAKER_PART] = by[SPEAKER_MORE] + by[SPEAKER_LEXICAL] * said;
    }
    float first = COLUMN(call, PREVIOUS, int32_t)[row] == NOBODY;
    float kind = by[TOLD] * COLUMN(call, TIMES_TOLD, float)[row] +
                 (by[FIRST_MORE] + by[FIRST_LEXICAL] * said) * first;
    for (int64_t role = 0; role < call->columns[ROLES].size; role++) {
        if (COLUMN(call, ROLES, int32_t)[role] != COLUMN(call, ROLE, int32_t)[row]) continue;
        kind += COLUMN(call, ROLE_WEIGHTS, float)[role];
    }
    values[KIND_PART] = kind;
    total += values[SPEAKER_PART];
    total += kind;
    float near = call->columns[HINTS].size ? nearness(call, row) : 0;
    values[TIME_PART] = by[TIME_MORE] * near;
    total += values[TIME_PART];
    found |= near > 0;
    values[DENSE_PART] = products == NULL ? 0 : by[DENSE_MORE] * products[i];
    total += values[DENSE_PART];
    found |= products != NULL && products[i] > 0;
    ((float *)call->call[TOTAL].data)[i] = total;
    ((uint8_t *)call->call[FOUND].data)[i] = (uint8_t)found;
}

/* 0, or -1 with an exception set. */
FOR_NEWER_PROCESSORS
static int score_rows(Call *call) {
    const int64_t *rows = call->call[ROWS].data;
    int context = number_of(&call->texts, CONTEXT) != 0;
    for (int64_t i = 0; i < call->call[ROWS].size; i++) {
        float *values = (float *)call->call[VALUES].data + i * call->call[VALUES].stride;
        if (context) {
            const float *spread = session_of(call, rows[i]);
            if (spread == NULL) return -1;
            say(call, i, spread, values);
        } else {
            say_alone(call, i, values);
        }
        weigh(call, i, values);
    }
    return 0;
}

static int run_call(Call *call) {
    const char *name = unfit(call);
    if (name == NULL && make_room(call) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    if (name == NULL) name = find_around(call);
    if (name == NULL && number_of(&call->texts, CONTEXT) != 0) name = find_runs(call);
    if (name != NULL) {
        refuse(name, "an array that fits the others");
        return -1;
    }
    int64_t stride = call->texts.stride;
    memcpy(call->bare, call->texts.arrays[BARE].data, (size_t)call->texts.words * sizeof *call->bare);
    for (int i = 0; i < NUMBERS_COUNT; i++) call->weights[i] = (float)number_of(&call->texts, i);
    call->says = malloc((size_t)(call->around.count * stride + 1) * sizeof *call->says);
    if (call->says == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(call->says, 0, (size_t)stride * sizeof *call->says);
    if (read_rows(&call->texts, call->around.numbers + 1, call->around.count - 1, call->says + stride, NULL) < 0) return -1;
    if (number_of(&call->texts, CONTEXT) != 0 && spread_out(call) < 0) return -1;
    return score_rows(call);
}

static void free_call(Call *call) {
    free_places(&call->around);
    free_places(&call->runs);
    free(call->ways);
    free(call->says);
    free(call->totals);
    free(call->spread);
    free(call->own);
    free(call->bare);
}

/* score(*texts, *columns, newer, past_runs, past_totals, rows, products, total, found, values) -> occurrences looked at */
static KERNEL(score) {
    (void)self;
    if (!counted("score", given, TEXT_ARRAYS + 1 + COLUMNS + 1 + CALL_ARRAYS)) return NULL;
    Call call;
    memset(&call, 0, sizeof call);
    PyObject *const *columns = arguments + TEXT_ARRAYS + 1, *const *rest = columns + COLUMNS + 1;
    call.newer = columns[COLUMNS];
    if (!PyTuple_Check(call.newer)) return refuse("newer", "a tuple");
    if (take_arrays(call.columns, columns, COLUMN_ARGUMENTS, COLUMNS) < 0) return NULL;
    PyObject *answer = NULL;
    if (take_arrays(call.call, rest, CALL_ARGUMENTS, CALL_ARRAYS) < 0) goto columns_taken;
    if (open_texts(&call.texts, arguments) < 0) goto call_taken;
    call.size = call.columns[PREVIOUS].size;
    if (run_call(&call) == 0) answer = PyLong_FromLongLong(call.texts.looked);
    free_call(&call);
    close_texts(&call.texts);
call_taken:
    release_arrays(call.call, CALL_ARRAYS);
columns_taken:
    release_arrays(call.columns, COLUMNS);
    return answer;
}

PyMethodDef score_methods[] = {
    {"lay_out", (PyCFunction)(void (*)(void))lay_out, METH_FASTCALL, NULL},
    {"score", (PyCFunction)(void (*)(void))score, METH_FASTCALL, NULL},
    {"explain", (PyCFunction)(void (*)(void))explain, METH_FASTCALL, NULL},
    {"best_of", (PyCFunction)(void (*)(void))best_of, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

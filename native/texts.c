#include "texts.h"

#include <stdlib.h>
#include <string.h>

#define AHEAD 8 /* rows whose texts are asked for before they are read */

const Expected TEXT_ARGUMENTS[TEXT_ARRAYS] = {
    {"numbers", "f8", 1, READ},     {"bare", "f4", 1, READ},          {"codes", "i4", 1, READ},
    {"pair_starts", "i8", 1, READ}, {"pair_word", "i8", 1, READ},     {"pair_strength", "f4", 1, READ},
    {"code", "i2", 1, WRITE},       {"row_starts", "i8", 1, READ},    {"terms", "i4", 1, READ},
    {"row_counts", "u1", 1, READ},  {"length", "f4", 1, READ},
};

static const Expected TAIL_ARGUMENTS[TAIL_ARRAYS] = {
    {"a tail's ends", "i8", 1, READ}, {"a tail's terms", "i4", 1, READ}, {"a tail's counts", "u1", 1, READ},
};

double number_of(const Texts *texts, int which) { return ((const double *)texts->arrays[NUMBERS].data)[which]; }

static int take_tail(Tail *tail, PyObject *given) {
    PyObject *items[TAIL_ARRAYS];
    if (!PyTuple_Check(given) || PyTuple_Size(given) != 1 + TAIL_ARRAYS) {
        refuse("tails", "tuples of the first row, ends, terms and counts");
        return -1;
    }
    tail->first = PyLong_AsLongLong(PyTuple_GetItem(given, 0));
    if (tail->first < 0) {
        if (!PyErr_Occurred()) refuse("a tail's first row", "0 or more");
        return -1;
    }
    for (int i = 0; i < TAIL_ARRAYS; i++) items[i] = PyTuple_GetItem(given, i + 1);
    return take_arrays(tail->arrays, items, TAIL_ARGUMENTS, TAIL_ARRAYS);
}

static int take_tails(Texts *texts, PyObject *given) {
    if (!PyTuple_Check(given)) {
        refuse("tails", "a tuple");
        return -1;
    }
    Py_ssize_t count = PyTuple_Size(given);
    texts->tails = calloc((size_t)count + 1, sizeof *texts->tails);
    if (texts->tails == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (take_tail(&texts->tails[i], PyTuple_GetItem(given, i)) < 0) return -1;
        texts->tail_count++;
    }
    return 0;
}

/* What is wrong with the arrays of the query, or NULL. */
static const char *unfit(const Texts *texts) {
    const Array *arrays = texts->arrays;
    int64_t codes = arrays[CODES].size, pairs = arrays[PAIR_WORD].size;
    if (arrays[NUMBERS].size != NUMBERS_COUNT) return "numbers";
    if (codes > INT16_MAX) return "codes";
    const int64_t *starts = arrays[PAIR_STARTS].data;
    if (arrays[PAIR_STARTS].size != codes + 1 || starts[0] != 0 || starts[codes] != pairs) return "pair_starts";
    for (int64_t i = 0; i < codes; i++) {
        if (starts[i] > starts[i + 1]) return "pair_starts";
    }
    const int64_t *words = arrays[PAIR_WORD].data;
    for (int64_t i = 0; i < pairs; i++) {
        if (words[i] < 0 || words[i] >= arrays[BARE].size) return "pair_word";
    }
    if (arrays[PAIR_STRENGTH].size != pairs) return "pair_strength";
    const int32_t *terms = arrays[CODES].data;
    for (int64_t i = 0; i < codes; i++) {
        if (terms[i] < 0 || terms[i] >= arrays[CODE].size) return "codes";
    }
    if (arrays[ROW_COUNTS].size < arrays[TERMS].size) return "row_counts";
    if (arrays[ROW_STARTS].size < 1) return "row_starts";
    return NULL;
}

static void write_codes(Texts *texts, int clear) {
    int16_t *code = texts->arrays[CODE].data;
    const int32_t *terms = texts->arrays[CODES].data;
    for (int64_t i = 0; i < texts->arrays[CODES].size; i++) {
        code[terms[i]] = clear ? 0 : (int16_t)(i + 1);
        let_through(&texts->sieve, terms[i]);
    }
}

static void give_back(Texts *texts) {
    for (int i = 0; i < texts->tail_count; i++) release_arrays(texts->tails[i].arrays, TAIL_ARRAYS);
    free(texts->tails);
    release_arrays(texts->arrays, TEXT_ARRAYS);
}

int open_texts(Texts *texts, PyObject *const *arguments) {
    memset(texts, 0, sizeof *texts);
    if (take_arrays(texts->arrays, arguments, TEXT_ARGUMENTS, TEXT_ARRAYS) < 0) return -1;
    const char *name = unfit(texts);
    if (name != NULL) refuse(name, "an array that fits the others");
    if (name != NULL || take_tails(texts, arguments[TEXT_ARRAYS]) < 0) {
        give_back(texts);
        return -1;
    }
    texts->known = texts->arrays[ROW_STARTS].size - 1;
    texts->rows = texts->arrays[LENGTH].size;
    texts->words = texts->arrays[BARE].size;
    texts->stride = (texts->words + WORDS_AT_ONCE - 1) / WORDS_AT_ONCE * WORDS_AT_ONCE;
    double mean = number_of(texts, MEAN_TURN);
    texts->mean = (float)(mean > 1e-9 ? mean : 1e-9);
    texts->saturation = (float)number_of(texts, SATURATION);
    texts->length_norm = (float)number_of(texts, LENGTH_NORM);
    texts->rest = (float)(1 - number_of(texts, LENGTH_NORM));
    write_codes(texts, 0);
    return 0;
}

void close_texts(Texts *texts) {
    write_codes(texts, 1);
    give_back(texts);
}

/* Where the text of a row is. */
typedef struct {
    const int32_t *terms;
    const uint8_t *counts;
    int64_t size;  /* below 0: nowhere */
    int64_t whole; /* terms that may be read: those of the next rows are behind them */
} Text;

static inline Text text_of(const Texts *texts, int32_t row) {
    const Text nowhere = {NULL, NULL, -1, 0};
    const Array *terms = &texts->arrays[TERMS], *counts = &texts->arrays[ROW_COUNTS];
    int64_t begin, end;
    if (row < texts->known) {
        const int64_t *starts = texts->arrays[ROW_STARTS].data;
        begin = starts[row], end = starts[row + 1];
    } else {
        const Tail *tail = texts->tails, *last = tail + texts->tail_count;
        while (tail < last && (row < tail->first || row - tail->first >= tail->arrays[TAIL_ENDS].size)) tail++;
        if (tail == last) return nowhere;
        const int64_t *ends = tail->arrays[TAIL_ENDS].data;
        int64_t place = row - tail->first;
        begin = place ? ends[place - 1] : 0, end = ends[place];
        terms = &tail->arrays[TAIL_TERMS], counts = &tail->arrays[TAIL_COUNTS];
    }
    if (begin < 0 || end < begin || end > terms->size || end > counts->size) return nowhere;
    const int32_t *some = (const int32_t *)terms->data + begin;
    Text text = {some, (const uint8_t *)counts->data + begin, end - begin, terms->size - begin};
    return text;
}

static inline void ask_for(const Text *text) {
    for (int64_t at = 0; at < text->size; at += 16) __builtin_prefetch(text->terms + at);
    __builtin_prefetch(text->counts);
}

/* Note what a row says. held: NULL, or by word how often it says the very word. */
ALWAYS_INLINE void read_text(
    const Texts *texts, const Text *text, float length, float *restrict says, float *restrict held
) {
    const int16_t *code = texts->arrays[CODE].data;
    const int64_t *starts = texts->arrays[PAIR_STARTS].data, *words = texts->arrays[PAIR_WORD].data;
    const float *strengths = texts->arrays[PAIR_STRENGTH].data;
    const uint32_t terms = (uint32_t)texts->arrays[CODE].size;
    const int codes = (int)texts->arrays[CODES].size;
    /* The count at which half is said. */
    const float norm = texts->saturation * (texts->rest + texts->length_norm * (length / texts->mean));
    for (int64_t begin = 0; begin < text->size; begin += SIEVED) {
        int64_t left = text->size - begin < SIEVED ? text->size - begin : SIEVED;
        uint64_t through = sieved(&texts->sieve, text->terms + begin, left, text->whole - begin);
        for (; through; through &= through - 1) {
            int64_t at = begin + FIRST_OF(through);
            uint32_t term = (uint32_t)text->terms[at];
            int known = term < terms ? code[term] : 0;
            if (known <= 0 || known > codes) continue; /* beyond: left there by who failed */
            for (int64_t pair = starts[known - 1]; pair < starts[known]; pair++) {
                /* Without a jump, again: words and those like them come in no order. */
                float very = strengths[pair] > 0 ? 0 : 1, times = very * (float)text->counts[at];
                float much = (strengths[pair] + times) / (1 - very + times + norm), *said = says + words[pair];
                *said = much > *said ? much : *said;
                if (held != NULL && very != 0) held[words[pair]] = times;
            }
        }
    }
}

FOR_NEWER_PROCESSORS
int read_rows(Texts *texts, const int32_t *rows, int64_t count, float *says, float *held) {
    const float *lengths = texts->arrays[LENGTH].data;
    const int64_t *starts = texts->arrays[ROW_STARTS].data;
    const size_t room = (size_t)texts->stride * sizeof *says;
    memset(says, 0, (size_t)count * room);
    if (held != NULL) memset(held, 0, (size_t)count * room);
    Text ahead[AHEAD] = {{NULL, NULL, -1, 0}};
    for (int64_t i = 0; i < count + AHEAD; i++) {
        Text *next = &ahead[i % AHEAD], text = *next;
        if (i < count) {
            if (rows[i] < 0 || rows[i] >= texts->rows) {
                refuse("rows", "rows of the index");
                return -1;
            }
            int32_t later = i + AHEAD < count ? rows[i + AHEAD] : NOBODY;
            if (later >= 0 && later < texts->known) __builtin_prefetch(starts + later);
            *next = text_of(texts, rows[i]);
            ask_for(next);
            __builtin_prefetch(lengths + rows[i]);
        }
        if (i < AHEAD) continue;
        if (text.size < 0) {
            refuse("row_starts", "places of the terms of each row");
            return -1;
        }
        int64_t row = i - AHEAD;
        float *said = says + row * texts->stride, *times = held == NULL ? NULL : held + row * texts->stride;
        if (times == NULL) read_text(texts, &text, lengths[rows[row]], said, NULL);
        else read_text(texts, &text, lengths[rows[row]], said, times);
        texts->looked += text.size;
    }
    return 0;
}

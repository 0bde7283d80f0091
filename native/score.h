/* What the files of the kernel `score` share: its arguments, and what one call of it works on. */
#ifndef AGENTCTX_SCORE_H
#define AGENTCTX_SCORE_H

#include "texts.h"

/* What `score` takes behind the texts. */
enum {
    OWN,          /* by word the number of its very term, or -1 */
    PREVIOUS,     /* by row, and below */
    FOLLOWING,
    RUN,
    SESSION,
    ASKS,
    TIMES_TOLD,
    SPEAKER,
    ROLE,
    OCCURRED,
    RUN_LENGTH,   /* by run */
    RUN_STARTS,   /* of the base: by term the runs that say it, and how often */
    RUNS,
    TOTALS,
    SHOWN,        /* by row, if some are hidden */
    NAMED,        /* speakers whom the query names */
    ROLES,        /* roles that it asks about, and how much more their rows count */
    ROLE_WEIGHTS,
    HINTS,        /* times that it speaks of: start and end */
    SLOPES,       /* ... and how long behind and before them a row is still near */
    COLUMNS
};

/* ... and behind the columns, and behind what the tails hold of the words. */
enum { PAST_RUNS, PAST_TOTALS, ROWS, PRODUCTS, TOTAL, FOUND, VALUES, CALL_ARRAYS };

/* The parts of a score, as they stand in a row of VALUES. */
enum { TURN_PART, WINDOW_PART, SESSION_PART, SPEAKER_PART, KIND_PART, TIME_PART, DENSE_PART, PARTS };

/* Numbers, each once, with the place that it was given: from 0 on, in the order in which they came. */
typedef struct {
    int32_t number, place;
} Entry;

typedef struct {
    Entry *entries;
    uint32_t mask;
    int32_t *numbers;
    int32_t count;
} Places;

/* One call of `score`. */
typedef struct {
    Texts texts;
    Array columns[COLUMNS], call[CALL_ARRAYS];
    PyObject *newer;     /* of each tail with sessions, by word what `Tail.entry` gives */
    int64_t size;        /* rows that have neighbours */
    Places around;       /* the rows asked for and their neighbours; at place 0 stands nobody */
    Places runs;         /* the runs of those asked for */
    int32_t *ways;       /* of each row asked for the places of itself and of its four neighbours */
    float *says;         /* by place and word */
    int64_t *totals;     /* by run and word how often it is said there */
    float *spread;       /* ... and how much of it reaches a row that needs all of it */
    float *own;          /* by word, of a row without a session: says, and how often */
    float *bare;         /* by word its share, and zeros up to a whole block */
    float weights[NUMBERS_COUNT];
    Sieve sieve;         /* of the runs */
} Call;

#define WAYS 5
#define COLUMN(call, which, type) ((const type *)(call)->columns[which].data)

/* The place of a number, given to it if it has none. */
static inline int32_t place_of(Places *places, int32_t number) {
    uint32_t at = (uint32_t)number & places->mask; /* rows asked for often follow each other: no two meet then */
    while (places->entries[at].number != number) {
        if (places->entries[at].number < 0) {
            places->entries[at].number = number;
            places->entries[at].place = places->count;
            places->numbers[places->count] = number;
            return places->count++;
        }
        at = (at + 1) & places->mask;
    }
    return places->entries[at].place;
}

/* The place of a number, or -1. */
static inline int32_t known_place(const Places *places, int32_t number) {
    uint32_t at = (uint32_t)number & places->mask;
    while (places->entries[at].number != number) {
        if (places->entries[at].number < 0) return -1;
        at = (at + 1) & places->mask;
    }
    return places->entries[at].place;
}

/* Find the runs of the rows that have a session; NULL, or the name of an argument that does not fit. */
const char *find_runs(Call *call);

/* Find out how far each run is about each word; 0, or -1 with an exception set. */
int spread_out(Call *call);

/* The count at which half is said, for a run. */
float norm_of_run(const Call *call, int32_t run);

#endif

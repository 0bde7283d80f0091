/* The kernels that choose candidates: pool.c has those that guess, words.c those before them and the table of all. */
#ifndef AGENTCTX_POOL_H
#define AGENTCTX_POOL_H

#include "highest.h"
#include "times.h"

#define HEARD 0.5f /* the part of what reaches a row that its promise counts; finder.py has the same */

/* What a guess is made of: the arguments that every kernel which guesses begins with. */
enum {
    NUMBERS,  /* of f4; see below */
    PROMISE,  /* by row what words and times promise of it */
    REACHED,  /* by row what reaches it of what is said around it */
    LENGTH,   /* by row, as the next four */
    TOLD,     /* how much it tells of times */
    PREVIOUS, /* the row before it in its session, or NOBODY */
    ROLE,
    SPEAKER,
    OCCURRED,      /* by row when; None where there are no hints */
    ROLES,         /* those that count for more */
    ROLE_WEIGHTS,  /* ... and how much */
    NAMED,         /* by speaker whether the query names them; empty if it names nobody */
    HINT_BOUNDS,   /* by hint its first moment and the one behind its last */
    HINT_WIDTHS,   /* by hint how far behind it nearness reaches, and how far before it */
    ALLOWED,       /* by row whether it may be a hit; None for all */
    TRAIT_ARRAYS
};

/* What `NUMBERS` holds, in this order. */
enum {
    BY_WORDS, /* 1, or 0 where there are no words and each guess is 0 */
    CONTEXT,  /* 1, or 0 where nothing counts that is said around a row */
    NEED,     /* one by the length at which a row needs what is around it half as much */
    TELLS, FIRST, FIRST_LEXICAL, SPEAKS, SPEAKS_LEXICAL, TIME, DENSE,
    NUMBER_COUNT
};

/* What is known of each row, and what the query asks of it. */
typedef struct {
    Array arrays[TRAIT_ARRAYS];
    Py_ssize_t size; /* rows */
    const float *number;
    const uint8_t *allowed;
} Traits;

/* Take the arguments; 0, or -1 with an exception set and nothing held. */
int open_traits(Traits *traits, PyObject *const *arguments);

void close_traits(Traits *traits);

/* About the score of some rows but for the vectors. The rows are places in the arrays. */
void guess_rows(const Traits *traits, const int32_t *rows, Py_ssize_t count, float *guess);

#define MOST_ROLES 2

/* What is given to those whom the query names or means. */
typedef struct {
    int32_t role[MOST_ROLES];
    float weight[MOST_ROLES];
    float more, more_lexical; /* to a named person; 0 where nobody is named */
} Favours;

Favours favours_of(const Traits *traits);

/* What is promised of every `step`th row with what is given to those that a named or meant person says, where something
 * is; how many these are. rows: working memory. */
Py_ssize_t sample_favoured(const Traits *traits, const Favours *favours, Py_ssize_t step, int32_t *rows, float *sample);

/* Write to `rows` those of which something is promised and that come to `bar` with it; how many. */
Py_ssize_t favoured_rows(const Traits *traits, const Favours *favours, float bar, int32_t *rows);

/* Whether it counts who says a row. */
int favours(const Traits *traits);

KERNEL(draw_near);
KERNEL(choose);
KERNEL(choose_by_all);
KERNEL(join_like);

#endif

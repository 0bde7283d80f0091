/* What rows say of a query's words: their texts by row, those of the base and those of the tails behind it. */
#ifndef AGENTCTX_TEXTS_H
#define AGENTCTX_TEXTS_H

#include "kernels.h"

/* The arguments that every kernel which reads texts begins with, as `Question` lays them out. A tuple follows them: of
 * each tail (first row, ends, terms, counts). */
enum {
    NUMBERS,       /* of doubles; see below */
    BARE,          /* by word its share of the whole */
    CODES,         /* by code the number of a term */
    PAIR_STARTS,   /* by code where the words begin that it counts for, and below which and how much; 0: the very word */
    PAIR_WORD,
    PAIR_STRENGTH,
    CODE,          /* by term its code, from 1 on; all 0 before and after */
    ROW_STARTS,    /* of the base */
    TERMS,
    ROW_COUNTS,
    LENGTH,        /* by row */
    TEXT_ARRAYS
};

/* What `NUMBERS` holds, in this order. */
enum {
    SATURATION, LENGTH_NORM, MEAN_TURN, MEAN_RUN, CONTEXT,
    PREVIOUS_WAY, FOLLOWING_WAY, SECOND_PREVIOUS_WAY, SECOND_FOLLOWING_WAY, PREVIOUS_ASKS, SESSION_WAY, NEED,
    SPEAKER_MORE, SPEAKER_LEXICAL, TOLD, FIRST_MORE, FIRST_LEXICAL, TIME_MORE, DENSE_MORE,
    NUMBERS_COUNT
};

enum { TAIL_ENDS, TAIL_TERMS, TAIL_COUNTS, TAIL_ARRAYS };

typedef struct {
    int64_t first;
    Array arrays[TAIL_ARRAYS];
} Tail;

/* Which numbers are looked for, by some bits of each: tells of most others at once that they are not, and is so small
 * that it stays in the processor's nearest memory. */
#define SIEVE_BITS 14

typedef struct {
    uint8_t holes[1 << SIEVE_BITS];
} Sieve;

static inline uint32_t hole_of(int32_t number) { return (uint32_t)number * 2654435769u >> (32 - SIEVE_BITS); }

static inline void let_through(Sieve *sieve, int32_t number) { sieve->holes[hole_of(number)] = 1; }

#define SIEVED 64 /* numbers at once */

/* Which of up to so many numbers fall through, a bit each; without a jump, since most texts hold some word of a query.
 * whole: how many may be read from there on; what is read beyond `count` does not fall through. */
ALWAYS_INLINE uint64_t sieved(const Sieve *sieve, const int32_t *numbers, int64_t count, int64_t whole) {
    uint64_t through = 0;
    int64_t at = 0;
    for (; at < count && at + 8 <= whole; at += 8) {
        unsigned some = 0;
        for (int i = 0; i < 8; i++) some |= (unsigned)sieve->holes[hole_of(numbers[at + i])] << i;
        through |= (uint64_t)some << at;
    }
    for (; at < count; at++) through |= (uint64_t)sieve->holes[hole_of(numbers[at])] << at;
    return count < SIEVED ? through & (((uint64_t)1 << count) - 1) : through;
}

/* The place of the first of these bits. */
#if defined(__GNUC__)
#define FIRST_OF(bits) __builtin_ctzll(bits)
#else
static inline int FIRST_OF(uint64_t bits) {
    int place = 0;
    while (!(bits >> place & 1)) place++;
    return place;
}
#endif

/* The texts and what is asked of them. */
typedef struct {
    Array arrays[TEXT_ARRAYS];
    Tail *tails;
    int tail_count;
    int64_t known;       /* rows of the base */
    int64_t rows;        /* all rows that have a length */
    int64_t words;       /* of the query */
    int64_t stride;      /* the same rounded up, so that loops over words come in whole blocks */
    float mean, saturation, length_norm, rest;
    int64_t looked;      /* occurrences of terms looked at */
    Sieve sieve;         /* of the terms that have a code */
} Texts;

#define WORDS_AT_ONCE 8

extern const Expected TEXT_ARGUMENTS[TEXT_ARRAYS];

/* Take the arguments and write the codes down; 0, or -1 with an exception set and nothing held. */
int open_texts(Texts *texts, PyObject *const *arguments);

/* Clear the codes and give back what was taken. */
void close_texts(Texts *texts);

/* The number at a place of NUMBERS. */
double number_of(const Texts *texts, int which);

/* Read some rows, each into its `stride` numbers of `says` (how far it is about each word) and, unless that is NULL, of
 * `held` (how often it says the very word). 0, or -1 with an exception set. */
int read_rows(Texts *texts, const int32_t *rows, int64_t count, float *says, float *held);

KERNEL(lay_out);
KERNEL(explain);
KERNEL(best_of);

#endif

/* About how high a row will score, before it is looked at closely: by word sums, neighbours, speakers and times. */
#include "pool.h"

#include <string.h>

#define BLOCK 256 /* rows whose numbers are gathered and then worked on together */

int open_traits(Traits *traits, PyObject *const *arguments) {
    static const Expected expected[TRAIT_ARRAYS] = {
        {"numbers", "f4", 1, READ},
        {"promise", "f4", 1, READ},
        {"reached", "f4", 1, READ},
        {"length", "f4", 1, READ},
        {"told", "f4", 1, READ},
        {"previous", "i4", 1, READ},
        {"role", "i4", 1, READ},
        {"speaker", "i4", 1, READ},
        {"occurred", "i8", 1, OPTIONAL},
        {"roles", "i4", 1, READ},
        {"role_weights", "f4", 1, READ},
        {"named", "b1", 1, READ},
        {"bounds", "i8", 2, OPTIONAL},
        {"widths", "f8", 2, OPTIONAL},
        {"allowed", "b1", 1, OPTIONAL},
    };
    Array *arrays = traits->arrays;
    if (take_arrays(arrays, arguments, expected, TRAIT_ARRAYS) < 0) return -1;
    traits->size = arrays[PROMISE].size;
    traits->number = arrays[NUMBERS].data;
    traits->allowed = arrays[ALLOWED].data;
    int fits = traits->size <= INT32_MAX;
    for (int i = REACHED; i <= SPEAKER; i++) fits &= arrays[i].size >= traits->size;
    if (traits->allowed != NULL) fits &= arrays[ALLOWED].size >= traits->size;
    const Array *bounds = &arrays[HINT_BOUNDS], *widths = &arrays[HINT_WIDTHS];
    if (bounds->data != NULL) {
        fits &= arrays[OCCURRED].data != NULL && arrays[OCCURRED].size >= traits->size;
        fits &= bounds->width == 2 && bounds->stride == 2;
        fits &= widths->data != NULL && widths->width == 2 && widths->stride == 2 && widths->size == bounds->size;
    }
    fits &= arrays[NUMBERS].size == NUMBER_COUNT && arrays[ROLES].size == arrays[ROLE_WEIGHTS].size;
    fits &= arrays[ROLES].size <= MOST_ROLES;
    if (fits) return 0;
    close_traits(traits);
    refuse("the columns", "as long as promise, bounds and widths two numbers a hint, and roles two");
    return -1;
}

void close_traits(Traits *traits) { release_arrays(traits->arrays, TRAIT_ARRAYS); }

int favours(const Traits *traits) {
    return traits->number[BY_WORDS] != 0 && (traits->arrays[NAMED].size || traits->arrays[ROLES].size);
}

/* How near a row is to the time of the hint that it is nearest to. */
static float nearness(const Traits *traits, int32_t row) {
    const Array *bounds = &traits->arrays[HINT_BOUNDS];
    const int64_t *bound = bounds->data, *occurred = traits->arrays[OCCURRED].data;
    const double *width = traits->arrays[HINT_WIDTHS].data;
    float nearest = 0;
    for (Py_ssize_t hint = 0; hint < bounds->size; hint++) {
        float near = closeness(occurred[row], bound + 2 * hint, width + 2 * hint);
        if (near > nearest) nearest = near;
    }
    return nearest;
}

/* e to the power of x, which is 0 or less; off by two units of the last place at most. */
ALWAYS_INLINE float exp_of(float x) {
    x = x > -87.0f ? x : -87.0f; /* below, the result is too small for a float of full precision */
    x = x < 0 ? x : 0;
    const float rounding = 12582912.0f; /* adding it leaves a whole number in the lowest bits */
    float shifted = x * 1.44269504f + rounding, whole = shifted - rounding;
    float rest = (x - whole * 0.693145752f) - whole * 1.42860677e-6f; /* the logarithm of 2 in two parts */
    float power = 1.0f / 720;
    power = power * rest + 1.0f / 120;
    power = power * rest + 1.0f / 24;
    power = power * rest + 1.0f / 6;
    power = power * rest + 0.5f;
    power = power * rest + 1.0f;
    power = power * rest + 1.0f;
    int32_t bits = ((int32_t)whole + 127) * (1 << 23);
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return power * scale;
}

/* What the words say of a block of rows, from 0 to 1, with what reaches them. */
FOR_NEWER_PROCESSORS
static void say(const Traits *traits, const int32_t *rows, Py_ssize_t count, const float *near, float *said) {
    const float *promise = traits->arrays[PROMISE].data, *reached = traits->arrays[REACHED].data;
    const float *length = traits->arrays[LENGTH].data;
    float need = traits->number[NEED], own[BLOCK], reaching[BLOCK], lengths[BLOCK];
    for (Py_ssize_t i = 0; i < count; i++) {
        reaching[i] = reached[rows[i]];
        own[i] = promise[rows[i]];
        lengths[i] = length[rows[i]];
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        own[i] = own[i] - HEARD * reaching[i] - near[i];
        own[i] = own[i] > 0 ? own[i] : 0;
        own[i] = own[i] < 1 ? own[i] : 1;
    }
    for (Py_ssize_t i = 0; traits->number[CONTEXT] != 0 && i < count; i++) {
        float unsaid = 1 - own[i], heard = 1 - exp_of(reaching[i] * -(1 / (1 + lengths[i] * need)));
        own[i] += heard * (unsaid * unsaid);
    }
    memcpy(said, own, (size_t)count * sizeof *said);
}

/* Whether a row is said by someone whom the query names. */
ALWAYS_INLINE int is_named(const Traits *traits, Py_ssize_t row) {
    int32_t speaker = ((const int32_t *)traits->arrays[SPEAKER].data)[row];
    if (speaker < 0 || speaker >= traits->arrays[NAMED].size) return 0;
    return ((const uint8_t *)traits->arrays[NAMED].data)[speaker];
}

/* Add what the kind of each row of a block and its speaker add to what is said. */
FOR_NEWER_PROCESSORS
static void nudge(const Traits *traits, const int32_t *rows, Py_ssize_t count, float *guess) {
    const float *told = traits->arrays[TOLD].data, *number = traits->number;
    const int32_t *previous = traits->arrays[PREVIOUS].data, *role = traits->arrays[ROLE].data;
    float tells = number[TELLS], first = number[FIRST], first_lexical = number[FIRST_LEXICAL], more[BLOCK];
    for (Py_ssize_t i = 0; i < count; i++) {
        float begins = first + first_lexical * guess[i];
        more[i] = tells * told[rows[i]] + (previous[rows[i]] == NOBODY ? begins : 0);
    }
    for (Py_ssize_t one = 0; one < traits->arrays[ROLES].size; one++) {
        int32_t wanted = ((const int32_t *)traits->arrays[ROLES].data)[one];
        float weight = ((const float *)traits->arrays[ROLE_WEIGHTS].data)[one];
        for (Py_ssize_t i = 0; i < count; i++) more[i] += role[rows[i]] == wanted ? weight : 0;
    }
    int32_t known[BLOCK] = {0};
    for (Py_ssize_t i = 0; traits->arrays[NAMED].size && i < count; i++) known[i] = is_named(traits, rows[i]);
    float speaks = number[SPEAKS], speaks_lexical = number[SPEAKS_LEXICAL];
    for (Py_ssize_t i = 0; i < count; i++) {
        float said = guess[i];
        guess[i] = said + more[i];
        guess[i] += known[i] ? speaks + speaks_lexical * said : 0;
    }
}

void guess_rows(const Traits *traits, const int32_t *rows, Py_ssize_t count, float *guess) {
    if (traits->number[BY_WORDS] == 0) {
        memset(guess, 0, (size_t)count * sizeof *guess);
        return;
    }
    float near[BLOCK] = {0};
    int timed = traits->arrays[HINT_BOUNDS].data != NULL;
    for (Py_ssize_t from = 0; from < count; from += BLOCK) {
        Py_ssize_t some = count - from < BLOCK ? count - from : BLOCK;
        for (Py_ssize_t i = 0; timed && i < some; i++) {
            near[i] = traits->number[TIME] * nearness(traits, rows[from + i]);
        }
        say(traits, rows + from, some, near, guess + from);
        nudge(traits, rows + from, some, guess + from);
        for (Py_ssize_t i = 0; timed && i < some; i++) guess[from + i] += near[i];
    }
}

Favours favours_of(const Traits *traits) {
    Favours favours = {{NOBODY, NOBODY}, {0, 0}, 0, 0};
    for (Py_ssize_t one = 0; one < traits->arrays[ROLES].size; one++) {
        favours.role[one] = ((const int32_t *)traits->arrays[ROLES].data)[one];
        favours.weight[one] = ((const float *)traits->arrays[ROLE_WEIGHTS].data)[one];
    }
    if (traits->arrays[NAMED].size) {
        favours.more = traits->number[SPEAKS];
        favours.more_lexical = traits->number[SPEAKS_LEXICAL];
    }
    return favours;
}

/* What is promised with what is given to a role and to a named person. */
ALWAYS_INLINE float favoured(float promise, int32_t role, int named, const Favours *favours) {
    float favoured = promise + (named ? favours->more_lexical * promise + favours->more : 0);
    favoured += role == favours->role[0] ? favours->weight[0] : 0;
    favoured += role == favours->role[1] ? favours->weight[1] : 0;
    return favoured;
}

Py_ssize_t sample_favoured(const Traits *traits, const Favours *favours, Py_ssize_t step, int32_t *rows,
                           float *sample) {
    const float *promise = traits->arrays[PROMISE].data;
    const int32_t *role = traits->arrays[ROLE].data;
    const Favours given = *favours;
    Py_ssize_t count = 0;
    for (Py_ssize_t row = 0; row < traits->size; row += step) {
        rows[count] = (int32_t)row;
        count += promise[row] > 0 && (traits->allowed == NULL || traits->allowed[row]);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        sample[i] = favoured(promise[rows[i]], role[rows[i]], is_named(traits, rows[i]), &given);
    }
    return count;
}

FOR_NEWER_PROCESSORS
Py_ssize_t favoured_rows(const Traits *traits, const Favours *favours, float bar, int32_t *rows) {
    const float *promise = traits->arrays[PROMISE].data;
    const int32_t *role = traits->arrays[ROLE].data;
    const Favours given = *favours;
    Py_ssize_t at = 0, count = 0, kept = 0;
    for (; at + STRETCH <= traits->size; at += STRETCH) {
        uint8_t flags[STRETCH];
        for (int i = 0; i < STRETCH; i++) {
            flags[i] = (favoured(promise[at + i], role[at + i], 1, &given) >= bar) & (promise[at + i] > 0);
        }
        count = add_flagged(flags, (int32_t)at, rows, count);
    }
    for (; at < traits->size; at++) {
        if (promise[at] > 0 && favoured(promise[at], role[at], 1, &given) >= bar) rows[count++] = (int32_t)at;
    }
    if (traits->allowed == NULL && traits->arrays[NAMED].size == 0) return count;
    for (Py_ssize_t i = 0; i < count; i++) { /* with a name they come to the bar: not all do without */
        int32_t row = rows[i];
        int enough = favoured(promise[row], role[row], 0, &given) >= bar;
        rows[kept] = row;
        kept += (enough | is_named(traits, row)) & (traits->allowed == NULL || traits->allowed[row]);
    }
    return kept;
}

/* Choosing candidates: by what words and times promise, by that and all vectors' codes, and those that vectors add. */
#include "pool.h"

#include <math.h>
#include <string.h>

#define LEAST 1e-45f /* the least float above 0 */

/* Those of some scores of rows that are `bar` or higher, in the places before. */
static Py_ssize_t keep(int32_t *rows, float *scores, Py_ssize_t count, float bar) {
    Py_ssize_t kept = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        int32_t row = rows[i];
        float score = scores[i];
        rows[kept] = row;
        scores[kept] = score;
        kept += score >= bar;
    }
    return kept;
}

static Py_ssize_t keep_allowed(const Traits *traits, int32_t *rows, Py_ssize_t count) {
    if (traits->allowed == NULL) return count;
    Py_ssize_t kept = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (traits->allowed[rows[i]]) rows[kept++] = rows[i];
    }
    return kept;
}

/* Whether two arrays have room for every row. */
static int roomy(const Array *rows, const Array *guess, const Traits *traits) {
    if (rows->size >= traits->size && guess->size >= traits->size) return 1;
    refuse("rows and guess", "as long as promise");
    return 0;
}

KERNEL(draw_near) {
    enum { SOME, OF_ROW, BOUNDS, WIDTHS, SUMS, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"rows", "i4", 1, READ},   {"occurred", "i8", 1, READ}, {"bounds", "i8", 1, READ},
        {"widths", "f8", 1, READ}, {"promise", "f4", 1, WRITE},
    };
    if (!counted("draw_near", given, ARRAYS + 1)) return NULL;
    float weight = (float)PyFloat_AsDouble(arguments[ARRAYS]);
    if (PyErr_Occurred()) return NULL;
    Array arrays[ARRAYS];
    if (take_arrays(arrays, arguments, expected, ARRAYS) < 0) return NULL;
    const int32_t *rows = arrays[SOME].data;
    const int64_t *occurred = arrays[OF_ROW].data;
    float *promise = arrays[SUMS].data;
    int64_t size = arrays[SUMS].size < arrays[OF_ROW].size ? arrays[SUMS].size : arrays[OF_ROW].size;
    int fits = arrays[BOUNDS].size == 2 && arrays[WIDTHS].size == 2;
    for (Py_ssize_t i = 0; fits && i < arrays[SOME].size; i++) {
        fits = rows[i] >= 0 && rows[i] < size;
        if (fits) promise[rows[i]] += weight * closeness(occurred[rows[i]], arrays[BOUNDS].data, arrays[WIDTHS].data);
    }
    release_arrays(arrays, ARRAYS);
    if (!fits) return refuse("rows", "places in promise, and bounds and widths two numbers");
    return Py_NewRef(Py_None);
}

/* The rows that promise most, about `most` of them; -1 without memory. cut: what the others promise at most. */
static Py_ssize_t promising(const Traits *traits, Py_ssize_t most, int32_t *rows, float *cut) {
    const float *promise = traits->arrays[PROMISE].data;
    float least;
    if (about_least_of(promise, traits->allowed, traits->size, most, LEAST, &least) < 0) return -1;
    *cut = least > 0 ? least : 0;
    Py_ssize_t count = at_least(promise, traits->size, least > 0 ? least : LEAST, 0, rows);
    return keep_allowed(traits, rows, count);
}

/* The same with what is given to rows that a named or meant person says. room: as long as there are rows. */
static Py_ssize_t most_favoured(const Traits *traits, Py_ssize_t most, int32_t *rows, float *room) {
    const Favours favours = favours_of(traits);
    Py_ssize_t step = step_for(traits->size, most), sampled = sample_favoured(traits, &favours, step, rows, room);
    float least = LEAST;
    Py_ssize_t place = sampled - 1 - (most > 0 ? most / step : 0);
    if (place >= 0 && ranked(room, sampled, place, &least) < 0) return -1;
    return favoured_rows(traits, &favours, least, rows);
}

/* Add to `rows` those of some others that are allowed and not among them. The marks are 0 before and after. */
static Py_ssize_t add_new(const Traits *traits, int32_t *rows, Py_ssize_t count, const Array *others, int32_t *marks) {
    const int32_t *other = others->data;
    for (Py_ssize_t i = 0; others->size && i < count; i++) marks[rows[i]] = 1;
    for (Py_ssize_t i = 0; i < others->size; i++) {
        int32_t row = other[i];
        if (row < 0 || row >= traits->size || marks[row]) continue;
        if (traits->allowed != NULL && !traits->allowed[row]) continue;
        marks[row] = 1;
        rows[count++] = row;
    }
    for (Py_ssize_t i = 0; others->size && i < count; i++) marks[rows[i]] = 0;
    return count;
}

KERNEL(choose) {
    enum { OFFERED, MARKS, ROWS, GUESS, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"offered", "i4", 1, READ}, {"marks", "i4", 1, WRITE}, {"rows", "i4", 1, WRITE}, {"guess", "f4", 1, WRITE},
    };
    if (!counted("choose", given, TRAIT_ARRAYS + ARRAYS + 2)) return NULL;
    PyObject *const *others = arguments + TRAIT_ARRAYS;
    Py_ssize_t promised = PyLong_AsSsize_t(others[ARRAYS]), wanted = PyLong_AsSsize_t(others[ARRAYS + 1]);
    if (PyErr_Occurred()) return NULL;
    Traits traits;
    Array arrays[ARRAYS];
    if (open_traits(&traits, arguments) < 0) return NULL;
    if (take_arrays(arrays, others, expected, ARRAYS) < 0) {
        close_traits(&traits);
        return NULL;
    }
    PyObject *result = NULL;
    int32_t *rows = arrays[ROWS].data;
    float *guess = arrays[GUESS].data, cut = 0, least = 0;
    if (arrays[MARKS].size < traits.size) {
        refuse("marks", "as long as promise");
    } else if (roomy(&arrays[ROWS], &arrays[GUESS], &traits)) {
        Py_ssize_t count =
            favours(&traits) ? most_favoured(&traits, promised, rows, guess) : promising(&traits, promised, rows, &cut);
        if (count >= 0) {
            count = add_new(&traits, rows, count, &arrays[OFFERED], arrays[MARKS].data);
            guess_rows(&traits, rows, count, guess);
            int failed = 0;
            if (count > wanted) {
                failed = about_least_of(guess, NULL, count, wanted, -INFINITY, &least);
                if (least > cut) cut = least;
                count = keep(rows, guess, count, cut);
            }
            if (!failed) result = Py_BuildValue("nd", count, (double)cut);
        }
    }
    release_arrays(arrays, ARRAYS);
    close_traits(&traits);
    return result;
}

/* What is promised of each row with what its vector's code tells. */
FOR_NEWER_PROCESSORS
static void add_products(const Traits *traits, const float *products, float *value) {
    const float *promise = traits->arrays[PROMISE].data;
    const uint8_t *allowed = traits->allowed;
    float dense = traits->number[DENSE];
    if (allowed == NULL) {
        for (Py_ssize_t i = 0; i < traits->size; i++) value[i] = promise[i] + dense * products[i];
    } else {
        for (Py_ssize_t i = 0; i < traits->size; i++) value[i] = (allowed[i] ? promise[i] : -1) + dense * products[i];
    }
}

KERNEL(choose_by_all) {
    enum { PRODUCTS, ROWS, GUESS, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"products", "f4", 1, READ}, {"rows", "i4", 1, WRITE}, {"guess", "f4", 1, WRITE},
    };
    if (!counted("choose_by_all", given, TRAIT_ARRAYS + ARRAYS + 1)) return NULL;
    PyObject *const *others = arguments + TRAIT_ARRAYS;
    Py_ssize_t wanted = PyLong_AsSsize_t(others[ARRAYS]);
    if (PyErr_Occurred()) return NULL;
    Traits traits;
    Array arrays[ARRAYS];
    if (open_traits(&traits, arguments) < 0) return NULL;
    if (take_arrays(arrays, others, expected, ARRAYS) < 0) {
        close_traits(&traits);
        return NULL;
    }
    PyObject *result = NULL;
    const float *products = arrays[PRODUCTS].data;
    int32_t *rows = arrays[ROWS].data;
    float *guess = arrays[GUESS].data, least;
    if (arrays[PRODUCTS].size != traits.size) {
        refuse("products", "as long as promise");
    } else if (roomy(&arrays[ROWS], &arrays[GUESS], &traits)) {
        add_products(&traits, products, guess); /* the values stand where the guesses will */
        if (about_least_of(guess, NULL, traits.size, wanted, -INFINITY, &least) == 0) {
            Py_ssize_t count = keep_allowed(&traits, rows, at_least(guess, traits.size, least, 0, rows));
            guess_rows(&traits, rows, count, guess);
            for (Py_ssize_t i = 0; i < count; i++) guess[i] += traits.number[DENSE] * products[rows[i]];
            result = PyLong_FromSsize_t(count);
        }
    }
    release_arrays(arrays, ARRAYS);
    close_traits(&traits);
    return result;
}

/* What `join_like` found. */
typedef struct {
    Py_ssize_t count, offered;
    float cut, usual;
} Joined;

/* Add to `count` rows those of `like` that promise most with their products; 0, or -1 with an exception set. */
static int join(const Traits *traits, const Array *like, const Array *products, int32_t *marks, Py_ssize_t wanted,
                int32_t *rows, float *guess, float *value, float *added, Joined *joined) {
    const int32_t *row = like->data;
    const float *product = products->data, *promise = traits->arrays[PROMISE].data;
    float dense = traits->number[DENSE], least;
    for (Py_ssize_t i = 0; i < like->size; i++) {
        if (row[i] < 0 || row[i] >= traits->size) return refuse("like", "rows"), -1;
        float promised = traits->allowed == NULL || traits->allowed[row[i]] ? promise[row[i]] : -1;
        value[i] = promised + dense * product[i];
    }
    if (about_least_of(value, NULL, like->size, wanted, -INFINITY, &least) < 0) return -1;
    Py_ssize_t known = joined->count, count = known;
    for (Py_ssize_t i = 0; i < known; i++) marks[rows[i]] = 1;
    for (Py_ssize_t i = 0; i < like->size; i++) {
        if (!(value[i] >= least)) continue;
        joined->offered++;
        if (marks[row[i]] || (traits->allowed != NULL && !traits->allowed[row[i]])) continue;
        if (count == traits->size) break; /* a row was given twice */
        added[count - known] = product[i];
        rows[count++] = row[i];
    }
    for (Py_ssize_t i = 0; i < known; i++) marks[rows[i]] = 0;
    guess_rows(traits, rows + known, count - known, guess + known);
    for (Py_ssize_t i = known; i < count; i++) guess[i] += dense * added[i - known];
    joined->count = count;
    return 0;
}

KERNEL(join_like) {
    enum { NEAR, LIKE, PRODUCTS, MARKS, ROWS, GUESS, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"near", "f4", 1, READ},   {"like", "i4", 1, READ},  {"products", "f4", 1, READ},
        {"marks", "i4", 1, WRITE}, {"rows", "i4", 1, WRITE}, {"guess", "f4", 1, WRITE},
    };
    if (!counted("join_like", given, TRAIT_ARRAYS + ARRAYS + 2)) return NULL;
    PyObject *const *others = arguments + TRAIT_ARRAYS;
    Py_ssize_t wanted = PyLong_AsSsize_t(others[ARRAYS]), nearest = PyLong_AsSsize_t(others[ARRAYS + 1]);
    if (PyErr_Occurred()) return NULL;
    Traits traits;
    Array arrays[ARRAYS];
    if (open_traits(&traits, arguments) < 0) return NULL;
    if (take_arrays(arrays, others, expected, ARRAYS) < 0) {
        close_traits(&traits);
        return NULL;
    }
    PyObject *result = NULL;
    const Array *like = &arrays[LIKE], *products = &arrays[PRODUCTS];
    const float *near = arrays[NEAR].data;
    int32_t *rows = arrays[ROWS].data;
    float *guess = arrays[GUESS].data;
    float *room = PyMem_Malloc((2 * (size_t)like->size + 1) * sizeof *room);
    Joined joined = {arrays[NEAR].size, 0, 0, 0};
    int fits = products->size == like->size && arrays[MARKS].size >= traits.size && joined.count <= traits.size;
    if (room == NULL) {
        PyErr_NoMemory();
    } else if (!fits) {
        refuse("products and marks", "as long as like and promise, and near no longer");
    } else if (roomy(&arrays[ROWS], &arrays[GUESS], &traits)) {
        for (Py_ssize_t i = 0; fits && i < joined.count; i++) {
            fits = rows[i] >= 0 && rows[i] < traits.size;
            guess[i] += traits.number[DENSE] * near[i];
        }
        int failed = 0;
        if (!fits) failed = refuse("rows", "places in promise") == NULL;
        Py_ssize_t place = (Py_ssize_t)(0.9 * (double)(joined.count - 1));
        if (!failed && joined.count) failed = ranked(near, joined.count, place, &joined.usual);
        if (!failed && nearest >= 0) failed = about_least_of(products->data, NULL, like->size, nearest, 0, &joined.cut);
        if (!failed) {
            float *added = room + like->size;
            failed = join(&traits, like, products, arrays[MARKS].data, wanted, rows, guess, room, added, &joined);
        }
        if (!failed) {
            double cut = joined.cut > 0 ? joined.cut : 0;
            result = Py_BuildValue("nndd", joined.count, joined.offered, cut, (double)joined.usual);
        }
    }
    PyMem_Free(room);
    release_arrays(arrays, ARRAYS);
    close_traits(&traits);
    return result;
}

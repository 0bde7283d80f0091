/* Where the vector of a row lies, by which its code and its exact product are looked up. */
#ifndef AGENTCTX_VECTORS_H
#define AGENTCTX_VECTORS_H

#include "kernels.h"

#define WORD 64   /* signs in a word of a code */
#define BLOCK 512 /* rows that are looked at in one go */
#define NOWHERE (-1)

/* Rows as they are asked for: the first ones lie in the base, the others in the tail, in the order of their numbers.
 * place: of each row of the base, NULL if that is its number, too. */
typedef struct {
    const Array *rows;
    const int32_t *place;
    Py_ssize_t base, all;
} Asked;

/* Whether a map of places fits the base; sets an error if not. */
static inline int take_asked(Asked *asked, const Array *rows, const Array *place, Py_ssize_t base, Py_ssize_t tail) {
    *asked = (Asked){rows, place->data, base, base + tail};
    if (place->data == NULL || place->size == base) return 1;
    refuse("place", "as long as the base has rows");
    return 0;
}

/* Where the row asked for as number `i` lies; the places of the tail follow those of the base. */
ALWAYS_INLINE Py_ssize_t place_of(const Asked *asked, Py_ssize_t i) {
    const void *rows = asked->rows->data;
    int64_t row = asked->rows->view.itemsize == 4 ? ((const int32_t *)rows)[i] : ((const int64_t *)rows)[i];
    if (row < 0 || row >= asked->all) return NOWHERE;
    if (row >= asked->base || asked->place == NULL) return (Py_ssize_t)row;
    int32_t place = asked->place[row];
    return place >= 0 && place < asked->base ? place : NOWHERE;
}

/* The places of some of the rows asked for; 0 if one is nowhere. All before they are used: while one is fetched from
 * memory, so are the next ones. */
ALWAYS_INLINE int find_places(const Asked *asked, Py_ssize_t first, Py_ssize_t count, Py_ssize_t *places) {
    Py_ssize_t least = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        places[i] = place_of(asked, first + i);
        if (places[i] < least) least = places[i];
    }
    return least != NOWHERE;
}

/* The kind of an argument that holds rows, of four bytes or of eight. */
static inline const char *kind_of_rows(PyObject *argument) {
    Py_buffer view;
    if (PyObject_GetBuffer(argument, &view, PyBUF_STRIDES) < 0) {
        PyErr_Clear(); /* told when it is taken */
        return "i8";
    }
    const char *kind = view.itemsize == 4 ? "i4" : "i8";
    PyBuffer_Release(&view);
    return kind;
}

#endif

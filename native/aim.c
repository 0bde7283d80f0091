/* A query made ready to be compared with codes of vectors; the twin is in agentctx/index/codes.py. */
#include "vectors.h"

#include <math.h>

/* Turn a vector as `rotation` of codes.py does, but for the length: flip signs and transform, and that again. */
FOR_NEWER_PROCESSORS
static void turn(float *numbers, const Array *flips) {
    Py_ssize_t size = flips->width;
    for (Py_ssize_t time = 0; time < flips->size; time++) {
        const float *flip = (const float *)flips->data + time * flips->stride;
        for (Py_ssize_t i = 0; i < size; i++) numbers[i] *= flip[i];
        for (Py_ssize_t step = 1; step < size; step *= 2) {
            for (Py_ssize_t first = 0; first < size; first += 2 * step) {
                float *one = numbers + first, *other = one + step;
                for (Py_ssize_t i = 0; i < step; i++) {
                    float sum = one[i] + other[i];
                    other[i] = one[i] - other[i];
                    one[i] = sum;
                }
            }
        }
    }
}

/* Write signs as numpy packs bits: the first one is the highest of a byte. */
static void pack(const float *numbers, Py_ssize_t bits, uint8_t *signs) {
    for (Py_ssize_t first = 0; first < bits; first += 8) {
        int byte = 0;
        for (int bit = 0; bit < 8; bit++) byte = byte << 1 | (numbers[first + bit] > 0);
        *signs++ = (uint8_t)byte;
    }
}

static KERNEL(aim) {
    enum { QUERY, CENTRE, FLIPS, COSINES, SIGNS, SAYS, ARRAYS };
    static const Expected expected[ARRAYS] = {
        {"query", "f4", 1, READ},   {"centre", "f4", 1, READ}, {"flips", "f4", 2, READ},
        {"cosines", "f4", 1, READ}, {"signs", "u8", 1, WRITE}, {"says", "f4", 1, WRITE},
    };
    Array arrays[ARRAYS];
    if (!counted("aim", given, ARRAYS) || take_arrays(arrays, arguments, expected, ARRAYS) < 0) return NULL;
    const float *query = arrays[QUERY].data, *centre = arrays[CENTRE].data, *cosines = arrays[COSINES].data;
    const Array *flips = &arrays[FLIPS], *says = &arrays[SAYS];
    Py_ssize_t width = arrays[QUERY].size, size = flips->width, bits = arrays[SIGNS].size * WORD;
    float *apart = NULL, far = 0, same = 0;
    PyObject *result = NULL;
    if (arrays[CENTRE].size != width) {
        refuse("centre", "as long as the query");
    } else if (size < width || size < bits || size & (size - 1)) {
        refuse("flips", "of a width that is a power of two, and no smaller than the query and its signs");
    } else if (says->size != bits + 1 || arrays[COSINES].size != bits + 1) {
        refuse("cosines and says", "one longer than there are signs");
    } else if ((apart = PyMem_Calloc((size_t)size + 1, sizeof *apart)) == NULL) {
        PyErr_NoMemory();
    } else {
        for (Py_ssize_t i = 0; i < width; i++) {
            apart[i] = query[i] - centre[i];
            far += apart[i] * apart[i];
            same += apart[i] * centre[i];
        }
        turn(apart, flips);
        pack(apart, bits, arrays[SIGNS].data);
        far = sqrtf(far);
        for (Py_ssize_t i = 0; i <= bits; i++) ((float *)says->data)[i] = cosines[i] * far;
        result = PyFloat_FromDouble(same);
    }
    PyMem_Free(apart);
    release_arrays(arrays, ARRAYS);
    return result;
}

PyMethodDef aim_methods[] = {
    {"aim", (PyCFunction)(void (*)(void))aim, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

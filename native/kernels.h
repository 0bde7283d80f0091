/* What the kernels share: arrays handed over by Python, checked once, and errors that name the argument.
 *
 * Rules of the house for every kernel:
 *   - it is a plain C function over plain arrays, called with positional arguments, and returns None, a number or a tuple;
 *   - it writes to arrays that the caller made, never to memory that outlives the call;
 *   - a number that comes out of an array is checked before it is used as a place in another one;
 *   - it has a twin in numpy, which the tests compare it with, and which serves where nothing was compiled;
 *   - it keeps Python's lock unless its work takes a millisecond: who lets go of the lock waits for it again, and
 *     beside a thread that computes, that takes five.
 *
 * Only the stable ABI is used: one file serves every Python from 3.11 on.
 */
#ifndef AGENTCTX_KERNELS_H
#define AGENTCTX_KERNELS_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>

/* Compiled for newer processors, too; which one is taken is decided when the module is loaded. Sums of floats are
 * written so that they come out the same on all. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_NEWER_PROCESSORS __attribute__((target_clones("avx2", "popcnt", "default")))
#else
#define FOR_NEWER_PROCESSORS
#endif

/* Part of each of these versions of the function that it is used in. */
#if defined(__GNUC__)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#else
#define ALWAYS_INLINE static inline
#endif

/* Of what the kernels take and give; one more with every change of that, here and in agentctx/kernels.py. */
#define INTERFACE 1

#define NOBODY (-1)

/* An array of one or two dimensions whose rows are contiguous. */
typedef struct {
    Py_buffer view;
    void *data;
    Py_ssize_t size;    /* of the first dimension */
    Py_ssize_t width;   /* of the second one; 1 where there is none */
    Py_ssize_t stride;  /* items from one row to the next */
} Array;

/* What is expected of an argument. kind: of numpy's, as "f4", "i8", "u1", "b1". */
typedef struct {
    const char *name;
    const char *kind;
    int dimensions;
    int flags;
} Expected;

#define READ 0
#define WRITE 1
#define OPTIONAL 2 /* None stands for no array; its data is NULL then */

/* Take `count` arrays from the arguments; 0, or -1 with an exception set and nothing held. */
int take_arrays(Array *arrays, PyObject *const *arguments, const Expected *expected, int count);

/* Give back what `take_arrays` took. */
void release_arrays(Array *arrays, int count);

/* Raise ValueError: the argument called `name` must be `what`. Returns NULL. */
PyObject *refuse(const char *name, const char *what);

/* Whether a kernel was called with so many arguments; sets TypeError if not. */
int counted(const char *kernel, Py_ssize_t given, Py_ssize_t wanted);

#define KERNEL(name) PyObject *name(PyObject *self, PyObject *const *arguments, Py_ssize_t given)

/* One table of methods a source file. */
extern PyMethodDef words_methods[];
extern PyMethodDef vectors_methods[];
extern PyMethodDef aim_methods[];
extern PyMethodDef codes_methods[];
extern PyMethodDef score_methods[];
extern PyMethodDef wording_methods[];
extern PyMethodDef loading_methods[];

#endif

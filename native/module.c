/* The module `agentctx._kernels`: the tables of methods put together, and what all kernels use. */
#include "kernels.h"

#include <string.h>

static int kind_fits(const Py_buffer *view, const char *kind) {
    const char *format = view->format ? view->format : "B";
    if (*format == '@' || *format == '=' || *format == '<') format++;
    if (format[0] == '\0' || format[1] != '\0') return 0;
    const char *family = NULL;
    switch (kind[0]) {
        case 'f': family = "fd"; break;
        case 'i': family = "bhilqn"; break;
        case 'u': family = "BHILQN"; break;
        case 'b': family = "?"; break;
    }
    return family != NULL && strchr(family, *format) != NULL && view->itemsize == kind[1] - '0';
}

static int take_array(Array *array, PyObject *argument, const Expected *expected) {
    memset(array, 0, sizeof *array);
    if (argument == Py_None && (expected->flags & OPTIONAL)) return 0;
    int flags = PyBUF_STRIDES | PyBUF_FORMAT | (expected->flags & WRITE ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(argument, &array->view, flags) < 0) return -1;
    const Py_buffer *view = &array->view;
    int last = expected->dimensions - 1;
    int contiguous = view->ndim == expected->dimensions &&
                     (view->shape[last] <= 1 || view->strides[last] == view->itemsize) &&
                     (last == 0 || view->shape[0] <= 1 ||
                      (view->strides[0] >= 0 && view->strides[0] % view->itemsize == 0));
    if (!contiguous || !kind_fits(view, expected->kind)) {
        PyErr_Format(PyExc_ValueError, "%s must be an array of %s with %d dimension%s and contiguous rows",
                     expected->name, expected->kind, expected->dimensions, expected->dimensions == 1 ? "" : "s");
        PyBuffer_Release(&array->view);
        memset(array, 0, sizeof *array);
        return -1;
    }
    array->data = view->buf;
    array->size = view->shape[0];
    array->width = last ? view->shape[1] : 1;
    array->stride = last ? (view->shape[0] <= 1 ? view->shape[1] : view->strides[0] / view->itemsize) : 1;
    return 0;
}

int take_arrays(Array *arrays, PyObject *const *arguments, const Expected *expected, int count) {
    for (int i = 0; i < count; i++) {
        if (take_array(&arrays[i], arguments[i], &expected[i]) < 0) {
            release_arrays(arrays, i);
            return -1;
        }
    }
    return 0;
}

void release_arrays(Array *arrays, int count) {
    for (int i = 0; i < count; i++) {
        if (arrays[i].view.obj != NULL) PyBuffer_Release(&arrays[i].view);
    }
}

PyObject *refuse(const char *name, const char *what) {
    PyErr_Format(PyExc_ValueError, "%s must be %s", name, what);
    return NULL;
}

int counted(const char *kernel, Py_ssize_t given, Py_ssize_t wanted) {
    if (given == wanted) return 1;
    PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, not %zd", kernel, wanted, given);
    return 0;
}

static int fill(PyObject *module) {
    PyMethodDef *tables[] = {words_methods, vectors_methods, aim_methods,    codes_methods,
                             score_methods, wording_methods, loading_methods};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (PyModule_AddFunctions(module, tables[i]) < 0) return -1;
    }
    return PyModule_AddIntConstant(module, "INTERFACE", INTERFACE);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "agentctx._kernels",
    .m_doc = "The inner loops of search, compiled; see docs/kernels.md.",
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&definition); }

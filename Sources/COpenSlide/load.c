#define _GNU_SOURCE
#include "COpenSlide.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct cos_functions cos_functions;

/// The libraries that could not be loaded, and why.
static char problem[1024];

static void add_problem(size_t *length, const char *text) {
    int count = snprintf(problem + *length, sizeof problem - *length, "%s%s", *length > 0 ? "; " : "", text);
    *length = count < 0 || *length + (size_t)count >= sizeof problem ? sizeof problem - 1 : *length + (size_t)count;
}

/// Fills the table; returns 0 where a function is missing.
static int find_functions(void *library) {
    // POSIX lets the pointer that dlsym returns be stored as one to a function.
#define COS_FIND(result, name, arguments)                                                                              \
    *(void **)&cos_functions.name = dlsym(library, "openslide_" #name);                                                \
    if (!cos_functions.name)                                                                                           \
        return 0;
    COS_FUNCTIONS(COS_FIND)
#undef COS_FIND
    return 1;
}

/// Returns whether a library was loaded, and adds to the problem where not.
static int load(const char *name, size_t *length) {
    // Local: version 4 contains image libraries of its own, whose functions must not replace ours.
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library && find_functions(library))
        return 1;
    add_problem(length, dlerror());
    if (library)
        dlclose(library);
    return 0;
}

const char *cos_load(void) {
    if (cos_functions.read_region)
        return NULL;
    size_t length = 0;
    const char *named = getenv("NUCLEI_OPENSLIDE");
    if (named && *named)
        return load(named, &length) ? NULL : problem;
    return load("libopenslide.so.1", &length) || load("libopenslide.so.0", &length) ? NULL : problem;
}

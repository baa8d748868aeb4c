/// OpenSlide, loaded at run time: programs start without it, and versions 3.4 and 4 both serve.
///
/// The functions below have the names and arguments of OpenSlide's own and call the loaded library. `cos_load` must
/// have returned null before any of them is called. They are inline so that no program exports a second
/// `openslide_open`, which the library would then call in place of its own.
#ifndef COPENSLIDE_H
#define COPENSLIDE_H

#include <stdint.h>

/// Loads OpenSlide: the library that the environment variable NUCLEI_OPENSLIDE names, or else libopenslide.so.1 or
/// libopenslide.so.0. Returns null, or what was looked for and why it cannot be loaded. The first call must return
/// before others begin.
const char *cos_load(void);

typedef struct openslide openslide_t;

/// Signatures of the functions that are called, in the order of `cos_functions`.
#define COS_FUNCTIONS(F)                                                                                               \
    F(const char *, get_version, (void))                                                                               \
    F(const char *, detect_vendor, (const char *path))                                                                 \
    F(openslide_t *, open, (const char *path))                                                                         \
    F(void, close, (openslide_t * slide))                                                                              \
    F(const char *, get_error, (openslide_t * slide))                                                                  \
    F(const char *, get_property_value, (openslide_t * slide, const char *name))                                       \
    F(int32_t, get_level_count, (openslide_t * slide))                                                                 \
    F(void, get_level_dimensions, (openslide_t * slide, int32_t level, int64_t * width, int64_t * height))             \
    F(double, get_level_downsample, (openslide_t * slide, int32_t level))                                              \
    F(void, read_region,                                                                                               \
      (openslide_t * slide, uint32_t * pixels, int64_t x, int64_t y, int32_t level, int64_t width, int64_t height))

struct cos_functions {
#define COS_MEMBER(result, name, arguments) result(*name) arguments;
    COS_FUNCTIONS(COS_MEMBER)
#undef COS_MEMBER
};

/// The functions of the loaded library.
extern struct cos_functions cos_functions;

static inline const char *openslide_get_version(void) {
    return cos_functions.get_version();
}

static inline const char *openslide_detect_vendor(const char *path) {
    return cos_functions.detect_vendor(path);
}

static inline openslide_t *openslide_open(const char *path) {
    return cos_functions.open(path);
}

static inline void openslide_close(openslide_t *slide) {
    cos_functions.close(slide);
}

static inline const char *openslide_get_error(openslide_t *slide) {
    return cos_functions.get_error(slide);
}

static inline const char *openslide_get_property_value(openslide_t *slide, const char *name) {
    return cos_functions.get_property_value(slide, name);
}

static inline int32_t openslide_get_level_count(openslide_t *slide) {
    return cos_functions.get_level_count(slide);
}

static inline void openslide_get_level_dimensions(openslide_t *slide, int32_t level, int64_t *width, int64_t *height) {
    cos_functions.get_level_dimensions(slide, level, width, height);
}

static inline double openslide_get_level_downsample(openslide_t *slide, int32_t level) {
    return cos_functions.get_level_downsample(slide, level);
}

static inline void openslide_read_region(openslide_t *slide, uint32_t *pixels, int64_t x, int64_t y, int32_t level,
                                         int64_t width, int64_t height) {
    cos_functions.read_region(slide, pixels, x, y, level, width, height);
}

#endif

#ifndef CZSTD_SHIM_H
#define CZSTD_SHIM_H

#include <zstd.h>

/* ZSTD_decompressStream's result is a size, a hint or an error in one number. */
static inline int czstd_is_error(size_t result) {
    return ZSTD_isError(result) != 0;
}

#endif

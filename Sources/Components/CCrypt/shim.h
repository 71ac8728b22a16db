#ifndef CCRYPT_SHIM_H
#define CCRYPT_SHIM_H

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

/* Hashes a password as the setting says (crypt(5)) and writes the result, with its end, into `output`.
 * Returns 0, or -1 for a setting that is not understood or a result that does not fit. The library's work area is
 * 32 KiB, too large for a struct in Swift. */
static inline int ccrypt_hash(const char *password, const char *setting, char *output, size_t capacity) {
    struct crypt_data *data = calloc(1, sizeof *data);
    if (!data)
        return -1;
    const char *result = crypt_rn(password, setting, data, sizeof *data);
    int status = -1;
    if (result && strlen(result) < capacity) {
        strcpy(output, result);
        status = 0;
    }
    explicit_bzero(data, sizeof *data);
    free(data);
    return status;
}

#endif

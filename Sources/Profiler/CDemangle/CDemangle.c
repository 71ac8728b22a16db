#include "CDemangle.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

char *__cxa_demangle(const char *mangled, char *output_buffer, size_t *length, int *status);

// Writes the text piece by piece. In libstdc++.a, not exported by libstdc++.so: hence weak.
extern int __gcclibcxx_demangle_callback(const char *mangled, void (*callback)(const char *, size_t, void *),
                                         void *opaque) __attribute__((weak));

struct output {
    jmp_buf overflow;
    size_t length;
    size_t capacity;
    size_t limit;
    char *text;
};

static void append(const char *piece, size_t length, void *opaque)
{
    struct output *output = opaque;
    if (length > output->limit - output->length)
        // The demangler keeps its state on the stack and is C: leaving it like this loses nothing.
        longjmp(output->overflow, 1);
    size_t needed = output->length + length + 1;
    if (needed > output->capacity) {
        size_t capacity = needed * 2;
        char *text = realloc(output->text, capacity);
        if (!text)
            longjmp(output->overflow, 1);
        output->text = text;
        output->capacity = capacity;
    }
    memcpy(output->text + output->length, piece, length);
    output->length += length;
    output->text[output->length] = 0;
}

char *demangle_cxx(const char *mangled, size_t output_limit_bytes)
{
    if (!__gcclibcxx_demangle_callback) {
        int status = 0;
        char *text = __cxa_demangle(mangled, NULL, NULL, &status);
        if (text && strlen(text) > output_limit_bytes) {
            free(text);
            return NULL;
        }
        return text;
    }
    // On the heap, so that its fields keep their values over longjmp.
    struct output *output = calloc(1, sizeof *output);
    if (!output)
        return NULL;
    output->limit = output_limit_bytes;
    char *text = NULL;
    if (setjmp(output->overflow) == 0 && __gcclibcxx_demangle_callback(mangled, append, output) == 0) {
        text = output->text;
        output->text = NULL;
    }
    free(output->text);
    free(output);
    return text;
}

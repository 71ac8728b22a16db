#ifndef OTELCOL_CDEMANGLE_H
#define OTELCOL_CDEMANGLE_H

#include <stddef.h>
#include <stdint.h>

/// Demangles an Itanium C++ name with libstdc++. Returns a malloc'd text, or NULL when the name is not valid or its
/// text would be longer than output_limit_bytes.
char *demangle_cxx(const char *mangled, size_t output_limit_bytes);

/// Exported by the Swift runtime (stdlib/public/runtime/Demangle.cpp). Returns a malloc'd text when output_buffer is
/// NULL, or NULL when the name is not a Swift name.
char *swift_demangle(const char *mangled, size_t mangled_length_bytes, char *output_buffer,
                     size_t *output_buffer_size_bytes, uint32_t flags);

#endif

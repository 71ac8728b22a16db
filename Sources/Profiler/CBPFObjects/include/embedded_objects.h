#ifndef OTELCOL_EMBEDDED_OBJECTS_H
#define OTELCOL_EMBEDDED_OBJECTS_H

#include <stddef.h>

/// A compiled BPF object file carried in the executable.
struct embedded_object {
    /// The source's name without `.bpf.c`.
    const char *name;
    const void *bytes;
    size_t size;
};

/// The object compiled from BPF/<name>.bpf.c for this architecture, or NULL.
const struct embedded_object *embedded_object_named(const char *name);

/// All of them; ends with an entry whose name is NULL.
extern const struct embedded_object embedded_objects[];

#endif

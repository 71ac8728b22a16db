#include "embedded_objects.h"
#include <string.h>

const struct embedded_object *embedded_object_named(const char *name) {
    for (const struct embedded_object *object = embedded_objects; object->name; object++)
        if (strcmp(object->name, name) == 0)
            return object;
    return NULL;
}

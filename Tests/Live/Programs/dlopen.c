/* main > dlopen_main > plugin_outer > plugin_middle > plugin_inner. The library (second argument) is loaded one second
 * after the program has said that it is ready. */
#include "proof.h"

#include <dlfcn.h>

CHAIN int dlopen_before(int value) {
    proof_burn();
    return value + 1;
}

CHAIN int dlopen_main(int (*function)(int), int value) {
    while (proof_running())
        value = function(value);
    return value;
}

int main(int argument_count, char **arguments) {
    int value = argument_count;
    proof_begin(argument_count, arguments);
    proof_ready();
    for (int64_t end = proof_now() + 1000000000; proof_now() < end;)
        value = dlopen_before(value);
    void *library = dlopen(arguments[2], RTLD_NOW);
    int (*function)(int) = library ? (int (*)(int))dlsym(library, "plugin_outer") : NULL;
    if (function == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    return dlopen_main(function, value) == 0;
}

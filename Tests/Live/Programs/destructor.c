/* main > destructor_closes > dlclose > … > __do_global_dtors_aux > __cxa_finalize > destructor_main > destructor_outer >
 * destructor_inner: the library (second argument) is closed while the program runs. */
#include "proof.h"

#include <dlfcn.h>

CHAIN int destructor_closes(void *library) { return dlclose(library); }

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    void *library = dlopen(arguments[2], RTLD_NOW);
    void (*begin)(int, char **) = library ? (void (*)(int, char **))dlsym(library, "destructor_begin") : NULL;
    if (begin == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    begin(argument_count, arguments);
    proof_ready();
    return destructor_closes(library);
}

// A program that has Python in it: embedded LIBRARY FILE.
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    void (*initialize)(void) = (void (*)(void))dlsym(library, "Py_Initialize");
    int (*run)(FILE *, const char *, int, void *) =
        (int (*)(FILE *, const char *, int, void *))dlsym(library, "PyRun_SimpleFileExFlags");
    FILE *file = fopen(argv[2], "r");
    if (!initialize || !run || !file)
        return 1;
    initialize();
    return run(file, argv[2], 1, NULL) != 0;
}

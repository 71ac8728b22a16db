/* main > digest_outer > digest_middle > OpenSSL's SHA512, whose loops are hand-written assembly that keeps its own account
 * of the stack. */
#include "proof.h"

#include <dlfcn.h>

static unsigned char *(*digest)(const unsigned char *, size_t, unsigned char *);
static unsigned char data[1 << 20], result[64];

CHAIN int digest_middle(int value) {
    digest(data, sizeof data, result);
    return value + result[0];
}

CHAIN int digest_outer(int value) {
    while (proof_running())
        value = digest_middle(value);
    return value;
}

int main(int argument_count, char **arguments) {
    void *library = dlopen("libcrypto.so.3", RTLD_NOW);
    if (library == NULL || (digest = dlsym(library, "SHA512")) == NULL)
        return 2;
    proof_begin(argument_count, arguments);
    proof_ready();
    return digest_outer(argument_count) == -1;
}

/* Loaded by dlopen.c while it runs. */
#include "proof.h"

CHAIN int plugin_inner(int value) {
    proof_burn();
    return value + 1;
}

CHAIN int plugin_middle(int value) { return plugin_inner(value) + 1; }

CHAIN int plugin_outer(int value) { return plugin_middle(value) + 1; }

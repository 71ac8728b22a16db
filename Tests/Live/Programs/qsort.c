/* main > qsort_outer > qsort (libc) > … > qsort_compare: back from a library's code into the program's. */
#include "proof.h"

CHAIN int qsort_compare(const void *left, const void *right) {
    proof_burn();
    int a = *(const int *)left, b = *(const int *)right;
    return (a > b) - (a < b);
}

CHAIN int qsort_outer(int *values, size_t count) {
    while (proof_running()) {
        for (size_t index = 0; index < count; index++)
            values[index] = (int)((index * 7919) % count);
        qsort(values, count, sizeof *values, qsort_compare);
    }
    return values[0];
}

int main(int argument_count, char **arguments) {
    static int values[16];
    proof_begin(argument_count, arguments);
    proof_ready();
    return qsort_outer(values, 16) != 0;
}

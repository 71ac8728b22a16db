#include <stdio.h>
#include <stdlib.h>

struct list { struct list *next; unsigned value; };

static inline __attribute__((always_inline)) unsigned mix(unsigned a, unsigned b) {
    a ^= b << 7;
    a *= 0x9e3779b1u;
    return a ^ a >> 13;
}

static inline __attribute__((always_inline)) unsigned twice(unsigned a, unsigned b) {
    unsigned first = mix(a, b);
    if (first & 1)
        first += mix(b, first);
    return first;
}

static unsigned unused_function(unsigned a) __attribute__((used, noinline));
static unsigned unused_function(unsigned a) { return twice(a, a + 1); }

__attribute__((noinline)) unsigned sum(struct list *list) {
    unsigned total = 0;
    for (; list; list = list->next) {
        total = twice(total, list->value);
        if (__builtin_expect(total == 42, 0))
            abort();
    }
    return total;
}

static int compare(const void *left, const void *right) {
    return *(const int *)left - *(const int *)right;
}

__attribute__((noinline, cold)) static void report(const char *text, unsigned value) {
    fprintf(stderr, "%s: %u\n", text, value);
}

int main(int argc, char **argv) {
    struct list *head = NULL;
    int numbers[64];
    for (int i = 0; i < 64; i++) {
        struct list *node = malloc(sizeof *node);
        if (!node) {
            report("no memory", i);
            return 1;
        }
        node->next = head;
        node->value = i * argc;
        numbers[i] = (i * 37) % 64;
        head = node;
    }
    qsort(numbers, 64, sizeof *numbers, compare);
    switch (argc) {
    case 1: printf("%u\n", sum(head)); break;
    case 2: printf("%u\n", mix(sum(head), numbers[3])); break;
    default: report(argv[1], twice(numbers[5], 7));
    }
    return 0;
}

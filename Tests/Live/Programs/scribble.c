// Rewrites another process's memory at random, where it holds pointers: scribble PID SECONDS SEED. Words are made to point
// to themselves, to nothing, to unmapped memory, to the kernel's and to pages that only the kernel fills, or become huge
// numbers. Most of them are what they were again a moment later, so that the process lives on for a while.
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_REGIONS = 64, MAX_REGION_BYTES = 8 << 20 };

struct region {
    uint64_t start, bytes;
};

static struct region regions[MAX_REGIONS];
static int region_count;
static uint64_t kernel_page;

static void read_regions(const char *pid) {
    char path[64], line[4096];
    snprintf(path, sizeof path, "/proc/%s/maps", pid);
    FILE *maps = fopen(path, "r");
    if (!maps)
        exit(1);
    while (fgets(line, sizeof line, maps)) {
        uint64_t start, end;
        char access[8];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &start, &end, access) != 3)
            continue;
        if (strstr(line, "[vvar]"))
            kernel_page = start;
        if (strncmp(access, "rw-p", 4) || region_count == MAX_REGIONS)
            continue;
        // The C library's own data, and stacks of calls, would only end the process.
        if (strstr(line, "libc") || strstr(line, "ld-") || strstr(line, "[stack]"))
            continue;
        uint64_t bytes = end - start;
        regions[region_count++] = (struct region){start, bytes > MAX_REGION_BYTES ? MAX_REGION_BYTES : bytes};
    }
    fclose(maps);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    srandom(strtoul(argv[3], NULL, 10));
    read_regions(argv[1]);
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/mem", argv[1]);
    int memory = open(path, O_RDWR);
    if (memory < 0 || !region_count)
        return 1;
    double end = now() + strtod(argv[2], NULL);
    long written = 0;
    while (now() < end) {
        struct region region = regions[random() % region_count];
        uint64_t place = region.start + (((uint64_t)random() << 3) % region.bytes & ~7ull), word = 0;
        if (pread(memory, &word, sizeof word, place) != sizeof word) {
            if (kill(atoi(argv[1]), 0))
                break;
            continue;
        }
        // What may be a pointer, or a length.
        if (word == 0 || word >= 1ull << 47)
            continue;
        uint64_t bad[] = {0,         place,     place - 8,  place + 8, 0x10,       0xdead0000, 1ull << 63,
                          ~0ull - 7, word ^ 16, 1ull << 40, word + 8,  kernel_page, 0xffffffffff600000};
        uint64_t other = bad[random() % (sizeof bad / sizeof *bad)];
        if (pwrite(memory, &other, sizeof other, place) != sizeof other)
            continue;
        written++;
        usleep(300);
        if (random() % 64)
            pwrite(memory, &word, sizeof word, place);
    }
    printf("%ld words\n", written);
    return 0;
}

/* Publishes a process context (OTEP 4719) step by step: each SIGUSR1 is answered by the next step and a line that names it.
 * Arguments: the two payloads, in hexadecimal. Uses the CPU all the time. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct header {
    char signature[8];
    uint32_t version;
    uint32_t payload_size;
    uint64_t published_at;
    uint64_t payload;
};

static volatile sig_atomic_t steps;

static void step(int signal) {
    (void)signal;
    steps++;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint32_t decode(const char *text, unsigned char *bytes) {
    uint32_t count = 0;
    for (unsigned byte; sscanf(text, "%2x", &byte) == 1; text += 2)
        bytes[count++] = (unsigned char)byte;
    return count;
}

static void publish(struct header *header, unsigned char *payload, const char *text) {
    __atomic_store_n(&header->published_at, 0, __ATOMIC_SEQ_CST);
    header->payload_size = decode(text, payload);
    header->payload = (uint64_t)(uintptr_t)payload;
    header->version = 2;
    memcpy(header->signature, "OTEL_CTX", 8);
    __atomic_store_n(&header->published_at, now(), __ATOMIC_SEQ_CST);
}

int main(int count, char **arguments) {
    static unsigned char payloads[2][65536];
    struct header *header = MAP_FAILED;
    if (count < 3)
        return 2;
    signal(SIGUSR1, step);
    puts("ready");
    fflush(stdout);
    for (int done = 0;; ) {
        if (done == steps)
            continue;
        switch (done++) {
        case 0: {
            int file = memfd_create("OTEL_CTX", MFD_CLOEXEC);
            if (file < 0 || ftruncate(file, 4096))
                return 1;
            header = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
            close(file);
            if (header == MAP_FAILED)
                return 1;
            publish(header, payloads[0], arguments[1]);
            puts("published");
            break;
        }
        case 1:
            publish(header, payloads[1], arguments[2]);
            puts("changed");
            break;
        case 2:
            header->published_at = 0;
            puts("changing");
            break;
        case 3:
            header->published_at = now();
            header->payload = 8;
            puts("broken");
            break;
        default:
            munmap(header, 4096);
            puts("gone");
        }
        fflush(stdout);
    }
}

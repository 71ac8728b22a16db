/* activities NAME FOLDER: spends its time on one thing until it is killed: user, tcp, pipe, file, futex, mmap or
 * fault. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static char block[65536];

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void *keep_reading(void *descriptor) {
    static char taken[65536];
    for (;;)
        if (read(*(int *)descriptor, taken, sizeof taken) <= 0)
            die("read");
}

static void keep_writing(int to, int *from) {
    pthread_t reader;
    if (pthread_create(&reader, 0, keep_reading, from))
        die("pthread_create");
    for (;;)
        if (write(to, block, sizeof block) <= 0)
            die("write");
}

static void use_tcp(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&address, length) || listen(listener, 1) ||
        getsockname(listener, (void *)&address, &length) || connect(client, (void *)&address, length))
        die("connect");
    int server = accept(listener, 0, 0);
    keep_writing(client, &server);
}

static void use_pipe(void) {
    int ends[2];
    if (pipe(ends))
        die("pipe");
    keep_writing(ends[1], &ends[0]);
}

static void use_file(const char *folder) {
    char path[4096];
    snprintf(path, sizeof path, "%s/activity", folder);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0)
        die(path);
    for (int part = 0; part < 64; part++)
        if (pwrite(file, block, sizeof block, part * sizeof block) != sizeof block)
            die("pwrite");
    for (;;)
        for (int part = 0; part < 64; part++)
            if (pread(file, block, sizeof block, part * sizeof block) != sizeof block)
                die("pread");
}

static int turn;

static void pass_to(int other) {
    __atomic_store_n(&turn, other, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) == other)
        syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, other, 0, 0, 0);
}

static void *answer(void *unused) {
    for (;;)
        pass_to(0);
    return unused;
}

static void use_futex(void) {
    pthread_t other;
    turn = 1;
    if (pthread_create(&other, 0, answer, 0))
        die("pthread_create");
    while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) == 1)
        syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0);
    for (;;)
        pass_to(1);
}

static void use_mmap(void) {
    for (;;) {
        void *area = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED)
            die("mmap");
        munmap(area, 1 << 20);
    }
}

static void use_faults(void) {
    size_t size = 16 << 20;
    volatile char *area = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise((void *)area, size, MADV_NOHUGEPAGE);
    for (;;) {
        for (size_t page = 0; page < size; page += 4096)
            area[page] = 1;
        madvise((void *)area, size, MADV_DONTNEED);
    }
}

int main(int count, char **arguments) {
    const char *name = count == 3 ? arguments[1] : "";
    if (!strcmp(name, "tcp"))
        use_tcp();
    else if (!strcmp(name, "pipe"))
        use_pipe();
    else if (!strcmp(name, "file"))
        use_file(arguments[2]);
    else if (!strcmp(name, "futex"))
        use_futex();
    else if (!strcmp(name, "mmap"))
        use_mmap();
    else if (!strcmp(name, "fault"))
        use_faults();
    else if (!strcmp(name, "user"))
        for (volatile unsigned long number = 0;; number++) {
        }
    fprintf(stderr, "usage: activities NAME FOLDER\n");
    return 2;
}

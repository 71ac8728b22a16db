/* main > made_outer > made_inner: the last two are made at run time, with frame pointers, and told of in a perf map or,
 * with the second argument "jitdump", in a jitdump in the folder of the third (linux,
 * tools/perf/Documentation/jit-interface.txt and jitdump-specification.txt). */
#include "proof.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

/* push %rbp; mov %rsp,%rbp; mov $0x4000000,%ecx; 1: dec %ecx; jnz 1b; pop %rbp; ret */
static const uint8_t inner[] = {0x55, 0x48, 0x89, 0xe5, 0xb9, 0, 0, 0, 0x04, 0xff, 0xc9, 0x75, 0xfc, 0x5d, 0xc3};
/* push %rbp; mov %rsp,%rbp; mov $inner,%rax; call *%rax; pop %rbp; ret */
static const uint8_t outer[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xd0, 0x5d, 0xc3};
enum { OUTER_ADDRESS = 6, OUTER_OFFSET = 256 };

static void write_perf_map(const uint8_t *code) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
    FILE *map = fopen(path, "w");
    if (map == NULL)
        exit(2);
    fprintf(map, "%lx %zx made_inner\n", (unsigned long)code, sizeof inner);
    fprintf(map, "%lx %zx made_outer<int, 2> at file.js:3\n", (unsigned long)(code + OUTER_OFFSET), sizeof outer);
    fclose(map);
}

static void write_load(FILE *dump, const uint8_t *code, size_t size, const char *name, uint64_t number) {
    struct {
        uint32_t kind, size;
        uint64_t time;
        uint32_t pid, tid;
        uint64_t address, code_address, code_size, number;
    } record = {0, (uint32_t)(sizeof record + strlen(name) + 1 + size), 0, (uint32_t)getpid(), (uint32_t)getpid(),
        (uint64_t)code, (uint64_t)code, size, number};
    fwrite(&record, sizeof record, 1, dump);
    fwrite(name, strlen(name) + 1, 1, dump);
    fwrite(code, size, 1, dump);
}

static void write_jitdump(const uint8_t *code, const char *folder) {
    struct {
        uint32_t magic, version, size, machine, padding, pid;
        uint64_t time, flags;
    } header = {0x4a695444, 1, sizeof header, 62, 0, (uint32_t)getpid(), 0, 0};
    char path[4096];
    snprintf(path, sizeof path, "%s/jit-%d.dump", folder, (int)getpid());
    FILE *dump = fopen(path, "w+");
    if (dump == NULL)
        exit(2);
    fwrite(&header, sizeof header, 1, dump);
    fflush(dump);
    /* How profilers learn of the file. */
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(dump), 0) == MAP_FAILED)
        exit(2);
    write_load(dump, code, sizeof inner, "made_inner", 0);
    write_load(dump, code + OUTER_OFFSET, sizeof outer, "made_outer<int, 2> at file.js:3", 1);
    fclose(dump);
}

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED)
        return 2;
    memcpy(code, inner, sizeof inner);
    memcpy(code + OUTER_OFFSET, outer, sizeof outer);
    memcpy(code + OUTER_OFFSET + OUTER_ADDRESS, &code, sizeof code);
    if (argument_count > 3 && strcmp(arguments[2], "jitdump") == 0)
        write_jitdump(code, arguments[3]);
    else
        write_perf_map(code);
    proof_ready();
    while (proof_running())
        ((void (*)(void))(code + OUTER_OFFSET))();
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
    unlink(path);
}

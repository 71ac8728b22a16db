/* as CAPABILITY,... PROGRAM ARGUMENT...: runs a program as uid 65532 with the capabilities named and no others. */
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Those of docs/privileges.md, by number: older headers lack the last three (linux/capability.h). */
static const struct {
    const char *name;
    int number;
} known[] = {
    {"dac_read_search", 2}, {"ipc_lock", 14}, {"sys_ptrace", 19}, {"sys_admin", 21}, {"sys_resource", 24},
    {"syslog", 34},         {"perfmon", 38},  {"bpf", 39},        {"checkpoint_restore", 40},
};
enum { UNPRIVILEGED = 65532, KNOWN = sizeof known / sizeof *known };

static int fail(const char *what) {
    perror(what);
    return 125;
}

int main(int count, char **arguments) {
    if (count < 3)
        return 125;
    unsigned long long mask = 0;
    for (char *name = strtok(arguments[1], ","); name; name = strtok(NULL, ","))
        for (int index = 0; index < KNOWN; index++)
            if (!strcmp(known[index].name, name))
                mask |= 1ULL << known[index].number;
    for (int number = 0; number < 64; number++)
        if (!(mask >> number & 1))
            prctl(PR_CAPBSET_DROP, number, 0, 0, 0); /* fails for those that the kernel does not know */
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setgroups(0, NULL) || setgid(UNPRIVILEGED) || setuid(UNPRIVILEGED))
        return fail("setuid");
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    for (int half = 0; half < 2; half++) {
        unsigned part = mask >> (32 * half);
        data[half] = (struct __user_cap_data_struct){part, part, part};
    }
    if (syscall(SYS_capset, &header, data))
        return fail("capset");
    for (int number = 0; number < 64; number++)
        if (mask >> number & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0))
            return fail("prctl");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return fail("prctl");
    execv(arguments[2], arguments + 2);
    return fail(arguments[2]);
}

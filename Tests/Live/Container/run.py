"""run.py ROOT CONTROL_GROUP_ID [--capabilities NAMES] [--seccomp PROFILE] [--pid-namespace] -- ARGUMENTS...: runs /otelcol
of a root file system as a container engine would: in mount and control group namespaces of its own, with fresh /proc and /sys, read-only but for
/tmp and /var/lib/otelcol, as uid 65532 with the capabilities named and no others."""
import argparse
import ctypes
import json
import os
import platform
import re
import struct
import sys

CAPABILITIES = {
    name: number
    for number, name in enumerate(
        "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service "
        "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct "
        "sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap "
        "mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore".split()
    )
}
NAMESPACES = {"mount": 0x00020000, "cgroup": 0x02000000, "pid": 0x20000000}  # linux/sched.h
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18  # linux/mount.h
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 24, 38, 47, 2
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
CAPABILITY_VERSION = 0x20080522
libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    result = getattr(libc, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return result


def mount(source, target, kind=None, flags=0):
    call("mount", source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags), None)


def control_group(name):
    """The folder of a group below where cgroups of version 2 are mounted, or nil."""
    for line in open("/proc/self/mounts"):
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return f"{place}/{name}"
    return None


def become(root, names):
    os.chroot(root)
    os.chdir("/")
    numbers = [CAPABILITIES[name] for name in names]
    for number in range(64):
        if number not in numbers:
            libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # fails for those that the kernel does not know
    call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(65532)
    os.setuid(65532)
    mask = sum(1 << number for number in numbers)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    call("capset", header, (ctypes.c_uint32 * 6)(low, low, low, high, high, high))
    for number in numbers:
        call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0)
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def filter_of(profile):
    """A seccomp profile as a classic BPF program (seccomp(2)): allows the calls that it names, for this architecture."""
    numbers = {}
    for header in ["asm/unistd_64.h", "asm-generic/unistd.h", "asm/unistd.h"]:
        for folder in [f"/usr/include/{platform.machine()}-linux-gnu", "/usr/include"]:
            if not numbers and os.path.exists(f"{folder}/{header}"):
                text = open(f"{folder}/{header}").read()
                numbers = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    data = json.load(open(profile))
    allowed = [numbers[name] for entry in data["syscalls"] for name in entry["names"] if name in numbers]
    instructions = [(0x20, 0, 0, 0)]  # the call's number
    for index, number in enumerate(allowed):
        instructions.append((0x15, len(allowed) - index, 0, number))  # equal: to the last
    refuse = 0x00050000 | data["defaultErrnoRet"]
    instructions += [(0x06, 0, 0, refuse), (0x06, 0, 0, 0x7FFF0000)]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)


def install(program):
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.create_string_buffer(header, len(header)), 0, 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("id")
    parser.add_argument("--capabilities", default="")
    parser.add_argument("--seccomp")
    parser.add_argument("--pid-namespace", action="store_true")
    parser.add_argument("arguments", nargs="+")
    options = parser.parse_args()
    group = control_group(f"docker-{options.id}.scope")
    if group:
        os.makedirs(group, exist_ok=True)
        with open(f"{group}/cgroup.procs", "w") as file:
            file.write(str(os.getpid()))
    namespaces = NAMESPACES["mount"] | NAMESPACES["cgroup"]
    if options.pid_namespace:
        namespaces |= NAMESPACES["pid"]
    call("unshare", namespaces)
    if options.pid_namespace:
        child = os.fork()
        if child:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    root = os.path.abspath(options.root)
    program = filter_of(options.seccomp) if options.seccomp else None
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    mount(root, root, flags=MS_BIND)
    mount("proc", f"{root}/proc", "proc")
    mount("sysfs", f"{root}/sys", "sysfs", MS_RDONLY)
    for folder in ["tmp", "var/lib/otelcol"]:
        mount(f"{root}/{folder}", f"{root}/{folder}", flags=MS_BIND)
    mount("none", root, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)
    names = [name for name in options.capabilities.split(",") if name]
    become(root, names)
    if program:
        install(program)
    os.execve("/otelcol", ["/otelcol", *options.arguments], {"HOME": "/var/lib/otelcol"})


main()

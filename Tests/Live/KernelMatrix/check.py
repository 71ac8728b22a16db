"""Reads the console output of kernel-matrix-test and checks, kernel by kernel, what guest.sh sent of each run of otelcol:
at least 99 % of the samples of the program `chain` must have its whole call chain, in order, down to _start; every CPU is
sampled while it is online, and at no other time (in the run "old" a CPU goes offline and comes back); the log has
nothing to complain about; kernels 5 take the unwinders of all managed runtimes; and, on x86_64, the capabilities of
docs/privileges.md suffice, and each that it cannot do without is missed by name."""
import base64
import gzip
import json
import re
import sys

# What a run goes through with a CPU that goes offline and comes back, and without.
HOT_PLUG_MARKS = ["start", "online", "offline", "online", "blink", "end"]
PLAIN_MARKS = ["start", "online", "end"]
CHAIN = ["chain_inner", "chain_middle", "chain_outer", "main", "__libc_start_call_main"]
ROOTS = [["__libc_start_main", "_start"], ["__libc_start_main_impl", "_start"]]
MINIMUM_SAMPLES = 100
SAMPLES_PER_SECOND = 99
# A CPU that came back is noticed within two seconds; an emulated machine is slow at times.
NOTICED_SECONDS = 4
MINIMUM_SHARE = 0.25


def samples(text):
    """Of each kind of sample: function names, leaf first; CPU; times in seconds since 1970."""
    for line in text.splitlines(keepends=True):
        if not line.endswith("\n"):
            continue  # copied while it was being written
        data = json.loads(line)
        dictionary = data["dictionary"]
        strings = dictionary["stringTable"]
        functions = [strings[entry.get("nameStrindex", 0)] for entry in dictionary["functionTable"]]
        locations = [
            [functions[part.get("functionIndex", 0)] for part in entry.get("lines", [])] or ["?"]
            for entry in dictionary["locationTable"]
        ]
        attributes = dictionary["attributeTable"]
        tables = [entry.get("locationIndices", []) for entry in dictionary["stackTable"]]
        for resource in data.get("resourceProfiles", []):
            for scope in resource.get("scopeProfiles", []):
                for profile in scope.get("profiles", []):
                    for sample in profile.get("samples", []):
                        names = [name for index in tables[sample.get("stackIndex", 0)] for name in locations[index]]
                        cpu = next(
                            int(attributes[index]["value"]["intValue"])
                            for index in sample["attributeIndices"]
                            if strings[attributes[index].get("keyStrindex", 0)] == "cpu.logical_number"
                        )
                        yield names, cpu, [int(time) / 1e9 for time in sample["timestampsUnixNano"]]


def check_stacks(found):
    """None when the chain's stacks are whole, else what is wrong."""
    busy = right = 0
    wrong = {}
    for names, _, times in found:
        if CHAIN[0] not in names:
            continue
        busy += len(times)
        rest = names[names.index(CHAIN[0]):]
        if any(rest == CHAIN + root for root in ROOTS):
            right += len(times)
        else:
            wrong[" < ".join(names)] = wrong.get(" < ".join(names), 0) + len(times)
    print(f"    {right} of {busy} samples of the chain are whole")
    if busy < MINIMUM_SAMPLES:
        return f"fewer than {MINIMUM_SAMPLES} samples"
    if right * 100 < busy * 99:
        return "deviations: " + "; ".join(f"{count} × {stack}" for stack, count in wrong.items())[:2000]
    return None


def check_cpus(found, marks, hot_plug):
    """None when CPU 1 was sampled while it was online and only then, and CPU 0 always; else what is wrong."""
    times = {0: [], 1: []}
    for _, cpu, new in found:
        times[cpu] += new
    if [what for what, _ in marks] != (HOT_PLUG_MARKS if hot_plug else PLAIN_MARKS):
        return f"marks are {marks}"
    problems, rates = [], []
    for (what, begin), (_, end) in zip(marks, marks[1:]):
        is_offline = hot_plug and what in ("start", "offline")
        # Marks are in whole seconds.
        first = begin + (1 if is_offline else NOTICED_SECONDS)
        counts = [sum(first <= time < end for time in times[cpu]) for cpu in (0, 1)]
        rates.append(f"{what} {counts[0] / (end - first):.0f} and {counts[1] / (end - first):.0f}")
        least = MINIMUM_SHARE * SAMPLES_PER_SECOND * (end - first)
        if what != "start" and counts[0] < least:
            problems.append(f"CPU 0 has {counts[0]} samples in {end - first} s after '{what}'")
        if is_offline and counts[1]:
            problems.append(f"CPU 1 has {counts[1]} samples while it is offline")
        if what != "start" and not is_offline and counts[1] < least:
            problems.append(f"CPU 1 has {counts[1]} samples in {end - first} s after '{what}'")
    print("    samples a second of CPU 0 and 1: " + ", ".join(rates))
    return "; ".join(problems) or None


def check_without(console, is_old):
    """What is wrong with what the program said without one of the capabilities that it cannot do without."""
    problems = []
    for name in ["bpf", "perfmon", "sys_ptrace", "sys_admin"] + (["sys_resource"] if is_old else []):
        found = re.search(rf"@@WITHOUT {name} exit (\d+)\s+(.*?)@@END", console, re.DOTALL)
        if not found or found[1] != "1" or f"CAP_{name.upper()}" not in found[2]:
            problems.append(f"without {name}: {found[0][:1000] if found else 'was not tried'}")
        else:
            print(f"    without {name} it ends with 1 and names it")
    return problems


def check(console, run):
    """None when a run passed on a kernel, else what is wrong."""
    found = re.search(rf"@@LOG {run}\n(.*?)@@PROFILES {run}\s+(.*?)@@END", console, re.DOTALL)
    if not found:
        return "no profiles were sent"
    complaints = [line for line in found[1].splitlines() if line.strip() and "\tinfo\t" not in line]
    if complaints:
        return "the log complains: " + "; ".join(complaints)[:2000]
    # A message of the kernel may have come between two lines.
    encoded = "".join(line for line in found[2].splitlines() if re.fullmatch(r"[A-Za-z0-9+/=]+", line.strip()))
    if run == "old" or f"@@DOCTOR {run}" in console:
        said = re.search(rf"@@DOCTOR {run}\s+(.*?)(?=@@)", console, re.DOTALL)
        unwinders = re.search(r"managed runtimes.*unwinders of (.*) load", said[1] if said else "")
        if not unwinders:
            return f"the kernel may refuse the unwinder of a managed runtime: {said[1] if said else None}"
        print(f"    unwinders of {unwinders[1]} load")
    taken = list(samples(gzip.decompress(base64.b64decode(encoded)).decode()))
    marks = [(what, int(time)) for what, time in re.findall(rf"@@MARK {run}:(\w+) (\d+)", console)]
    problems = [problem for problem in (check_stacks(taken), check_cpus(taken, marks, run == "old")) if problem]
    return "; ".join(problems) or None


def main():
    output = open(sys.argv[1], encoding="utf-8", errors="replace").read()
    blocks = re.split(r"(?m)^(?==== kernel )", output)[1:]
    failed = not blocks
    if not blocks:
        print(output[-4000:])
    for block in blocks:
        title = block.splitlines()[0]
        print(title)
        release = re.search(r"\((\d+)\.\d+", title)
        is_old = release is not None and int(release[1]) < 6
        problems = []
        runs = ["new", "old"] if is_old else ["new"]
        if "@@LOG least" in block:
            runs += ["least", "admin"] if is_old else ["least"]
        for run in runs:
            print(f"  {run}")
            problem = check(block, run)
            if problem:
                problems.append(f"{run}: {problem}")
        if "least" in runs:
            problems += check_without(block, is_old)
        if ": exit 0," not in title:
            problems.append("otelcol did not end with 0")
        if problems:
            failed = True
            print("  FAILED: " + "\n  FAILED: ".join(problems))
            print(re.sub(r"(@@PROFILES \w+).*?@@END", r"\1", block, flags=re.DOTALL)[-4000:])
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

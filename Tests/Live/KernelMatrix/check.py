"""Reads the console output of kernel-matrix-test and checks the OTLP profiles in it, kernel by kernel: at
least 99 % of the samples of the program `chain` must have its whole call chain, in order, down to _start."""
import base64
import gzip
import json
import re
import sys

CHAIN = ["chain_inner", "chain_middle", "chain_outer", "main", "__libc_start_call_main"]
ROOTS = [["__libc_start_main", "_start"], ["__libc_start_main_impl", "_start"]]
MINIMUM_SAMPLES = 100


def stacks(text):
    """Function names of each sample, leaf first, with its count."""
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
        tables = [entry.get("locationIndices", []) for entry in dictionary["stackTable"]]
        for resource in data.get("resourceProfiles", []):
            for scope in resource.get("scopeProfiles", []):
                for profile in scope.get("profiles", []):
                    for sample in profile.get("samples", []):
                        count = len(sample.get("timestampsUnixNano", [])) or sum(map(int, sample.get("values", [1])))
                        names = [name for index in tables[sample.get("stackIndex", 0)] for name in locations[index]]
                        yield names, count


def check(console):
    """None when the kernel passed, else what is wrong."""
    found = re.search(r"@@PROFILES\s+(.*?)@@END", console, re.DOTALL)
    if not found:
        return "no profiles were sent"
    # A message of the kernel may have come between two lines.
    encoded = "".join(line for line in found.group(1).splitlines() if re.fullmatch(r"[A-Za-z0-9+/=]+", line.strip()))
    busy = right = 0
    wrong = {}
    for names, count in stacks(gzip.decompress(base64.b64decode(encoded)).decode()):
        if CHAIN[0] not in names:
            continue
        busy += count
        rest = names[names.index(CHAIN[0]):]
        if any(rest == CHAIN + root for root in ROOTS):
            right += count
        else:
            wrong[" < ".join(names)] = wrong.get(" < ".join(names), 0) + count
    print(f"  {right} of {busy} samples of the chain are whole")
    if busy < MINIMUM_SAMPLES:
        return f"fewer than {MINIMUM_SAMPLES} samples"
    if right * 100 < busy * 99:
        return "deviations: " + "; ".join(f"{count} × {stack}" for stack, count in wrong.items())[:2000]
    return None


def main():
    output = open(sys.argv[1], encoding="utf-8", errors="replace").read()
    blocks = re.split(r"(?m)^(?==== kernel )", output)[1:]
    failed = not blocks
    if not blocks:
        print(output[-4000:])
    for block in blocks:
        print(block.splitlines()[0])
        problem = check(block)
        if problem is None and ": exit 0," not in block.splitlines()[0]:
            problem = "otelcol did not end with 0"
        if problem:
            failed = True
            print(f"  FAILED: {problem}")
            print(re.sub(r"@@PROFILES.*?@@END", "", block, flags=re.DOTALL)[-4000:])
    sys.exit(1 if failed else 0)


main()

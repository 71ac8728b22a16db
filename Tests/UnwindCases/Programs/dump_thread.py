# For gdb: writes the stopped arm64 thread as Sources/Profiler/UnwindCases/ProcessDump.swift reads it. Variables set
# before: comment, binary (path), mappings (list of start, end, offset), output (path).
import gdb
import struct

STACK_BYTES = 16384
RED_ZONE_BYTES = 128
WORDS_IN_LINE = 8
# Addresses under qemu-aarch64 have 48 bits; a pointer authentication code lies above them.
POINTER_MASK = (1 << 48) - 1


def register(name):
    return int(gdb.parse_and_eval("$" + name)) & (1 << 64) - 1


names = [f"x{number}" for number in range(31)] + ["sp", "pc"]
lines = ["otelcol unwind case 1", "comment " + comment, "architecture arm64", f"pointer-mask {POINTER_MASK:x}"]
for name in names:
    lines.append(f"register {name} {register(name):x}")
start = register("sp") - RED_ZONE_BYTES
stack = b""
while len(stack) < STACK_BYTES:
    try:
        stack += bytes(gdb.selected_inferior().read_memory(start + len(stack), 64))
    except gdb.MemoryError:
        break
words = struct.unpack(f"<{len(stack) // 8}Q", stack)
lines.append(f"stack {start:x} {len(words) * 8}")
for first in range(0, len(words), WORDS_IN_LINE):
    lines.append(f"words {first * 8:x} " + " ".join(f"{word:x}" for word in words[first : first + WORDS_IN_LINE]))
for begin, end, offset in mappings:
    lines.append(f"file {begin:x} {end:x} {offset:x} {binary}")
with open(output, "w") as file:
    file.write("\n".join(lines) + "\n")

# One half of its CPU time in the interpreter's loop, one in OpenSSL.
import hashlib, time
print("ready", flush=True)
def interpret(until):
    a = 1
    b = 2
    while time.process_time() < until:
        for _ in range(1000):
            a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b
            a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b
            a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b
            a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b; b = a; a = b
def digest(until):
    block = bytes(1 << 18)
    while time.process_time() < until:
        hashlib.sha256(block).digest()
while True:
    start = time.process_time()
    interpret(start + 0.05)
    digest(start + 0.1)

import hashlib, os, threading
buffer = b"x" * (64 << 20)
def without_lock():
    while True:
        hashlib.sha256(buffer).digest()
def hasher(): without_lock()
threading.Thread(target=hasher, name="hasher", daemon=True).start()
print("ready", os.getpid(), flush=True)
def leaf():
    x = 0
    for i in range(10**12): x += i
def middle(): leaf()
middle()

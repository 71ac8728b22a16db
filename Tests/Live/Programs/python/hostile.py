"""Breaks the list of its own frames at random, as the profiler follows it: a second thread's frames are linked to
themselves, to unmapped memory, to code that is none."""
import ctypes, os, random, sys, threading, time
print("ready", os.getpid(), flush=True)
def spin():
    x = 0
    while True:
        x += 1
def victim(): spin()
threading.Thread(target=victim, daemon=True).start()
time.sleep(0.2)
frame = next(f for i, f in sys._current_frames().items() if i != threading.get_ident())
# PyFrameObject: f_back at 24 until 3.10, when frames themselves are the list; its f_frame at 24 since.
at = id(frame)
word = ctypes.c_uint64
if sys.version_info >= (3, 11):
    at = word.from_address(id(frame) + 24).value
    previous = 48 if sys.version_info < (3, 12) else 8
else:
    previous = 24
link = word.from_address(at + previous)
true = link.value
bad = [at, 0, 0x10, 0xdead0000, 1 << 63, at + 8, true ^ 0x10, 0x7fffffffe000]
while True:
    link.value = random.choice(bad)
    time.sleep(0.002)
    link.value = true
    time.sleep(0.002)

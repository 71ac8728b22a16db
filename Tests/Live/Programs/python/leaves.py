import os, sys, time
print("ready", os.getpid(), flush=True)
def often():
    x = 0
    for i in range(6000): x += i
def seldom():
    x = 0
    for i in range(3000): x += i
def rarely():
    x = 0
    for i in range(1000): x += i
def turn():
    often(); seldom(); rarely()
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end: turn()

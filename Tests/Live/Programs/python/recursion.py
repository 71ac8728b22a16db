import os, sys
print("ready", os.getpid(), flush=True)
sys.setrecursionlimit(2000)
def descend(n):
    if n:
        return descend(n - 1)
    x = 0
    while True:
        x += 1
descend(900)

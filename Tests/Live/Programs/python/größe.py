import os
print("ready", os.getpid(), flush=True)
def größe(n):
    while n:
        n += 1
def 测量(): größe(1)
测量()

import os, time
print("ready", os.getpid(), flush=True)
def work(n):
    x = 0
    for i in range(n): x += i
def often(): work(6000)
def seldom(): work(3000)
def rarely(): work(1000)
def turn():
    often(); seldom(); rarely()
while True: turn()

# Work in C without the interpreter's lock, in several threads, and some with it.
import sys, threading
import numpy
print("ready", flush=True)
def multiply(size):
    a = numpy.random.rand(size, size)
    while True:
        numpy.dot(a, a)
def order(size):
    while True:
        numpy.sort(numpy.random.rand(size))
def mix():
    a = numpy.arange(1000.0)
    while True:
        b = [float(numpy.sum(a * i)) for i in range(100)]
        numpy.vectorize(lambda x: x + 1)(a)
for work, arguments in [(multiply, (300,)), (order, (200000,))]:
    threading.Thread(target=work, args=arguments, daemon=True).start()
mix()

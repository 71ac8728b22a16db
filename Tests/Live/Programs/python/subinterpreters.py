import os; print("ready", os.getpid(), flush=True)
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
SOURCE = """def inner():
    x = 0
    while True:
        x += 1
def outer(): inner()
outer()
"""
def start():
    interpreters.run_string(interpreters.create(), SOURCE)
start()

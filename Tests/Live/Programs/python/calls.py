import os; print("ready", os.getpid(), flush=True)
class K:
    def leaf(self):
        x = 0
        while True:
            x += 1
    @staticmethod
    def st(o):
        o.leaf()
def gen(k):
    try:
        raise ValueError("x")
    except ValueError:
        yield K.st(k)
def rec(n, k):
    if n:
        return rec(n-1, k)
    return sorted([1,2], key=lambda v: next(gen(k)))
rec(2, K())

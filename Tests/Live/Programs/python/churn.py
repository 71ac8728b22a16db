import os
print("ready", os.getpid(), flush=True)
def run(number):
    source = f"def made_{number}():\n    x = 0\n    for i in range(20000): x += i\nmade_{number}()\n"
    exec(compile(source, f"made-{number}", "exec"), {})
number = 0
while True:
    number += 1
    run(number)

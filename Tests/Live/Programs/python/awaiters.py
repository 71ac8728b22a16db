import asyncio, os, sys
def leaf():
    x = 0
    while True:
        x += 1
async def fetch():
    await asyncio.sleep(0)
    leaf()
async def grouped():
    async with asyncio.TaskGroup() as group:
        group.create_task(fetch())
        group.create_task(asyncio.sleep(1000))
async def gathered():
    await asyncio.gather(asyncio.sleep(1000), grouped())
async def waited():
    await asyncio.wait_for(gathered(), 1000)
async def main():
    await asyncio.create_task(waited())
def graph():
    def show(graph):
        for entry in graph.call_stack:
            print(entry.frame.f_code.co_qualname, entry.frame.f_lineno)
        for awaiter in graph.awaited_by:
            print("(awaited by) 0")
            show(awaiter)
    show(asyncio.capture_call_graph(depth=2))
    os._exit(0)
if "graph" in sys.argv:
    leaf = graph
print("ready", os.getpid(), flush=True)
asyncio.run(main())

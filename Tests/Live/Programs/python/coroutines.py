import asyncio, os
print("ready", os.getpid(), flush=True)
async def busy():
    x = 0
    while True:
        x += 1
async def middle():
    await asyncio.sleep(0)
    await busy()
async def main():
    await middle()
asyncio.run(main()) if hasattr(asyncio, "run") else asyncio.get_event_loop().run_until_complete(main())

"""Sends bodies with aiohttp or httpx; prints CPU microseconds a request and requests a second.

    venv/bin/python benches/http_peers.py aiohttp http://127.0.0.1:8000 30000 64 bodies.jsonl

The same bodies, count and concurrency as the loops of `generate_speed` in grace-client: as many tasks as
connections, each sending its next body when the last is answered. CPU is user and system time of this
process, after a warm-up. Everything is read, nothing is parsed.
"""

import asyncio
import contextlib
import sys
import time


async def send_all(send, bodies, count, concurrency):
    numbers = iter(range(count))

    async def worker():
        for number in numbers:
            await send(bodies[number % len(bodies)])

    await asyncio.gather(*(worker() for _ in range(concurrency)))


@contextlib.asynccontextmanager
async def with_aiohttp(url, concurrency):
    import aiohttp

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send(body):
            async with session.post(url, data=body, headers=HEADERS) as answer:
                answer.raise_for_status()
                assert await answer.read()

        yield send


@contextlib.asynccontextmanager
async def with_httpx(url, concurrency):
    import httpx

    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

        async def send(body):
            answer = await client.post(url, content=body, headers=HEADERS)
            answer.raise_for_status()
            assert answer.content

        yield send


HEADERS = {"content-type": "application/json"}
CLIENTS = {"aiohttp": with_aiohttp, "httpx": with_httpx}


async def main():
    name, url, count, concurrency, file = sys.argv[1:]
    count, concurrency = int(count), int(concurrency)
    with open(file, "rb") as lines:
        bodies = [line.rstrip(b"\n") for line in lines]
    async with CLIENTS[name](f"{url}/v1/completions", concurrency) as send:
        await send_all(send, bodies, count // 20, concurrency)
        cpu, start = time.process_time(), time.perf_counter()
        await send_all(send, bodies, count, concurrency)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - start
    print(f"{name} {cpu / count * 1e6:.2f} µs of CPU a request, {count / wall:.1f} requests a second")


asyncio.run(main())

"""One thread appends while another follows the stream: history first, then live, with no gap at the seam.

Then the same with two tasks of asyncio.
"""

import asyncio
import threading

import headwater as hw

HISTORY_RECORDS = 100
LIVE_RECORDS = 900
TIMEOUT_SECONDS = 30


def append_ticks(ticks: hw.Stream, count: int) -> None:
    for i in range(count):
        ticks.append("ticks.a", str(i).encode())


def follow(ticks: hw.Stream) -> int:
    append_ticks(ticks, HISTORY_RECORDS)
    with ticks.subscribe("ticks.*") as live:
        writer = threading.Thread(target=append_ticks, args=(ticks, LIVE_RECORDS))
        writer.start()
        for following in range(1, HISTORY_RECORDS + LIVE_RECORDS + 1):
            record = live.next(timeout=TIMEOUT_SECONDS)
            assert record.seq == following, f"sequence {record.seq} came where {following} was expected"
        writer.join()
        return record.seq


async def follow_async(ticks: hw.Stream) -> int:
    async def append() -> None:
        for i in range(LIVE_RECORDS):
            await ticks.append_async("ticks.a", str(i).encode())

    begin = ticks.last_seq() + 1
    with ticks.subscribe("ticks.*", deliver_policy="new") as live:
        async with asyncio.timeout(TIMEOUT_SECONDS), asyncio.TaskGroup() as tasks:
            tasks.create_task(append())
            following = begin
            async for record in live:
                assert record.seq == following, f"sequence {record.seq} came where {following} was expected"
                following += 1
                if following == begin + LIVE_RECORDS:
                    break
    return following - begin


if __name__ == "__main__":
    with hw.temporary() as engine:
        ticks = engine.create_stream("ticks", subjects=["ticks.>"], durability="os")
        count = follow(ticks)
        print(f"followed {count} records, {LIVE_RECORDS} of them live, in order and without a gap")
        count = asyncio.run(follow_async(ticks))
        print(f"followed {count} more with asyncio")

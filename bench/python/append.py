"""Appends records from Python, one by one or in batches, or inserts them with sqlite3, and says how long one took.

    append.py one|batch|sqlite DIR WARM_UP RECORDS

See src/rows/calls.rs. SQLite gets the settings and the schema of src/peers/sqlite.rs.
"""

import os
import sqlite3
import sys
import time
from collections.abc import Callable

import headwater

BATCH_RECORDS = 1000
PAYLOAD = b"x" * 128
RECORD_TIME_NS = 1_700_000_000_000_000_000


def subject(number: int) -> str:
    return f"bench.{number % 16:02}.{number:06}"


def timed(work: Callable[[int], None], warm_up: int, records: int) -> None:
    work(warm_up)
    began = time.perf_counter_ns()
    work(records)
    print("ns", (time.perf_counter_ns() - began) / records)


def append(job: str, directory: str, warm_up: int, records: int) -> None:
    batch = [(subject(number), PAYLOAD) for number in range(BATCH_RECORDS)]
    with headwater.open(directory) as engine:
        stream = engine.create_stream("bench", subjects=["bench.>"], durability="os")

        def one(count: int) -> None:
            for _ in range(count):
                stream.append("bench.one", PAYLOAD)

        def batches(count: int) -> None:
            for _ in range(count // BATCH_RECORDS):
                stream.append_batch(batch)

        timed(one if job == "one" else batches, warm_up, records)


def insert(directory: str, warm_up: int, records: int) -> None:
    os.makedirs(directory)
    connection = sqlite3.connect(os.path.join(directory, "records.sqlite"), isolation_level=None)
    connection.executescript(
        """
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = NORMAL;
        PRAGMA cache_size = -262144;
        PRAGMA temp_store = MEMORY;
        PRAGMA wal_autocheckpoint = 16384;
        CREATE TABLE records
            (seq INTEGER PRIMARY KEY, subject TEXT NOT NULL, time INTEGER NOT NULL, payload BLOB NOT NULL);
        CREATE INDEX records_by_subject ON records (subject);
        """
    )
    rows = [(subject(number), RECORD_TIME_NS, PAYLOAD) for number in range(BATCH_RECORDS)]

    def batches(count: int) -> None:
        for _ in range(count // BATCH_RECORDS):
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO records (subject, time, payload) VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")

    timed(batches, warm_up, records)
    connection.close()


def main() -> None:
    job, directory, warm_up, records = sys.argv[1:]
    if job == "sqlite":
        insert(directory, int(warm_up), int(records))
    else:
        append(job, directory, int(warm_up), int(records))


main()

"""Headwater: durable streams, points and buckets in your own process.

    import headwater as hw

    with hw.open("data") as engine:
        orders = engine.create_stream("orders", subjects=["orders.>"])
        orders.append("orders.eu.1", b"hello")
        for record in orders.read("orders.*.1"):
            print(record.seq, record.subject, record.payload)

Times are nanoseconds since the epoch, or aware datetimes where you give them; durations are seconds or timedeltas.
Whatever waits takes a `timeout`, hears Ctrl-C, and has a twin that ends in `_async` for asyncio.
"""

import os as _os

from . import _native, subject
from ._errors import (
    BusyError,
    ClosedError,
    ConflictError,
    CorruptError,
    Error,
    InternalError,
    InvalidError,
    IoError,
    LimitError,
    MisuseError,
    NotFoundError,
    TimeoutError,
    UnsupportedError,
)
from ._model import (
    BucketConfig,
    BucketStatus,
    ConsumerConfig,
    ConsumerInfo,
    ImportReport,
    Json,
    LogLine,
    Metric,
    StreamConfig,
    StreamInfo,
    VerifyReport,
)
from ._native import (
    BATCH_BYTES_MAX,
    BATCH_RECORDS_MAX,
    HEADERS_BYTES_MAX,
    NAME_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    SUBJECT_BYTES_MAX,
    Ack,
    Append,
    Bucket,
    Consumer,
    Engine,
    Entry,
    ManualClock,
    Point,
    Points,
    PointWatcher,
    Reader,
    Record,
    Row,
    Stream,
    Subscription,
    Wait,
    Watcher,
    __version__,
    memory,
    open,
    restore,
    temporary,
    verify,
)

__all__ = [
    "BATCH_BYTES_MAX",
    "BATCH_RECORDS_MAX",
    "HEADERS_BYTES_MAX",
    "NAME_BYTES_MAX",
    "PAYLOAD_BYTES_MAX",
    "SUBJECT_BYTES_MAX",
    "Ack",
    "Append",
    "Bucket",
    "BucketConfig",
    "BucketStatus",
    "BusyError",
    "ClosedError",
    "ConflictError",
    "Consumer",
    "ConsumerConfig",
    "ConsumerInfo",
    "CorruptError",
    "Engine",
    "Entry",
    "Error",
    "ImportReport",
    "InternalError",
    "InvalidError",
    "IoError",
    "Json",
    "LimitError",
    "LogLine",
    "ManualClock",
    "Metric",
    "MisuseError",
    "NotFoundError",
    "Point",
    "PointWatcher",
    "Points",
    "Reader",
    "Record",
    "Row",
    "Stream",
    "StreamConfig",
    "StreamInfo",
    "Subscription",
    "TimeoutError",
    "UnsupportedError",
    "VerifyReport",
    "Wait",
    "Watcher",
    "__version__",
    "memory",
    "open",
    "restore",
    "subject",
    "temporary",
    "verify",
]

_os.register_at_fork(after_in_child=_native._after_fork_in_child)

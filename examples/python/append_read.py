"""Appends orders to a stream in a directory, closes it, opens it again and reads them back."""

import tempfile

import headwater as hw


def write(directory: str) -> None:
    with hw.open(directory) as engine:
        orders = engine.create_stream("orders", subjects=["orders.>"])
        for subject in ("orders.eu.1", "orders.us.2", "orders.eu.1"):
            ack = orders.append(subject, b'{"total":12}')
            print(f"appended {subject} as {ack.seq} ({ack.durability})")

        # A condition: nobody else wrote to this order since we read sequence 1. Somebody did.
        try:
            orders.append("orders.eu.1", b"late", expect_subject_last_seq=1)
        except hw.ConflictError as conflict:
            print(f"refused: expected sequence {conflict.expected}, actual {conflict.actual}")
        else:
            raise AssertionError("a conflict was expected")


def read_back(directory: str) -> None:
    with hw.open(directory) as engine:
        orders = engine.stream("orders")
        records = list(orders.read("orders.eu.*"))
        for record in records:
            print(f"read {record.seq} {record.subject} {record.payload.decode()}")
        last = orders.last("orders.us.2")
        assert last is not None and len(records) == 2
        print(f"last of {last.subject} is {last.seq}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="headwater-example-") as directory:
        write(directory)
        read_back(directory)

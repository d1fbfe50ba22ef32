"""A SQLite file at each of two shops: what is written at one comes to the other, and what both wrote apart merges."""

import tempfile
import time
from pathlib import Path

import headwater as hw

TIMEOUT_SECONDS = 30
BOOKS = """SELECT group_concat(id || ' ' || title || ' at ' || price, ', ')
           FROM (SELECT id, title, price FROM books ORDER BY id)"""


class Shop:
    def __init__(self, path: Path) -> None:
        # The application's own file: here an empty one, which is a database that has nothing in it.
        path.touch()
        self.engine = hw.memory()
        self.database = self.engine.attach(path, name="shop")
        self.books = self.database.connect(autocommit=True)
        self.books.execute("CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT, price REAL)")

    def link(self, hub: hw.Engine) -> None:
        (stream,) = self.database.stream_names
        self.engine.add_link("hub", hub, stream=stream, remote=stream, create={})

    def list(self) -> str:
        ((books,),) = self.books.execute(BOOKS)
        return str(books)

    def close(self) -> None:
        self.books.close()
        self.engine.close()


def until_both_have(here: Shop, there: Shop, books: str) -> None:
    end = time.monotonic() + TIMEOUT_SECONDS
    while here.list() != books or there.list() != books:
        assert time.monotonic() < end, f"{books} did not come to both"
        time.sleep(0.005)
    print("both files have", books)


def main(directory: Path) -> None:
    hub, here, there = hw.memory(), Shop(directory / "here.db"), Shop(directory / "there.db")
    here.link(hub)
    there.link(hub)
    here.books.execute("INSERT INTO books VALUES (?, ?, ?)", (1, "Emma", 9.5))
    there.books.execute("INSERT INTO books VALUES (?, ?, ?)", (2, "Ivanhoe", 3.25))
    until_both_have(here, there, "1 Emma at 9.5, 2 Ivanhoe at 3.25")

    here.engine.remove_link("hub")
    there.engine.remove_link("hub")
    here.books.execute("UPDATE books SET title = 'Emma Woodhouse' WHERE id = 1")
    there.books.execute("UPDATE books SET price = 12.5 WHERE id = 1")
    print("apart, one changes the title of book 1 and the other its price")
    here.link(hub)
    there.link(hub)
    until_both_have(here, there, "1 Emma Woodhouse at 12.5, 2 Ivanhoe at 3.25")

    status = here.database.status()
    print(f"{', '.join(status.tables)} replicates, and {status.conflicts} rows are hidden by a conflict")
    here.close()
    there.close()
    hub.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        main(Path(directory))

"""A bank whose accounts are live entities, kept as events, on three nodes: money is moved while one node goes without a
word, no money is lost or made, and an account is looked at as it was before.
"""

import asyncio
import time
from collections.abc import Callable

import headwater as hw

ACCOUNTS = 10
TRANSFERS = 200
CALLERS = 4
TIMEOUT_SECONDS = 30


class Account(hw.Entity):
    """An account, whose state is what its events say."""

    kind = "account"

    store: hw.EventStore

    async def start(self) -> None:
        loaded = await self.store.load_async(self.kind, self.key)
        self.position, self.balance = loaded.position, balance_of(loaded)

    async def handle(self, message: hw.Message) -> str:
        """Takes `deposit` and `withdraw`, with the id of the command and an amount. Who asks twice means the same."""
        command, amount = message.payload.decode().split()
        if await self.store.find_command_async(self.kind, self.key, command) is None:
            left = self.balance + (int(amount) if message.name == "deposit" else -int(amount))
            if left < 0:
                raise hw.ConflictError("there is not enough in the account")
            event = hw.NewEvent(message.name, amount.encode())
            try:
                saved = await self.store.save_async(
                    self.kind, self.key, event, expected=self.position, command=command
                )
            except hw.Error as error:
                # Another node wrote it: what is known here is old, so this handler is to be made anew.
                raise RuntimeError(str(error)) from error
            self.position, self.balance = saved.position, left
        return str(self.balance)


def balance_of(loaded: hw.Loaded) -> int:
    """Folds the events of an account."""
    return sum(int(event.data) if event.event_type == "deposit" else -int(event.data) for event in loaded.events)


async def ask(bank: hw.Entities, account: int, name: str, payload: str) -> None:
    """Asks until there is an answer: the same command again is the same one."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            await bank.request_async("account", f"acc-{account}", name, payload.encode(), timeout=2)
            return
        except hw.ConflictError:
            raise
        except hw.Error:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.02)


async def move_money(bank: hw.Entities, caller: int, moved: set[int]) -> None:
    """One caller's part of the transfers."""
    for number in range(caller, TRANSFERS, CALLERS):
        await ask(bank, number % ACCOUNTS, "withdraw", f"out-{number} 1")
        await ask(bank, (number * 3 + 1) % ACCOUNTS, "deposit", f"in-{number} 1")
        moved.add(number)


async def until(condition: str, is_so: Callable[[], bool]) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not is_so():
        assert time.monotonic() < end, f"waited in vain for {condition}"
        await asyncio.sleep(0.001)


async def main(engine: hw.Engine) -> None:
    store = Account.store = engine.create_event_store()
    # Nodes of the bank. Programs would each have one, on an engine that is connected to a hub or opened through the
    # process that has the directory.
    nodes = [engine.entities(cluster="bank", node=name, ttl=1) for name in ("north", "east", "west")]
    serving = [asyncio.create_task(node.serve(Account)) for node in nodes]
    north, east, west = nodes
    await until("the nodes to share the shards", lambda: sum(it.shards > 0 for it in north.nodes()) == 3)
    for account in range(ACCOUNTS):
        await ask(north, account, "deposit", f"open-{account} 100")
    before = time.time_ns()

    moved = set[int]()
    callers = [asyncio.create_task(move_money((north, west)[n % 2], n, moved)) for n in range(CALLERS)]
    await until("a quarter of the transfers", lambda: len(moved) >= TRANSFERS // 4)
    # It gives nothing back and says nothing: the others find out by themselves, and take its accounts.
    east.close()
    print("node east is gone")
    await asyncio.gather(*callers)

    total = sum([balance_of(await store.load_async("account", f"acc-{n}")) for n in range(ACCOUNTS)])
    print(f"{len(moved)} transfers, {total} in the bank")
    assert total == ACCOUNTS * 100
    then = await store.load_async("account", "acc-3", as_of_time=before)
    print(f"acc-3 had {balance_of(then)} before, by {then.position.version} event")
    assert (balance_of(then), then.position.version) == (100, 1)
    north.close()
    west.close()
    await asyncio.gather(*serving)


if __name__ == "__main__":
    with hw.temporary() as engine:
        asyncio.run(main(engine))

"""What a thread answers reaches those who wait for it in the event loop: each their own, and a group at once."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

import pytest

from decisionloop.service.handing_over import HandingOver


def test_everybody_is_told_their_own_and_a_group_wakes_the_loop_once():
    async def told():
        handing_over, futures = HandingOver(), [Future() for _ in range(20)]
        loop, woken = asyncio.get_running_loop(), []
        wake = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *call: woken.append(wake(*call))
        waiting = [asyncio.ensure_future(handing_over.awaited(one)) for one in futures]
        await asyncio.sleep(0)  # all of them wait
        answering = threading.Thread(target=lambda: [one.set_result(i) for i, one in enumerate(futures)])
        answering.start()
        answering.join()  # the loop stands still meanwhile
        return await asyncio.gather(*waiting), len(woken)

    answers, woken = asyncio.run(told())
    assert answers == list(range(20))
    assert woken == 1


def test_a_failure_is_raised_where_it_is_waited_for():
    async def told(future):
        future.set_exception(KeyError("busy"))
        await HandingOver().awaited(future)

    with pytest.raises(KeyError, match="busy"):
        asyncio.run(told(Future()))


def test_who_gives_up_waiting_takes_back_what_was_not_begun():
    async def given_up(future):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(HandingOver().awaited(future), 0.01)
        return future.cancelled()

    assert asyncio.run(given_up(Future()))
    begun = Future()
    assert begun.set_running_or_notify_cancel()
    assert not asyncio.run(given_up(begun))
    begun.set_result("kept, and nobody waits")  # whoever decides does not see that they are gone

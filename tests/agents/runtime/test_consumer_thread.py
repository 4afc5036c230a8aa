"""What aiokafka has to say of its group is heard, also by a worker that fetches nothing."""

from __future__ import annotations

import asyncio
import logging

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import RequestTimedOutError

from agents.runtime.consumer_thread import hear_group


def test_an_error_of_the_group_is_heard_so_that_it_tries_again(
    bootstrap, prefix, make_topics, caplog
) -> None:
    make_topics(1, prefix + "in")

    async def push_and_hear() -> None:
        consumer = AIOKafkaConsumer(
            prefix + "in", bootstrap_servers=bootstrap, group_id=prefix + "group"
        )
        await consumer.start()
        try:
            going_on = asyncio.ensure_future(
                consumer._coordinator._push_error_to_user(RequestTimedOutError())
            )
            await asyncio.sleep(0.2)
            assert not going_on.done()
            hear_group(consumer)
            await asyncio.wait_for(going_on, 5)
            hear_group(consumer)
        finally:
            await consumer.stop()

    with caplog.at_level(logging.WARNING, "freezeline"):
        asyncio.run(push_and_hear())
    heard = [record.message for record in caplog.records if record.name == "freezeline"]
    assert heard == ["group_error"]

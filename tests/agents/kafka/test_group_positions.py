"""Positions are set for a group that nobody is in, and for no other."""

from __future__ import annotations

import time
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from agents.kafka.client_settings import BrokerUnreachableError
from agents.kafka.group_positions import set_positions
from agents.kafka.topic_admin import admin_client
from agents.settings import load_settings


def test_a_group_goes_on_where_it_was_set_unless_somebody_is_in_it(
    bootstrap: str, prefix: str, make_topics: Any
) -> None:
    topic, group = prefix + "log", prefix + "group"
    make_topics(2, topic)
    wanted = {TopicPartition(topic, 0): 7, TopicPartition(topic, 1): 9}
    settings = load_settings(needs_hash_key=False, bootstrap=bootstrap)
    with admin_client(settings) as admin:
        set_positions(admin, group, wanted)
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
        )
        try:
            # One that joins before a busy broker knows the new topic is assigned nothing, for good.
            while not consumer.partitions_for_topic(topic):
                time.sleep(0.1)
            consumer.subscribe([topic])
            while not consumer.assignment():
                consumer.poll(100)
            assert {place: consumer.committed(place) for place in wanted} == wanted
            with pytest.raises(BrokerUnreachableError, match=f"positions of {group} in {topic}-0"):
                set_positions(admin, group, {TopicPartition(topic, 0): 1})
            assert consumer.committed(TopicPartition(topic, 0)) == 7
        finally:
            consumer.close()

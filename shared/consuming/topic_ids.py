"""The ids of topics: a topic that was deleted and made anew has another one.

aiokafka asks for metadata up to version 5; topic ids came with version 10. This is that one
request, through aiokafka's own client. See docs/decisions for what was considered instead.
"""

import asyncio
from collections.abc import Iterable
from io import BytesIO
from typing import Any
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

METADATA = 3
NIL = UUID(int=0)
TIMEOUT_SECONDS = 10


class Uuid(AbstractType[UUID]):  # type: ignore[misc]  # aiokafka has no types
    """Sixteen bytes."""

    @classmethod
    def encode(cls, value: UUID) -> bytes:
        """The bytes of `value`."""
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        """The next sixteen bytes."""
        return UUID(bytes=data.read(16))


class MetadataResponseV12(Response):  # type: ignore[misc]  # aiokafka has no types
    """Brokers and topics; of the partitions we need nothing, but they stand in between."""

    API_KEY = METADATA
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString()),
                ("port", Int32),
                ("rack", CompactString()),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString()),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class MetadataRequestV12(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    """Ask for some topics by name."""

    FLEXIBLE_VERSION = True
    API_KEY = METADATA
    API_VERSION = 12
    RESPONSE_TYPE = MetadataResponseV12
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", Uuid), ("name", CompactString()), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicIdRequest(Request[MetadataRequestV12]):  # type: ignore[misc]  # aiokafka has no types
    """Metadata of `topics`, ids included."""

    API_KEY = METADATA

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = sorted(set(topics))

    def build(self, request_struct_class: type[MetadataRequestV12]) -> MetadataRequestV12:
        """The request as it is sent."""
        return request_struct_class([(NIL, name, {}) for name in self._topics], False, False, {})


class TopicIds:
    """Asks one cluster for the ids of topics, over a connection of its own."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._client: AIOKafkaClient | None = None

    async def of(self, topics: Iterable[str]) -> dict[str, str]:
        """The id of each topic; raises a KafkaError for one that is not there."""
        client = await self._connected()
        node = client.get_random_node()
        if node is None:
            raise KafkaConnectionError("no broker is known")
        async with asyncio.timeout(TIMEOUT_SECONDS):
            response: Any = await client.send(node, TopicIdRequest(topics))
        found: dict[str, str] = {}
        for error, name, topic_id, *_ in response.topics:
            if error:
                raise for_code(error)(name)
            found[name] = str(topic_id)
        if missing := set(topics) - found.keys():
            raise UnknownTopicOrPartitionError(", ".join(sorted(missing)))
        return found

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _connected(self) -> AIOKafkaClient:
        if self._client is None:
            client = AIOKafkaClient(bootstrap_servers=self._bootstrap, client_id="heroic-topic-ids")
            await client.bootstrap()
            self._client = client
        return self._client

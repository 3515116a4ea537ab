"""The topics of the platform: their names, and making them right."""

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.errors import HeroicError, Unavailable

PARTITIONS = 12
PROGRESS_TOPIC = "heroic.progress"
FOR_EVER = "-1"
BROKERS_DEFAULT = -1

# The limit of one record, said aloud: the store refuses an event that would not fit.
MAX_RECORD_BYTES = 1_048_588


class WrongTopic(HeroicError):
    """A topic exists with another number of partitions: the order of its keys would be lost."""

    code, title = "wrong_topic", "Topic with the wrong number of partitions"


def topic(service: str) -> str:
    """The name of the topic with the events of `service`."""
    return f"heroic.{service}.events"


async def ensure_topics(bootstrap: str, service: str) -> None:
    """Make the topic of `service` and that of progress where they are missing; idempotent.

    Raises WrongTopic, and Unavailable where the broker is away.
    """
    events = {"retention.ms": FOR_EVER, "max.message.bytes": str(MAX_RECORD_BYTES)}
    progress = {"cleanup.policy": "compact,delete", "retention.ms": "3600000"}
    wanted = [
        NewTopic(topic(service), PARTITIONS, BROKERS_DEFAULT, {}, events),
        NewTopic(PROGRESS_TOPIC, 1, BROKERS_DEFAULT, {}, progress),
    ]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        response = await admin.create_topics(wanted)
        for _name, code, *_message in response.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise Unavailable(f"the broker did not make a topic: {error.__name__}")
        await check(admin, {new.name: new.num_partitions for new in wanted})
    except (KafkaError, OSError) as error:
        raise Unavailable("the broker is not available") from error
    finally:
        await admin.close()


async def check(admin: AIOKafkaAdminClient, partitions: dict[str, int]) -> None:
    """Raise WrongTopic where a topic has another number of partitions than it must have."""
    for described in await admin.describe_topics(list(partitions)):
        name, found = described["topic"], len(described["partitions"])
        # Just after it was made, a topic may not be described yet.
        if found and found != partitions[name]:
            raise WrongTopic(f"{name} has {found} partitions, not {partitions[name]}")

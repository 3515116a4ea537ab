"""Who is close to a client, and what they may see."""

from datetime import date

from services.intake.domain.ages import ADULT_FROM, age_on
from services.intake.domain.client import existing
from services.intake.domain.client_state import Client, Related
from shared.contracts import Event
from shared.contracts.intake import RelatedPerson, RelatedPersonAdded, RelatedPersonRemoved
from shared.errors import Conflict, NotFound

MOST = 20
"""People close to one client."""


def relate(client: Client, somebody: Related) -> list[Event]:
    """Somebody is close to the client, as they stand from now on; nothing where it is so already.

    Raises Conflict where there are too many.
    """
    known = existing(client).related
    if known.get(somebody.id) == somebody:
        return []
    if somebody.id not in known and len(known) >= MOST:
        raise Conflict(f"At most {MOST} people can be close to a client.")
    return [
        RelatedPersonAdded(
            client_id=client.id,
            related_id=somebody.id,
            relation=somebody.relation,
            may_see=list(somebody.may_see),
            private=RelatedPerson(name=somebody.name) if somebody.name else None,
        )
    ]


def part(client: Client, related_id: str) -> list[Event]:
    """Somebody is not close any more, and sees nothing; `NotFound` where they never were."""
    if related_id not in existing(client).related:
        raise NotFound("There is no such person.")
    return [RelatedPersonRemoved(client_id=client.id, related_id=related_id)]


def new_words(client: Client, somebody: Related) -> bool:
    """Whether `somebody` would see words that they do not see yet."""
    known = client.related.get(somebody.id)
    return "words" in somebody.may_see and (known is None or "words" not in known.may_see)


def is_of_age(client: Client, today: date) -> bool:
    """Whether the client is known to be of age; without a birth date that is not known."""
    born = client.details.birth_date if client.details else None
    return born is not None and age_on(born, today) >= ADULT_FROM

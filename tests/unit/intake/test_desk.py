"""What is written for a client after several intents in one go."""

from datetime import UTC, datetime

import pytest

from services.intake.claims import ClaimNames
from services.intake.desk import Desk, Options
from services.intake.fulfilling import try_to
from services.intake.intents import PutClient
from shared.contracts.intake import ClientDetails, ClientRegistered, Identifier
from shared.eventstore import Write
from shared.ids import new_id
from shared.privacy import IdentifierHasher

NAMES = ClaimNames(IdentifierHasher(b"k" * 32))
CLIENT = "c"


def details(*numbers: str) -> ClientDetails:
    return ClientDetails(
        external_id="p-1", identifiers=[Identifier("mrn", number) for number in numbers]
    )


def claim(number: str) -> str:
    return NAMES.identifier("mrn", number)


def desk_with_client_of(*numbers: str) -> Desk:
    """A desk on which a stored client holds these numbers."""
    desk = Desk(
        tenant="t",
        now=datetime(2026, 6, 1, tzinfo=UTC),
        options=Options(correct=True),
        names=NAMES,
        new_id=new_id,
    )
    desk.put_stream(
        f"client-{CLIENT}",
        [ClientRegistered(client_id=CLIENT, external_hashes=[], private=details(*numbers))],
    )
    for name in NAMES.of_client(details(*numbers)):
        desk.put_claim(name, CLIENT)
    return desk


def written(before: list[str], *after: list[str]) -> tuple[set[str], set[str]]:
    """What is claimed and released where a client's numbers are corrected again and again."""
    desk = desk_with_client_of(*before)
    for numbers in after:
        outcome = try_to(desk, PutClient(details=details(*numbers)))
        assert not isinstance(outcome, Exception)
        assert outcome.status == "corrected"
    write = desk.write(CLIENT)
    assert isinstance(write, Write)
    assert len(write.appends[0].events) == len(after)
    heads = [one.stream for one in write.claims] + list(write.release)
    assert len(set(heads)) == len(heads), "a write may name each head once"
    return {one.stream for one in write.claims}, set(write.release)


@pytest.mark.parametrize(
    ("before", "after", "claimed", "released"),
    [
        (["a"], [["b"]], {"b"}, {"a"}),
        (["a"], [["b"], ["a"]], set(), set()),
        (["a"], [["b"], ["c"]], {"c"}, {"a"}),
        ([], [["a"], []], set(), set()),
        ([], [["a"], [], ["a"]], {"a"}, set()),
        (["a"], [[], ["a"], []], set(), {"a"}),
    ],
)
def test_claim_and_release_of_one_number_cancel_each_other(
    before: list[str], after: list[list[str]], claimed: set[str], released: set[str]
) -> None:
    assert written(before, *after) == (
        {claim(one) for one in claimed},
        {claim(one) for one in released},
    )

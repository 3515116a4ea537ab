"""What the policy's table says of a call by a caller: the expectation of the matrix.

It knows the table and nothing of how a service finds out.
"""

from typing import Literal

from shared.security.policy import POLICY
from tests.integration.access.calls import Call
from tests.integration.access.world import BAD_TOKEN, NOBODY, World
from tests.support.platform import SERVICES

Whose = Literal["own", "another's", "unknown"]
WHOSE: tuple[Whose, ...] = ("own", "another's", "unknown")

MAY, NOT_SIGNED_IN, MAY_NOT, NOT_THERE = "may", "401", "403", "404"

IN_REACH: dict[str, set[str]] = {
    "caseload": {"clinician"},
    "team": {"clinician", "supervisor"},
    "own": {"client", "related who may see"},
}
"""Who reaches the client whom all is about, by how far they may reach."""


NOT_FOR_RELATED = {
    "related.write",
    "ratings.write",
    *(f"{service}.export" for service in SERVICES),
}
"""What clients may by themselves, and nobody in their place. (As caretakers they rate; not as the
client.)"""


def not_in_their_place(call: Call, caller: str) -> bool:
    """Whether somebody close to a client asks for what the client alone may."""
    if caller == "related who may not":
        return call.permission == "ratings.write"
    ask_who_else = call.name.startswith("GET") and call.path.endswith("/related-people")
    return caller == "related who may see" and (call.permission in NOT_FOR_RELATED or ask_who_else)


def expected(call: Call, caller: str, whose: Whose, world: World) -> str:
    """What the caller is to be told."""
    if call.is_public:
        return MAY
    if caller in (NOBODY, BAD_TOKEN):
        return NOT_SIGNED_IN
    reach = world.principal(caller).reach(POLICY[call.permission])
    if not reach:
        return MAY_NOT
    if call.about == "nothing":
        return MAY
    if reach == {"own"} and call.permission == "session.own":
        # Nobody's session: each may end their own, and there is none of that name.
        return NOT_THERE
    if whose != "own":
        return NOT_THERE
    if call.about == "organisation" or "organisation" in reach:
        return MAY
    if not_in_their_place(call, caller):
        return MAY_NOT
    return MAY if any(caller in IN_REACH[one] for one in reach) else NOT_THERE


def told(status: int) -> str:
    """The same in what was answered."""
    if status < 300 or status == 409:
        return MAY
    return str(status)

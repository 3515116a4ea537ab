"""Who hears of an alert: by the policy's reach, and by who cares and what the client agrees to."""

import time

import pytest

from services.alerts.live.listening import Audience, Listener
from shared.contracts.people import StaffRole
from shared.security import Principal
from shared.security.policy import POLICY

READ = POLICY["alerts.read"]


def person(person_id: str, *roles: StaffRole) -> Listener:
    principal = Principal(tenant="t", id=person_id, kind="person", roles=frozenset(roles))
    return Listener.of(principal, READ)


MACHINE = Listener.of(
    Principal(tenant="t", id="machine", kind="integration", scopes=frozenset({"alerts.read"})), READ
)
CARER = person("carer", "clinician")
SUPERVISOR = person("supervisor", "supervisor")


def audience(*, machines: bool = True, restricted: bool = False, erased: bool = False) -> Audience:
    carers, supervisors = frozenset({"carer"}), frozenset({"supervisor"})
    return Audience(machines, restricted, erased, carers, supervisors, time.monotonic())


@pytest.mark.parametrize(
    ("of", "heard"),
    [
        (audience(), {"machine", "carer", "supervisor"}),
        (audience(machines=False), {"carer", "supervisor"}),
        (audience(restricted=True), {"carer"}),
        (audience(restricted=True, machines=False), {"carer"}),
        (audience(erased=True), set()),
    ],
)
def test_risk_is_heard_by_who_cares_whatever_the_client_agrees_to(
    of: Audience, heard: set[str]
) -> None:
    listeners = (MACHINE, CARER, SUPERVISOR)
    assert {one.principal.id for one in listeners if one.hears(of, risk=True)} == heard


def test_of_a_restricted_client_nothing_but_risk_is_heard() -> None:
    of = audience(restricted=True)
    assert not any(one.hears(of, risk=False) for one in (MACHINE, CARER, SUPERVISOR))


@pytest.mark.parametrize(
    "stranger",
    [
        person("other", "clinician", "supervisor"),
        person("supervisor", "clinician"),
        person("carer", "administrator", "operator"),
        Listener.of(Principal(tenant="t", id="carer", kind="client"), READ),
        Listener.of(Principal(tenant="t", id="machine", kind="integration"), READ),
    ],
)
def test_who_has_not_the_role_or_the_client_hears_nothing(stranger: Listener) -> None:
    assert not stranger.hears(audience(), risk=True)


def test_a_supervisor_who_cares_for_a_client_hears_as_one_who_cares() -> None:
    assert person("carer", "supervisor").hears(audience(restricted=True), risk=True)

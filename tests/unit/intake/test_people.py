"""What people begin with, and what is kept of it."""

import re
from datetime import UTC, datetime

import argon2
import pyotp
import pytest

from services.intake.domain.organisation import SignInPolicy
from services.intake.domain.person import (
    Person,
    fold_person,
    invited,
    join,
    needs_second_factor,
    regroup,
)
from services.intake.people import passwords, totp
from services.intake.people.clients import WeakPin, check_pin, plain_contact
from services.intake.people.links import LETTERS, new_code
from shared.contracts import Event
from shared.contracts.people import (
    PersonDeactivated,
    PersonJoined,
    RoleGranted,
    RoleRevoked,
    StaffRole,
)
from shared.errors import Conflict

NOW = datetime(2026, 3, 2, 10, 0, 7, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXP" * 2


def test_nobody_is_hashed_as_everybody_is() -> None:
    made = passwords._hasher.hash("x")
    assert argon2.extract_parameters(passwords.NOBODY) == argon2.extract_parameters(made)
    assert argon2.extract_parameters(made).type is argon2.Type.ID


async def test_a_password_is_the_same_however_its_letters_are_made() -> None:
    kept = await passwords.make("caf\u00e9 lantern orbit")
    assert await passwords.matches("cafe\u0301 lantern orbit", kept)
    assert not await passwords.matches("cafe lantern orbit", kept)
    assert not await passwords.matches("caf\u00e9 lantern orbit", None)
    assert not await passwords.matches("x", "not a hash")


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "1234567", "\u0660" * 6])
def test_what_is_no_code_belongs_to_no_step(code: str) -> None:
    assert totp.step_of(SECRET, code, NOW) is None


def test_a_clock_may_be_half_a_minute_off_and_no_more() -> None:
    current = int(NOW.timestamp()) // 30
    steps = [
        totp.step_of(SECRET, pyotp.TOTP(SECRET).generate_otp(current + off), NOW)
        for off in (-2, -1, 0, 1, 2)
    ]
    assert steps == [None, current - 1, current, current + 1, None]
    typed = pyotp.TOTP(SECRET).generate_otp(current)
    assert totp.step_of(SECRET, f" {typed[:3]} {typed[3:]} ", NOW) == current


def test_the_address_of_a_secret_names_whose_it_is() -> None:
    address = totp.address(SECRET, "kim@example.org", "North & South: clinics")
    parsed = pyotp.parse_uri(address)
    assert parsed.secret == SECRET
    assert parsed.name == "kim@example.org"


def test_codes_are_made_of_letters_that_nobody_confuses() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(re.fullmatch(rf"([{LETTERS}]{{3}}-){{2}}[{LETTERS}]{{3}}", code) for code in codes)
    assert not set("01OIL") & set(LETTERS)


@pytest.mark.parametrize(
    "pin", ["123456", "654321", "000000", "232323", "12345", "", "1234567890123"]
)
def test_pins_that_somebody_would_try_first_are_refused(pin: str) -> None:
    with pytest.raises(WeakPin):
        check_pin(pin)


@pytest.mark.parametrize("pin", ["802715", "112358", "9081726354"])
def test_other_pins_will_do(pin: str) -> None:
    check_pin(pin)


def test_contacts_are_compared_as_people_mean_them() -> None:
    assert plain_contact(" Kim@Example.ORG ") == "kim@example.org"
    assert plain_contact("+44 (0)20 7946-0958") == "+4402079460958"


def story(*events: Event) -> Person | None:
    return fold_person([invited("p", "Kim", "kim@example.org", ["clinician"]), *events])


def test_a_person_is_what_was_said_of_them() -> None:
    assert fold_person([PersonJoined(person_id="p", how="password")]) is None
    person = story(
        PersonJoined(person_id="p", how="password"),
        RoleGranted(person_id="p", role="supervisor"),
        RoleRevoked(person_id="p", role="clinician"),
        PersonDeactivated(person_id="p"),
    )
    assert person is not None
    assert (person.name, person.joined, person.active) == ("Kim", True, False)
    assert person.roles == {"supervisor"}
    with pytest.raises(Conflict):
        join(person, "password")


def test_joining_twice_is_joining_once() -> None:
    person = story()
    assert person is not None
    [joined] = join(person, "provider")
    again = story(joined)
    assert again is not None
    assert join(again, "provider") == []


@pytest.mark.parametrize(
    "roles", [set(), {"clinician"}, {"operator"}, {"clinician", "supervisor", "administrator"}]
)
def test_after_regrouping_exactly_these_roles_are_held(roles: set[StaffRole]) -> None:
    person = story()
    assert person is not None
    after = story(*regroup(person, frozenset(roles)))
    assert after is not None
    assert after.roles == roles
    assert regroup(after, frozenset(roles)) == []


def test_some_roles_need_a_second_factor() -> None:
    person = story()
    assert person is not None
    assert needs_second_factor(person, SignInPolicy(second_factor_roles=["clinician"]))
    assert not needs_second_factor(person, SignInPolicy(second_factor_roles=["operator"]))
    assert not needs_second_factor(person, SignInPolicy())

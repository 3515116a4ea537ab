"""People of an organisation for tests, and browsers in which they sign in."""

from dataclasses import dataclass

from services.intake.people.signing_in import SigningIn
from shared.contracts import Event
from shared.contracts.people import StaffRole
from shared.eventstore import Append, NewEvent, Write
from shared.ids import new_id
from tests.integration.intake.home import Caller, Intake
from tests.support.browser import Browser, Page

PASSWORD = "river lantern orbit quilt"


@dataclass(frozen=True)
class Member:
    """Somebody with an account."""

    tenant: str
    id: str
    email: str

    @property
    def sign_in(self) -> str:
        """The page on which they sign in."""
        return f"/intake/o/{self.tenant}/sign-in"


def parts(intake: Intake) -> SigningIn:
    """What signing in is made of."""
    found: SigningIn = intake.app.state.signing_in
    return found


async def invited(intake: Intake, caller: Caller, *roles: StaffRole) -> Member:
    """Somebody who was invited."""
    email = f"{new_id()}@example.org"
    tenant = caller.organisation_id
    person_id = await parts(intake).persons.invite(
        tenant, "Robin Doe", email, frozenset[StaffRole](roles or ("clinician",))
    )
    return Member(tenant, person_id, email)


async def joined(intake: Intake, caller: Caller, *roles: StaffRole) -> Member:
    """Somebody who has chosen a password."""
    member = await invited(intake, caller, *roles)
    joining = parts(intake).joining
    beginning = await joining.check(member.tenant, member.id, None, PASSWORD)
    await joining.begin(member.tenant, beginning)
    return member


def browser(intake: Intake) -> Browser:
    """A new one."""
    return Browser(intake.plain())


async def sign_in(using: Browser, member: Member, password: str = PASSWORD) -> Page:
    """Sign in by address and password."""
    page = await using.open(member.sign_in)
    return await using.submit(page, "/sign-in", email=member.email, password=password)


async def say(intake: Intake, tenant: str, *events: Event, stream: str = "") -> None:
    """Append to a stream, that of the organisation unless it is named."""
    store = parts(intake).persons._store
    stream = stream or f"organisation-{tenant}"
    head = (await store.heads(tenant, [stream]))[stream]
    append = Append(
        tenant=tenant,
        stream=stream,
        expected=head.version,
        events=[NewEvent(id=new_id(), data=event) for event in events],
        subject=tenant,
        secret_of=tenant,
    )
    await store.write(Write(tenant=tenant, appends=[append]))

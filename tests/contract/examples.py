"""What each golden file must be read as: one example of every event and schema version.

A new schema version adds an entry, and changes the old one to what its upcaster makes of it.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.contracts import alerts, feedback, outcomes
from shared.contracts.alerts import (
    AlertAcknowledged,
    AlertAssigned,
    AlertContent,
    AlertNote,
    AlertRaised,
    AlertRepeated,
    AlertResolved,
    AlertReviewed,
    AlertSourceChanged,
    AlertWithdrawn,
)
from shared.contracts.events import Event
from shared.contracts.feedback import (
    LicensedWording,
    MeasureContent,
    MeasurePublished,
    MeasureRetired,
    MoveReason,
    RatingContent,
    RatingCorrected,
    RatingCorrection,
    RatingDeclined,
    RatingMoved,
    RatingSubmitted,
    RatingVoided,
    RetirementReason,
    RiskFlag,
    VoidReason,
    WordingLicensed,
)
from shared.contracts.intake import (
    AliasesChanged,
    CareMember,
    CareTeamChanged,
    ClientDetails,
    ClientDetailsCorrected,
    ClientErased,
    ClientRegistered,
    ClientsMerged,
    ClientsUnmerged,
    ConsentDecision,
    ConsentGiven,
    ConsentWithdrawn,
    Contact,
    EndingReason,
    EpisodeClosed,
    EpisodeOpened,
    EpisodeReference,
    EpisodeReopened,
    EpisodeTransferred,
    ErasureApproved,
    ErasureReason,
    ErasureRefused,
    ErasureRequested,
    Identifier,
    MeasuringChanged,
    MeasuringReason,
    MergeReason,
    RelatedPerson,
    RelatedPersonAdded,
    RelatedPersonRemoved,
    RestrictionLifted,
    SessionChanged,
    SessionEnteredInError,
    SessionRecorded,
    SessionReference,
)
from shared.contracts.outcomes import (
    AppliesTo,
    Assessment,
    AssessmentRevised,
    AssessmentWithdrawn,
    Coverage,
    ExpectedResponseFitted,
    RatingAssessed,
    Rule,
    RuleSetPublished,
    RuleSetRolledBack,
    Verdict,
)
from shared.contracts.people import (
    ClinicOpened,
    ConsentPolicySet,
    IdentityProviderSecret,
    IdentityProviderSet,
    IntegrationKeysSet,
    IntegrationRegistered,
    IntegrationRevoked,
    IntegrationSecretAdded,
    IntegrationSecretRemoved,
    OrganisationRegistered,
    PersonDeactivated,
    PersonDetails,
    PersonInvited,
    PersonJoined,
    RoleGranted,
    RoleRevoked,
    SignedOut,
    SignInPolicySet,
    TeamFormed,
)


def example_id(number: int) -> str:
    return str(UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0000 + number))


TENANT, CLIENT, EPISODE, RATING, SESSION, ALERT, PERSON, CLINIC, MACHINE = map(
    example_id, range(1, 10)
)
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 10, 20, 0, 125000, tzinfo=UTC)
HASH = "5c" * 32

OF_SESSION: dict[str, Any] = {"session_id": SESSION, "episode_id": EPISODE, "client_id": CLIENT}
OF_RATING: dict[str, Any] = {
    "rating_id": RATING,
    "episode_id": EPISODE,
    "client_id": CLIENT,
    "measure": "phq-9",
}
OF_EPISODE: dict[str, Any] = {"episode_id": EPISODE, "client_id": CLIENT}
OF_ALERT: dict[str, Any] = {"alert_id": ALERT, "episode_id": EPISODE, "client_id": CLIENT}

DETAILS = ClientDetails(
    external_id="K-1044",
    identifiers=[Identifier(system="urn:oid:1.2.3", value="1044")],
    given_name="Zoë",
    family_name="O\u2019Brien",
    birth_date=date(1990, 2, 28),
    sex_for_norms="female",
    language="en",
    contacts=[Contact(channel="email", value="zoe@example.org", allowed=True, quiet_hours="22-7")],
)
CONTENT: dict[str, Any] = {
    "items": {"1": 20, "9": 30},
    "total": 50,
    "subscales": {"core": 20},
    "flags": ["prorated"],
}
RISK = [
    RiskFlag(item="9", target="self", value=30),
    RiskFlag(item="10", target="others", value=None),
]
VERDICT = Verdict(
    rule="reliable_deterioration",
    rule_version=2,
    kind="state",
    severity="high",
    holds=True,
    inputs={"baseline": 120, "latest": 220},
    thresholds={"reliable_change": "8.46"},
    text="Ten points worse than at the start.",
    counterfactual="At 20.4 or below it would not have fired.",
)
ASSESSMENT = Assessment(
    total=220,
    baseline=120,
    change=100,
    ordinal=4,
    reliable_change="8.46",
    index=2.3170731707317076,
    classification="deteriorated",
    flags=["late"],
    verdicts=[VERDICT],
)
ASSESSED: dict[str, Any] = OF_RATING | {
    "series": example_id(20),
    "rater_kind": "caretaker",
    "rater_id": example_id(21),
    "rule_set_version": 3,
    "occurred_at": AT,
    "rating_recorded_at": LATER,
}
ALERTED = AlertContent(
    inputs={"item_9": 30},
    thresholds={"item_9": "1"},
    text="Item 9 was answered.",
    counterfactual="At 0 it would not have fired.",
    flags=["skipped_before"],
)
NOTE = AlertNote(actor=PERSON, note="Called at noon.", seen_how="phone", outcome="safe", reason="-")
SESSION_AS_HELD: dict[str, Any] = OF_SESSION | {
    "starts_at": AT,
    "ends_at": LATER,
    "status": "held",
    "session_type": "treatment",
    "medium": "video",
}

INTAKE = [
    OrganisationRegistered(organisation_id=TENANT, name="North & South"),
    ClinicOpened(clinic_id=CLINIC, name="North", timezone="Europe/Berlin"),
    PersonInvited(person_id=PERSON, roles=["clinician"], private=PersonDetails(name="Ada Lum")),
    PersonDeactivated(person_id=PERSON),
    IntegrationRegistered(
        integration_id=MACHINE, name="Records", scopes=["intake.write"], secret_hash="scrypt$x"
    ),
    IntegrationRevoked(integration_id=MACHINE),
    ClientRegistered(client_id=CLIENT, external_hashes=[HASH], private=DETAILS),
    ClientDetailsCorrected(client_id=CLIENT, private=ClientDetails(given_name="Zoe")),
    MeasuringChanged(
        client_id=CLIENT, state="paused", private=MeasuringReason(reason="On holiday.")
    ),
    ConsentGiven(
        client_id=CLIENT,
        purpose="research",
        at=AT,
        private=ConsentDecision(given_by="her mother", wording_version="2026-1"),
    ),
    ConsentWithdrawn(client_id=CLIENT, purpose="research", at=LATER),
    EpisodeOpened(
        **OF_EPISODE,
        age_group="adult",
        opened_at=AT,
        clinician_id=PERSON,
        clinic_id=CLINIC,
        external_hash=HASH,
        imported=True,
        private=EpisodeReference(external_id="E-7"),
    ),
    EpisodeTransferred(**OF_EPISODE, to_clinician_id=PERSON, at=LATER),
    EpisodeClosed(
        **OF_EPISODE, closed_at=LATER, ending="planned", private=EndingReason(reason="Done.")
    ),
    EpisodeReopened(**OF_EPISODE, at=LATER),
    SessionRecorded(**SESSION_AS_HELD, imported=True, private=SessionReference(external_id="S-1")),
    SessionChanged(**SESSION_AS_HELD),
    SessionEnteredInError(**OF_SESSION),
]

FEEDBACK = [
    RatingSubmitted(
        **OF_RATING,
        definition_version=1,
        occurred_at=AT,
        mode="kiosk",
        language="en",
        session_id=SESSION,
        private=RatingContent(**CONTENT, risk=RISK, note="I slept.", external_id="R-1"),
    ),
    RatingCorrected(
        **OF_RATING,
        definition_version=1,
        occurred_at=AT,
        imported=True,
        private=RatingCorrection(**CONTENT, risk=RISK, reason="Typed wrongly."),
    ),
    RatingVoided(**OF_RATING, private=VoidReason(reason="Of somebody else.")),
    RatingMoved(
        **OF_RATING,
        rater_kind="caretaker",
        rater_id=example_id(21),
        to_episode_id=example_id(22),
        private=MoveReason(reason="Of somebody else."),
    ),
    RatingDeclined(**OF_EPISODE, measure="phq-9", session_id=SESSION, at=AT),
    MeasurePublished(
        key="mood",
        definition_version=2,
        published_by=MACHINE,
        private=MeasureContent(document='{"key":"mood"}'),
    ),
    MeasureRetired(key="mood", retired_by=MACHINE, private=RetirementReason(reason="Too long.")),
    WordingLicensed(
        key="ors",
        definition_version=1,
        language="de",
        uploaded_by=MACHINE,
        private=LicensedWording(document="{}", licence="Group licence 7", attested_by="A. Person"),
    ),
]

OUTCOMES = [
    RatingAssessed(**ASSESSED, imported=True, private=ASSESSMENT),
    AssessmentRevised(**ASSESSED, private=Assessment(total=1, baseline=1, change=0, ordinal=1)),
    AssessmentWithdrawn(
        **OF_RATING, series=example_id(20), rater_kind="collateral", rater_id=example_id(21)
    ),
    ExpectedResponseFitted(
        measure="phq-9",
        age_group="adult",
        curve_version=2,
        fitted_at=AT,
        effective_from=LATER,
        intercept=13.1,
        slope=-2.4,
        baseline_effect=0.83,
        interaction=-0.18,
        baseline_mean=14.2,
        g00=9.5,
        g01=-0.75,
        g11=2.25,
        variance=7.84,
        longest=16,
        episodes=412,
        ratings=2_904,
        coverage=[
            Coverage(by="all", group="all", episodes=103, ratings=711, share=0.81),
            Coverage(by="ending", group="administrative", episodes=4, ratings=19),
        ],
    ),
    RuleSetPublished(
        organisation_id=TENANT,
        key="ours",
        rule_set_version=7,
        effective_from=LATER,
        rules=[
            Rule(
                id="lost_gain",
                version=1,
                kind="point",
                severity="medium",
                applies_to=AppliesTo(kind="alliance", measures=["srs"]),
                requires=["reliable_change"],
                resolves_when="score_is_back",
                least_ratings=2,
                ends_after=2,
                at=[3, 6],
                thresholds={"cut": Decimal("8.46")},
                by_measure={"bdi": {"cut": Decimal("7")}},
            )
        ],
        published_by=PERSON,
    ),
    RuleSetRolledBack(
        organisation_id=TENANT,
        key="ours",
        rule_set_version=6,
        effective_from=LATER,
        rolled_back_by=PERSON,
    ),
]

ALERTS = [
    AlertRaised(
        **OF_ALERT,
        rule="risk_item",
        rule_version=1,
        kind="risk",
        measure="phq-9",
        severity="urgent",
        historical=True,
        cause_id=RATING,
        occurred_at=AT,
        private=ALERTED,
    ),
    AlertRepeated(
        **OF_ALERT, severity="high", notify=True, cause_id=RATING, occurred_at=AT, private=ALERTED
    ),
    AlertSourceChanged(**OF_ALERT, cause_id=RATING, private=ALERTED),
    AlertAcknowledged(**OF_ALERT, private=NOTE),
    AlertAssigned(**OF_ALERT, to=PERSON, by_rule=True),
    AlertReviewed(**OF_ALERT, private=NOTE),
    AlertResolved(**OF_ALERT, by_rule=True),
    AlertWithdrawn(**OF_ALERT, private=AlertNote(reason="The rating was corrected.")),
]

PEOPLE = [
    TeamFormed(
        team_id=RATING, name="Youth", clinic_id=EPISODE, lead_ids=[PERSON], member_ids=[PERSON]
    ),
    ConsentPolicySet(defaults={"research": True}),
    SignInPolicySet(second_factor_roles=["administrator"], erasure_wait_days=14),
    IdentityProviderSet(
        issuer="https://login.example",
        oauth_client_id="heroic",
        group_claim="roles",
        group_roles={"therapists": ["clinician"]},
        private=IdentityProviderSecret(client_secret="a secret"),
    ),
    PersonJoined(person_id=PERSON, how="password"),
    RoleGranted(person_id=PERSON, role="supervisor"),
    RoleRevoked(person_id=PERSON, role="supervisor"),
    SignedOut(principal_id=PERSON, principal_kind="person", before=AT, session_id=RATING),
    IntegrationSecretAdded(integration_id=PERSON, secret_id=RATING, secret_hash="scrypt$..."),
    IntegrationSecretRemoved(integration_id=PERSON, secret_id=RATING),
    IntegrationKeysSet(integration_id=PERSON, jwks='{"keys":[]}'),
]

CLIENTS = [
    CareTeamChanged(
        episode_id=EPISODE,
        client_id=CLIENT,
        members=[CareMember(PERSON, "cover", AT, LATER)],
    ),
    RelatedPersonAdded(
        client_id=CLIENT,
        related_id=PERSON,
        relation="guardian",
        may_see=["outcomes"],
        private=RelatedPerson(name="Ida Lum"),
    ),
    RelatedPersonRemoved(client_id=CLIENT, related_id=PERSON),
    ClientsMerged(client_id=CLIENT, into=PERSON, private=MergeReason(reason="Entered twice.")),
    ClientsUnmerged(client_id=CLIENT, was=PERSON, private=MergeReason(reason="Two after all.")),
    AliasesChanged(client_id=CLIENT, aliases=[PERSON]),
    ErasureRequested(
        request_id=RATING,
        client_id=CLIENT,
        requested_by=PERSON,
        private=ErasureReason(reason="They asked."),
    ),
    ErasureApproved(
        request_id=RATING,
        client_id=CLIENT,
        approved_by=PERSON,
        execute_at=LATER,
        private=ErasureReason(reason="Nothing stands against it."),
    ),
    ErasureRefused(
        request_id=RATING,
        client_id=CLIENT,
        refused_by=PERSON,
        restricted=True,
        private=ErasureReason(reason="The law demands keeping."),
    ),
    RestrictionLifted(client_id=CLIENT, lifted_by=PERSON),
    ClientErased(request_id=RATING, client_id=CLIENT, erased_at=AT),
    *(
        service.ClientPurged(client_id=CLIENT, request_id=RATING)
        for service in (feedback, outcomes, alerts)
    ),
]

EXAMPLES: dict[tuple[str, int], Event] = {
    (event.type, event.version): event
    for event in (*PEOPLE, *INTAKE, *CLIENTS, *FEEDBACK, *OUTCOMES, *ALERTS)
}
"""The expected event by the type and schema version of its golden file."""

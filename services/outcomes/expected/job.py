"""The batch job: an organisation's sample, a fit for each age group, and their publication.

Importing it imports statsmodels, which takes seconds: only who runs the job does.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from services.outcomes.expected.publishing import publish
from services.outcomes.expected.sample import Sample, read_sample
from shared.clock import Clock, utc_now
from shared.contracts.intake import AgeGroup
from shared.contracts.outcomes import ExpectedResponseFitted
from shared.database import Database
from shared.eventstore import EventStore
from shared.measures.fit import Fit, FitRefused, TooFewEpisodes, fit


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one age group: a fit, and the event if it was published, or why there is
    none. `seed` says that there are too few episodes: the seed curve stands, flagged as such.
    """

    age_group: AgeGroup
    fit: Fit | None = None
    published: ExpectedResponseFitted | None = None
    seed: bool = False
    refused: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the job did, and how many clients it left out."""

    measure: str
    without_consent: int
    held_back: int
    results: list[Result]


async def fit_expected(
    database: Database,
    store: EventStore,
    tenant: str,
    measure: str,
    age_group: AgeGroup | None = None,
    *,
    dry_run: bool = False,
    clock: Clock = utc_now,
) -> Report:
    """Fit the expected response of `measure`, and publish what may be unless it is a `dry_run`.

    Without an age group: of each that has episodes. `store` must have been started.
    """
    sample = await read_sample(database, tenant, measure)
    results = []
    for one in [age_group] if age_group else age_groups_of(sample):
        # In a thread: it computes for long, and connections must be heard meanwhile.
        result = await asyncio.to_thread(fit_one, sample, one)
        if result.fit is not None and not dry_run:
            event = await publish(store, tenant, measure, one, result.fit, now=clock())
            result = msgspec.structs.replace(result, published=event)
        results.append(result)
    return Report(
        measure=measure,
        without_consent=sample.without_consent,
        held_back=sample.held_back,
        results=results,
    )


def age_groups_of(sample: Sample) -> Sequence[AgeGroup]:
    """The age groups that have episodes, in order."""
    return sorted({one.age_group for one in sample.courses})


def fit_one(sample: Sample, age_group: AgeGroup) -> Result:
    """The fit of one age group, or why there is none."""
    courses = [one for one in sample.courses if one.age_group == age_group]
    try:
        return Result(age_group=age_group, fit=fit(courses))
    except TooFewEpisodes as error:
        return Result(age_group=age_group, seed=True, refused=error.detail)
    except FitRefused as error:
        return Result(age_group=age_group, refused=error.detail)

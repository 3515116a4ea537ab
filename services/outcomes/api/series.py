"""The series of an episode as callers read them: scores, what was expected, what was signalled."""

from collections.abc import Mapping

from services.outcomes.api.models import (
    CurveView,
    LeapView,
    Rater,
    RatingView,
    RiskAnswer,
    SeriesView,
    SignalView,
    TargetsView,
)
from services.outcomes.domain.expectation import (
    Expected,
    Leaps,
    curve_for,
    ending_of,
    expected_of,
    leaps_of,
    targets_of,
)
from services.outcomes.domain.reading import Reading, primary_measure, read
from services.outcomes.domain.standards import Standards
from services.outcomes.domain.state import (
    NO_CARE,
    Assessed,
    Care,
    ClientState,
    Rating,
    Said,
    Series,
    Signal,
    signal_of,
)
from services.outcomes.views import FoundView
from shared.measures import Person
from shared.measures.expected import Curve
from shared.measures.gains import Gain
from shared.web.models import from_tenths


def in_points(tenths: int | None) -> float | None:
    """A score as plain points; None stays None."""
    return None if tenths is None else from_tenths(tenths)


def predicted(tenths: float) -> float:
    """A prediction as points with two decimals: a curve says no more."""
    return round(tenths / 10, 2)


def series_views(episode_id: str, state: ClientState, found: FoundView) -> list[SeriesView]:
    """Every series of an episode of `state` that has ratings."""
    care, said = state.care.get(episode_id, NO_CARE), state.said.get(episode_id, Said())
    primary = primary_measure(said.series, found.standards.definitions)
    signals = state.assessed.get(episode_id, Assessed()).signals
    return [
        _series(one, care, state.sex, signals, found, primary=one.measure == primary)
        for one in said.series
        if one.ratings
    ]


def _series(
    series: Series,
    care: Care,
    sex: str | None,
    signals: Mapping[str, list[Signal]],
    found: FoundView,
    *,
    primary: bool,
) -> SeriesView:
    standards = found.standards
    reading = read(series, care, standards.definitions, sex)
    expected = expected_of(series, care, reading, standards)
    person = Person(care.age_group, sex, series.rater_kind)
    leaps = leaps_of(series, person, standards)
    endings = _endings(series, care, person, reading, standards)
    return SeriesView(
        id=series.id,
        measure=series.measure,
        definition_version=series.ratings[-1].definition_version,
        rater=Rater(kind=series.rater_kind, id=series.rater_id),
        primary=primary,
        baseline=in_points(reading.baseline.total if reading.baseline else None),
        latest=in_points(reading.latest.total if reading.latest else None),
        change=in_points(reading.change),
        reliable_change=float(reading.reliable_change) if reading.reliable_change else None,
        classification=reading.classification,
        late_baseline=reading.late_baseline,
        targets=_targets(series, care, reading, standards),
        sudden_gains=[_leap(one, leaps) for one in leaps.gains],
        sudden_losses=[_leap(one, leaps) for one in leaps.losses],
        ratings=[
            _rating(
                one,
                [*signals.get(one.id, []), *endings.get(one.id, [])],
                found.notes.get(one.id),
                expected.get(one.id),
            )
            for one in series.ratings
        ],
    )


def _endings(
    series: Series, care: Care, person: Person, reading: Reading, standards: Standards
) -> dict[str, list[Signal]]:
    verdict = ending_of(series, care, person, reading, standards)
    if verdict is None or reading.latest is None:
        return {}
    return {reading.latest.id: [signal_of(verdict)]}


def _targets(
    series: Series, care: Care, reading: Reading, standards: Standards
) -> TargetsView | None:
    latest, found = reading.latest, targets_of(series, care, reading, standards)
    curve = curve_for(series.measure, care, latest, standards) if latest is not None else None
    if latest is None or latest.total is None or found is None or curve is None:
        return None
    return TargetsView(
        plateau=predicted(found.plateau),
        two_thirds=predicted(found.two_thirds),
        half=predicted(found.half),
        reached=found.reached(latest.total),
        curve=_curve(curve),
    )


def _leap(gain: Gain, leaps: Leaps) -> LeapView:
    return LeapView.model_validate(
        {
            "from": leaps.ratings[gain.start].id,
            "to": leaps.ratings[gain.end].id,
            "size": from_tenths(gain.size),
            "reversed": gain.reversed,
        }
    )


def _curve(curve: Curve) -> CurveView:
    return CurveView(kind=curve.kind, version=curve.version)


def _rating(
    rating: Rating, signals: list[Signal], note: str | None, expected: Expected | None
) -> RatingView:
    return RatingView(
        id=rating.id,
        session_id=rating.session_id,
        definition_version=rating.definition_version,
        occurred_at=rating.occurred_at,
        recorded_at=rating.recorded_at,
        total=in_points(rating.total),
        granularity="items" if rating.granular else "total_only",
        flags=rating.flags,
        risk=[
            RiskAnswer(item=one.item, target=one.target, value=in_points(one.value))
            for one in rating.risk
        ],
        note=note,
        corrected_at=rating.corrected_at,
        erased=rating.erased,
        imported=rating.imported,
        expected=predicted(expected.value) if expected else None,
        band={name: predicted(one) for name, one in expected.band.items()} if expected else None,
        curve=_curve(expected.curve) if expected else None,
        signals=[_signal(one) for one in signals],
    )


def _signal(signal: Signal) -> SignalView:
    return SignalView(
        rule=signal.rule,
        rule_version=signal.rule_version,
        kind=signal.kind,
        severity=signal.severity,
        inputs={name: from_tenths(value) for name, value in signal.inputs.items()},
        thresholds={name: float(value) for name, value in signal.thresholds.items()},
    )

"""Norms that people can have: spread, reliability, and thresholds that follow from them."""

from collections.abc import Iterator
from itertools import combinations

from shared.errors import FieldError
from shared.measures.checks.scales import is_plain
from shared.measures.checks.thresholds import check_change, check_cutoff
from shared.measures.definition import Definition
from shared.measures.methods import reliable_change_value
from shared.measures.norms import NormSet, Sample

TOLERANCE = 0.02
"""How far a published reliable change may be from its formula: sources round on the way."""


def check_norms(definition: Definition) -> Iterator[FieldError]:
    """Every norm set, and that no two of them are for the same person and rater."""
    for place, norm in enumerate(definition.norms):
        pointer = f"/norms/{place}"
        yield from check_people(pointer, norm)
        yield from check_samples(pointer, definition, norm)
        if norm.cutoff is not None:
            yield from check_cutoff(f"{pointer}/cutoff", definition, norm.cutoff)
        if norm.reliable_change is not None:
            yield from check_change(f"{pointer}/reliable_change", definition, norm.reliable_change)
            yield from check_follows(pointer, norm)
    for (_, one), (place, other) in combinations(enumerate(definition.norms), 2):
        if one.sex == other.sex and meet(one, other):
            detail = "there are norms for such a person and rater already"
            yield FieldError(f"/norms/{place}", detail, "norms_overlap")


def meet(one: NormSet, other: NormSet) -> bool:
    """Whether some age group and kind of rater are in both."""
    return bool({*one.age_groups} & {*other.age_groups} and {*one.raters} & {*other.raters})


def check_people(pointer: str, norm: NormSet) -> Iterator[FieldError]:
    """Whom the norms are for."""
    for name, people in (("age_groups", norm.age_groups), ("raters", norm.raters)):
        if not people:
            yield FieldError(f"{pointer}/{name}", "must not be empty", "nobody")


def check_samples(pointer: str, definition: Definition, norm: NormSet) -> Iterator[FieldError]:
    """The two samples and the reliability."""
    for name, sample in (("clinical", norm.clinical), ("functional", norm.functional)):
        if sample is not None:
            yield from check_sample(f"{pointer}/{name}", definition, sample)
    if norm.reliability is not None:
        value = norm.reliability.value
        if not is_plain(value) or not 0 < value < 1:
            yield FieldError(
                f"{pointer}/reliability/value", "must lie between 0 and 1", "bad_reliability"
            )
    if norm.clinical is not None and norm.functional is not None:
        means = norm.functional.mean, norm.clinical.mean
        if all(map(is_plain, means)) and (means[0] - means[1]) * definition.sign <= 0:
            detail = "must be better than the mean of the clinical sample"
            yield FieldError(f"{pointer}/functional/mean", detail, "samples_swapped")


def check_sample(pointer: str, definition: Definition, sample: Sample) -> Iterator[FieldError]:
    """One sample: a mean on the scale, a spread above zero that the scale has room for."""
    low, high = definition.total.low, definition.total.high
    if not is_plain(sample.mean) or not low <= sample.mean <= high:
        yield FieldError(f"{pointer}/mean", f"must be from {low} to {high}", "out_of_range")
    if not is_plain(sample.sd) or not 0 < sample.sd <= high - low:
        detail = f"must be above 0, at most {high - low}"
        yield FieldError(f"{pointer}/sd", detail, "bad_sd")
    if sample.size is not None and sample.size < 2:
        yield FieldError(f"{pointer}/size", "must be 2 or more", "bad_size")


def check_follows(pointer: str, norm: NormSet) -> Iterator[FieldError]:
    """A reliable change by Jacobson and Truax is 1.96 x sqrt(2) x SD x sqrt(1 - r) of its norms."""
    change, clinical, reliability = norm.reliable_change, norm.clinical, norm.reliability
    if (
        change is None
        or change.basis != "jacobson-truax"
        or clinical is None
        or reliability is None
    ):
        return
    if not all(map(is_plain, (clinical.sd, reliability.value, change.value))):
        return
    sd, r, value = float(clinical.sd), float(reliability.value), float(change.value)
    if sd > 0 and 0 < r < 1:
        follows = reliable_change_value(sd, r)
        if abs(value - follows) > TOLERANCE * follows:
            detail = f"from this SD and reliability follows {follows:.2f}"
            yield FieldError(f"{pointer}/reliable_change/value", detail, "does_not_follow")

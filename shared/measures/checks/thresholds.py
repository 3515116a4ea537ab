"""Bands without a gap, cutoffs that divide the scale, changes that the scale has room for."""

from collections.abc import Iterator
from itertools import pairwise

from shared.errors import FieldError
from shared.measures.checks.scales import is_plain, is_tenths
from shared.measures.definition import Definition
from shared.measures.scoring import points
from shared.measures.thresholds import COMPARISONS, Cutoff, ReliableChange


def check_thresholds(definition: Definition) -> Iterator[FieldError]:
    """Bands, the cutoffs of every age group and the reliable change."""
    yield from check_bands(definition)
    for age_group, cutoff in definition.published_cutoffs.items():
        yield from check_cutoff(f"/cutoffs/{age_group}", definition, cutoff)
    if definition.published_change is not None:
        yield from check_change("/reliable_change", definition, definition.published_change)


def check_bands(definition: Definition) -> Iterator[FieldError]:
    """Bands: on the scale, in order, from its low to its high without overlap or gap."""
    bands, grid = definition.bands, definition.total.grid
    odd = [
        f"/bands/{place}/{name}"
        for place, band in enumerate(bands)
        for name, value in (("from", band.start), ("to", band.end))
        if not is_tenths(value) or int(value * 10) not in grid
    ]
    for pointer in odd:
        yield FieldError(pointer, "is no score of the scale", "off_scale")
    if odd or not bands:
        return
    ends = [(int(band.start * 10), int(band.end * 10)) for band in bands]
    for place, (start, end) in enumerate(ends):
        if end < start:
            yield FieldError(f"/bands/{place}/to", "must not be below from", "empty_band")
    for place, ((_, end), (start, _)) in enumerate(pairwise(ends), 1):
        wanted = end + grid.step
        if start != wanted:
            code, what = (
                ("band_overlap", "overlaps") if start < wanted else ("band_gap", "leaves a gap to")
            )
            detail = f"{what} the band before: must be {points(wanted)}"
            yield FieldError(f"/bands/{place}/from", detail, code)
    if ends[0][0] != grid[0]:
        yield FieldError("/bands/0/from", f"must be {points(grid[0])}", "band_gap")
    if ends[-1][1] != grid[-1]:
        yield FieldError(f"/bands/{len(ends) - 1}/to", f"must be {points(grid[-1])}", "band_gap")
    yield from check_band_names(definition)


def check_band_names(definition: Definition) -> Iterator[FieldError]:
    """Every band by a name of its own."""
    names = [band.name for band in definition.bands]
    for place, name in enumerate(names):
        if not name.strip() or name in names[:place]:
            yield FieldError(f"/bands/{place}/name", "must be a name of its own", "twice")


def check_cutoff(pointer: str, definition: Definition, cutoff: Cutoff) -> Iterator[FieldError]:
    """A cutoff: a known operator, on the worse side, with scores on both sides of it."""
    if cutoff.clinical not in COMPARISONS:
        yield unknown_operator(f"{pointer}/clinical", "<, <=, >= or >")
        return
    low, high = definition.total.low, definition.total.high
    if not is_plain(cutoff.value) or not low <= cutoff.value <= high:
        yield FieldError(f"{pointer}/value", f"must be from {low} to {high}", "out_of_range")
        return
    if cutoff.clinical_is_high != (definition.better == "lower"):
        detail = f"{definition.better} scores are better: the clinical side is the other one"
        yield FieldError(f"{pointer}/clinical", detail, "wrong_side")
    ends = definition.total.grid[0], definition.total.grid[-1]
    if cutoff.is_clinical(ends[0]) == cutoff.is_clinical(ends[1]):
        yield FieldError(f"{pointer}/value", "all scores are on one side of it", "divides_nothing")


def check_change(
    pointer: str, definition: Definition, change: ReliableChange
) -> Iterator[FieldError]:
    """A reliable change: a known operator, above zero, and no more than the scale has room for."""
    if change.reached not in (">=", ">"):
        yield unknown_operator(f"{pointer}/reached", ">= or >")
    room = definition.total.high - definition.total.low
    if not is_plain(change.value) or not 0 < change.value <= room:
        yield FieldError(f"{pointer}/value", f"must be above 0, at most {room}", "out_of_range")


def unknown_operator(pointer: str, known: str) -> FieldError:
    """An operator that is none of those known."""
    return FieldError(pointer, f"must be {known}", "unknown_operator")

"""What `heroic analyse` tells people: tables on the output, what could not be read beside it."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from rich.console import Console
from rich.table import Table

from deploy.cli.analyse_change import ChangeReport
from deploy.cli.analyse_csv import Unreadable
from deploy.cli.analyse_gains import GainsReport, Step
from deploy.cli.analyse_rules import RulesReport

SHOWN = 50
"""So many rows are shown; `--json` gives all."""


def tell_change(report: ChangeReport) -> None:
    """The clients, the counts, what they were judged by, and the effect sizes."""
    clients = Table("client", "pre", "post", "change", "index", "class")
    for row in report.rows[:SHOWN]:
        clients.add_row(
            row.client, *map(number, (row.pre, row.post, row.change, row.index)), row.kind
        )
    counts = Table("class", "clients", "percent")
    for kind, count in report.counts.items():
        counts.add_row(kind, str(count), f"{100 * count / report.n_used:.1f}")
    shown = Console(markup=False, highlight=False)
    shown.print(clients)
    tell_hidden(shown, len(report.rows))
    shown.print(counts)
    shown.print(f"{report.n_used} clients, {report.n_left_out} left out for want of both values")
    shown.print(facts("thresholds", report.thresholds))
    shown.print(facts("effect sizes", report.effect_sizes))
    tell_unreadable(report.unreadable)


def tell_gains(report: GainsReport) -> None:
    """The gains and the losses."""
    shown = Console(markup=False, highlight=False)
    for title, steps in (("sudden gains", report.gains), ("sudden losses", report.losses)):
        shown.print(steps_table(f"{len(steps)} {title}", steps))
        tell_hidden(shown, len(steps))
    shown.print(f"{report.n_values} values of {report.n_clients} clients")
    tell_unreadable(report.unreadable)


def tell_rules(report: RulesReport) -> None:
    """The alerts, and how often each rule held."""
    alerts = Table("client", "rule", "severity", "from", "to", "ratings", title="alerts")
    raised = [(one.client, alert) for one in report.clients for alert in one.alerts]
    for client, alert in raised[:SHOWN]:
        ended = alert.ended if alert.ended is not None else "open"
        alerts.add_row(client, alert.rule, alert.severity, alert.opened, ended, str(alert.ratings))
    counts = Table("rule", "ratings", "clients", "alerts", "open at the end")
    for rule, one in report.rules.items():
        counts.add_row(rule, *map(str, (one.ratings, one.clients, one.alerts, one.open)))
    shown = Console(markup=False, highlight=False)
    shown.print(alerts)
    tell_hidden(shown, len(raised))
    shown.print(counts)
    shown.print(
        f"concerns: {report.concerns}, of {report.n_clients} clients in {report.n_ratings} ratings"
    )
    tell_unreadable(report.unreadable)


def steps_table(title: str, steps: Sequence[Step]) -> Table:
    """Sudden gains or losses."""
    table = Table("client", "from", "to", "size", "reversed", title=title)
    for step in steps[:SHOWN]:
        turned = "yes" if step.reversed else "no"
        table.add_row(step.client, step.start, step.end, number(step.size), turned)
    return table


def facts(title: str, about: msgspec.Struct) -> Table:
    """The fields that are known, a line each."""
    table = Table(show_header=False, title=title)
    for name, value in msgspec.structs.asdict(about).items():
        if isinstance(value, msgspec.Struct):
            parts = msgspec.structs.asdict(value).items()
            table.add_row(name, ", ".join(f"{part} {number(one)}" for part, one in parts))
        elif value is not None:
            table.add_row(name, number(value) if not isinstance(value, str) else value)
    return table


def tell_hidden(shown: Console, rows: int) -> None:
    """How many rows were not shown."""
    if rows > SHOWN:
        shown.print(f"… and {rows - SHOWN} more (--json lists all)")


def tell_unreadable(found: Sequence[Unreadable]) -> None:
    """What could not be read, line by line."""
    beside = Console(stderr=True, markup=False, highlight=False)
    for one in found[:SHOWN]:
        beside.print(f"line {one.line}: {one.detail}")
    tell_hidden(beside, len(found))


def number(value: Decimal | float | None) -> str:
    """A number for people: whole ones as they are, others to four digits after the point."""
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)

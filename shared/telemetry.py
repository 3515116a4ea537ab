"""Logs, metrics and traces.

Logs are JSON lines on stderr and carry the trace id. Metrics are Prometheus's, on a port of their
own (`shared/health.py`). Tracing costs nothing unless an OTLP endpoint is configured: the W3C
`traceparent` is carried along either way, so that an event always says which request it came from.
"""

import logging
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from re import compile as pattern

import msgspec
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Histogram

from shared import health
from shared.settings import ServiceSettings

Attributes = Mapping[str, str | int | float | bool]

TRACEPARENT = pattern(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

DESCRIBED_FRAMES = 8

REQUESTS = Histogram(
    "heroic_http_request_seconds",
    "Time from the first byte of a request to the last of its answer.",
    ("service", "method", "route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)

_traceparent: ContextVar[str | None] = ContextVar("heroic_traceparent", default=None)
_service: ContextVar[str | None] = ContextVar("heroic_service", default=None)
_tracers: dict[str, Tracer] = {}
_providers: list[TracerProvider] = []
_metrics_ports: set[int] = set()
_propagator = TraceContextTextMapPropagator()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_request_timers: dict[tuple[str, str, str, int], Histogram] = {}


def setup(service: str, role: str, settings: ServiceSettings) -> None:
    """Start logs, and metrics and traces where they are configured.

    A process that holds several services calls it for each; logs and metrics start once.
    """
    _start_logs(settings.log_level)
    if settings.otlp_endpoint and service not in _tracers:
        exporter = OTLPSpanExporter(f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
        trace_to(BatchSpanProcessor(exporter), service, role)
    if settings.metrics_port and settings.metrics_port not in _metrics_ports:
        health.serve(settings.metrics_host, settings.metrics_port)
        _metrics_ports.add(settings.metrics_port)


def trace_to(processor: SpanProcessor, service: str, role: str = "") -> None:
    """Switch tracing of `service` on: its spans go to `processor`."""
    resource = Resource.create(
        {"service.namespace": "heroic", "service.name": service, "heroic.role": role}
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(processor)
    _providers.append(provider)
    _tracers[service] = provider.get_tracer("heroic")


def flush() -> None:
    """Send the spans that have not been sent."""
    for provider in _providers:
        provider.force_flush()


def shutdown() -> None:
    """Send what has not been sent and switch tracing off."""
    while _providers:
        _providers.pop().shutdown()
    _tracers.clear()


def tracing(service: str) -> bool:
    """Whether spans of `service` go anywhere."""
    return service in _tracers


def current_traceparent() -> str | None:
    """The W3C traceparent of what is going on, to be written into events and messages."""
    return _traceparent.get()


def current_trace_id() -> str | None:
    """The 32 hexadecimal digits that logs, traces and problem documents share."""
    traceparent = _traceparent.get()
    return traceparent[3:35] if traceparent else None


def valid_traceparent(text: str | None) -> str | None:
    """`text` where it is a well-formed traceparent, else None: a bad one is never passed on."""
    return text if text is not None and TRACEPARENT.fullmatch(text) else None


def new_traceparent() -> str:
    """A traceparent for what begins here; not sampled."""
    random = os.urandom(24).hex()
    return f"00-{random[:32]}-{random[32:]}-00"


@contextmanager
def span(
    name: str,
    *,
    service: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    traceparent: str | None = None,
    attributes: Attributes | None = None,
) -> Iterator[Span | None]:
    """Do something as a part of the current trace, or of the one that `traceparent` names.

    `service` is remembered for what happens inside. Gives the span, or None where tracing is off.
    Attributes never hold anything private.
    """
    parent = valid_traceparent(traceparent) or _traceparent.get()
    service = service or _service.get() or ""
    tracer = _tracers.get(service)
    named = _service.set(service)
    if tracer is None:
        token = _traceparent.set(parent or new_traceparent())
        try:
            yield None
        finally:
            _traceparent.reset(token)
            _service.reset(named)
        return
    context = _propagator.extract({"traceparent": parent} if parent else {})
    started = tracer.start_span(name, context, kind, attributes)
    token = _traceparent.set(_format(started))
    try:
        yield started
    except BaseException as error:
        # Only the class: a message may quote what a client said.
        started.set_status(Status(StatusCode.ERROR, type(error).__name__))
        raise
    finally:
        started.end()
        _traceparent.reset(token)
        _service.reset(named)


def _format(span: Span) -> str:
    context = span.get_span_context()
    trace_id, span_id = (
        trace.format_trace_id(context.trace_id),
        trace.format_span_id(context.span_id),
    )
    return f"00-{trace_id}-{span_id}-{context.trace_flags:02x}"


def observe_request(service: str, method: str, route: str, status: int, seconds: float) -> None:
    """Count one HTTP request. `route` is a template, so that there are few of them."""
    key = (service, method if method in _METHODS else "other", route, status)
    timer = _request_timers.get(key)
    if timer is None:
        timer = _request_timers[key] = REQUESTS.labels(*map(str, key))
    timer.observe(seconds)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with its trace id, and the stack of its error if it has one."""
        line: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace_id := current_trace_id():
            line["trace_id"] = trace_id
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe(record.exc_info[1])
        return msgspec.json.encode(line).decode()


def describe(error: BaseException) -> str:
    """Where an error came from and of which class, without its message.

    Messages of drivers and validators quote values, and values are clients' words.
    """
    frames = traceback.extract_tb(error.__traceback__)[-DESCRIBED_FRAMES:]
    places = (f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    cause = error.__cause__ or error.__context__
    chained = f" <- {describe(cause)}" if cause is not None else ""
    return f"{type(error).__qualname__} at {' > '.join(places)}{chained}"


def _start_logs(level: str) -> None:
    root = logging.getLogger()
    root.setLevel(level)
    if any(isinstance(handler.formatter, JsonFormatter) for handler in root.handlers):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root.addHandler(handler)
    # Says each request, with its address: ids are in those.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # The access log says nothing that metrics do not, and costs more than they do.
    logging.getLogger("uvicorn.access").disabled = True

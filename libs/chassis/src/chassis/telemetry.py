"""Telemetry: OpenTelemetry traces, only when an OTLP endpoint is configured; else nothing of it is even imported.

Tracing halves the throughput of trivial requests and costs 20 MB, so it is off unless somebody looks (pitfalls.md 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chassis.context import Work

if TYPE_CHECKING:
    from fastapi import FastAPI
    from opentelemetry.sdk.trace import TracerProvider

_provider: TracerProvider | None = None


def start(service: str, endpoint: str | None) -> Callable[[], None]:
    """Export spans to an OTLP/HTTP endpoint (its base URL), before anything connects; returns what ends it."""
    global _provider  # noqa: PLW0603 - there is one tracing in a process, as there is one standard output
    if endpoint is None:
        return _nothing
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - heavy
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor  # noqa: PLC0415 - heavy
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - heavy
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - heavy
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - heavy

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    PsycopgInstrumentor().instrument(tracer_provider=provider, skip_dep_check=True)
    _provider = provider

    def stop() -> None:
        global _provider  # noqa: PLW0603 - as above
        _provider = None
        PsycopgInstrumentor().uninstrument()
        provider.shutdown()

    return stop


def instrument(app: FastAPI) -> None:
    """A span for every request of an app, without one for every message of it."""
    if _provider is not None:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415 - heavy

        FastAPIInstrumentor.instrument_app(app, tracer_provider=_provider, exclude_spans=["receive", "send"])


def server_interceptors() -> Sequence[Any]:
    """What gives every gRPC call served a span."""
    if _provider is None:
        return ()
    from opentelemetry.instrumentation.grpc import aio_server_interceptor  # noqa: PLC0415 - heavy

    make: Any = aio_server_interceptor  # it has no types
    return (make(tracer_provider=_provider),)


def client_interceptors() -> Sequence[Any]:
    """What gives every gRPC call made a span."""
    if _provider is None:
        return ()
    from opentelemetry.instrumentation.grpc import aio_client_interceptors  # noqa: PLC0415 - heavy

    make: Any = aio_client_interceptors  # it has no types
    return tuple(make(tracer_provider=_provider))


def traceparent(given: str | None) -> str | None:
    """What to hand on: the span of this moment, else what came in (W3C Trace Context)."""
    if _provider is None:
        return given
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - heavy

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent", given)


@contextmanager
def following(name: str, work: Work) -> Iterator[None]:
    """A span for work that a fact has caused, in the trace that the fact belongs to."""
    if _provider is None:
        yield
        return
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - heavy

    parent = TraceContextTextMapPropagator().extract({"traceparent": work.traceparent or ""})
    with _provider.get_tracer("chassis").start_as_current_span(name, context=parent):
        work.traceparent = traceparent(work.traceparent)
        yield


def _nothing() -> None:
    """What ends telemetry that was never started."""

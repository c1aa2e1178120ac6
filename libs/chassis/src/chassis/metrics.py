"""Metrics: the names of spec/wire.md 10 and OpenTelemetry's HTTP and RPC metrics, for Prometheus."""

from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from chassis.settings import Address, naming

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

http_server_duration = Histogram(
    "http_server_request_duration_seconds",
    "Duration of HTTP requests.",
    ["http_request_method", "http_route", "http_response_status_code"],
    buckets=SECONDS,
)
rpc_server_duration = Histogram(
    "rpc_server_duration_seconds",
    "Duration of gRPC calls served.",
    ["rpc_method", "rpc_grpc_status_code"],
    buckets=SECONDS,
)
outbox_pending = Gauge("execos_outbox_pending", "Facts that are not published yet.")
outbox_oldest_seconds = Gauge(
    "execos_outbox_oldest_seconds", "Age of the oldest fact that is not published yet."
)
outbox_quarantined = Gauge("execos_outbox_quarantined", "Facts that the broker refuses for good.")
consumer_lag = Gauge(
    "execos_consumer_lag", "Facts in the stream that this consumer has not settled.", ["consumer"]
)
parked_events = Gauge("execos_parked_events", "Facts that wait for a person.", ["consumer"])
job_runs = Counter("execos_job_runs_total", "Job runs.", ["job", "outcome"])
login_failures = Counter("execos_login_failures_total", "Refused logins.", ["cause"])
rls_denials = Counter("execos_rls_denials_total", "Rows refused by row level security.")


def serve_metrics(address: str) -> Callable[[], None]:
    """Serve `/metrics` on its own internal port, from a thread of its own; returns what ends it."""
    host, port = Address.parse(address)
    with naming(address):
        server, thread = start_http_server(port, host)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop

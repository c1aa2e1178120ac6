"""gRPC between services: who may call what, and no answer about another organisation."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf import message_factory
from tests.contract import recipes
from tests.contract.operations import grpc_methods
from tests.contract.organisations import Organisation
from tests.contract.platform import ORDER, SECRET, Platform, service_named
from tests.contract.recipes import JOB

from chassis.rpc import ServiceIdentity
from execos.identity.v1.identity_pb2 import MAIL_LINK_KIND_PASSWORD_RESET
from identity.domain.mail_links import LinkKind

EVERYBODYS = {
    "/execos.identity.v1.IdentityService/ListOrganisations",
    "/execos.identity.v1.IdentityService/CheckApiKey",
}
"""Methods whose request names no organisation: about all of them, or about a secret that says which one."""
JOBS = "/execos.platform.v1.JobsService/"
CALLERS = {
    method: names
    for name in ORDER
    for method, names in service_named(name).callers.items()
    if method.startswith("/execos.")  # what the gateway asks in Envoy's words has its tests with identity
} | {f"{JOBS}{name}": frozenset({"reporting"}) for name in ("List", "Run")}
METHODS = sorted(grpc_methods())


def service_of(method: str) -> str:
    """The service that answers a method; any of them answers about jobs, so reporting does."""
    context = method.split(".")[1]
    return "reporting" if context == "platform" else context


def request_of(method: str, values: dict[str, Any]) -> Any:
    """A request with the fields that the method has."""
    message = message_factory.GetMessageClass(grpc_methods()[method].input_type)
    names = [field.name for field in message.DESCRIPTOR.fields]
    return message(**{name: values[name] for name in names if name in values})


@pytest.fixture
async def channels(platform: Platform) -> AsyncIterator[dict[str, grpc.aio.Channel]]:
    """A bare channel to each service, without a token."""
    opened = {name: grpc.aio.insecure_channel(address) for name, address in platform.addresses.items()}
    yield opened
    for channel in opened.values():
        await channel.close()


async def call(channels: dict[str, grpc.aio.Channel], method: str, request: Any, token: str | None) -> Any:
    """The answer of a method, or the status that it refuses with."""
    answer = message_factory.GetMessageClass(grpc_methods()[method].output_type)
    ask = channels[service_of(method)].unary_unary(
        method,
        request_serializer=type(request).SerializeToString,
        response_deserializer=answer.FromString,
    )
    metadata = (("authorization", token),) if token else ()
    try:
        return await ask(request, timeout=10, metadata=metadata)
    except grpc.aio.AioRpcError as refused:
        return refused.code()


def token_of(service: str, secret: str = SECRET) -> str:
    """The token that a service shows."""
    return ServiceIdentity(service, secret).token()


async def values_of(org: Organisation) -> dict[str, Any]:
    """For every field of every request a value that finds something in an organisation."""
    deal, invoice = await recipes.deal(org), await recipes.sent_invoice(org)
    link_id = await org.platform.place.mail_link(org.owner, LinkKind.PASSWORD_RESET)
    company = await org.get(f"/companies/{invoice['companyId']}")
    await recipes.own_role(org)
    return {
        "org_id": str(org.id),
        "company_id": company["id"],
        "company_ids": [company["id"]],
        "deal_id": deal["id"],
        "deal_ids": [deal["id"]],
        "invoice_id": invoice["id"],
        "user_ids": [str(org.owner.id)],
        "name": company["name"],
        "kind": MAIL_LINK_KIND_PASSWORD_RESET,
        "subject": str(link_id),
        "token": (await recipes.api_key(org))["token"],
    }


def wanted(method: str, values: dict[str, Any]) -> dict[str, Any]:
    """The same; what a job is called is not what a company is called."""
    return values | ({"name": JOB, "request_id": str(uuid4())} if method.startswith(JOBS) else {})


@pytest.fixture(scope="session")
async def values(common_organisation: Organisation) -> dict[str, Any]:
    """What finds something in the organisation."""
    return await values_of(common_organisation)


@pytest.fixture(scope="session")
async def stranger(platform: Platform) -> Organisation:
    """An organisation that has nothing."""
    return await Organisation.founded(platform)


def test_every_method_has_its_callers():
    assert set(CALLERS) == set(METHODS)
    assert all(CALLERS.values())


@pytest.mark.parametrize("method", METHODS)
async def test_each_caller_and_nobody_else_is_answered(
    method: str, channels: dict[str, grpc.aio.Channel], values: dict[str, Any]
):
    request = request_of(method, wanted(method, values))
    for service in (*ORDER, "gateway", ""):
        answer = await call(channels, method, request, token_of(service))
        is_refused = answer is grpc.StatusCode.PERMISSION_DENIED
        assert is_refused == (service not in CALLERS[method]), f"{service}: {answer}"
        assert is_refused or not isinstance(answer, grpc.StatusCode), f"{service}: {answer}"


@pytest.mark.parametrize("method", METHODS)
async def test_a_call_without_a_good_token_is_refused(
    method: str, organisation: Organisation, channels: dict[str, grpc.aio.Channel], values: dict[str, Any]
):
    caller = min(CALLERS[method])
    signed_in = (await organisation.client()).headers["authorization"].partition(" ")[2]
    for token in (None, "", "x", signed_in, token_of(caller, "t" * 32)):
        answer = await call(channels, method, request_of(method, wanted(method, values)), token)
        assert answer is grpc.StatusCode.UNAUTHENTICATED, f"{token}: {answer}"


@pytest.mark.parametrize("method", sorted(set(METHODS) - EVERYBODYS))
async def test_another_organisations_ids_find_nothing(
    method: str,
    organisation: Organisation,
    stranger: Organisation,
    channels: dict[str, grpc.aio.Channel],
    values: dict[str, Any],
):
    token = token_of(min(CALLERS[method]))
    own = await call(channels, method, request_of(method, wanted(method, values)), token)
    assert own.ListFields(), "the same question must find something at home"
    foreign = wanted(method, values) | {"org_id": str(stranger.id)}
    answer = await call(channels, method, request_of(method, foreign), token)
    if answer is not grpc.StatusCode.NOT_FOUND:
        assert organisation.mark.encode() not in answer.SerializeToString()
        assert str(organisation.id).encode() not in answer.SerializeToString()
    if not method.startswith(JOBS) and "Organisation" not in method and "Policies" not in method:
        assert answer is grpc.StatusCode.NOT_FOUND or _has_only_the_strangers(answer, stranger), answer


def _has_only_the_strangers(answer: Any, stranger: Organisation) -> bool:
    return not answer.ListFields() or stranger.mark.encode() in answer.SerializeToString()


@pytest.mark.parametrize("method", sorted(set(METHODS) - EVERYBODYS))
async def test_a_request_without_a_good_organisation_is_refused(
    method: str, channels: dict[str, grpc.aio.Channel], values: dict[str, Any]
):
    token = token_of(min(CALLERS[method]))
    for org_id in ("", "x", "%", "' OR 1=1 --"):
        request = request_of(method, wanted(method, values) | {"org_id": org_id})
        assert await call(channels, method, request, token) is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method", METHODS)
async def test_ids_that_are_none_are_refused_not_crashed_on(
    method: str, channels: dict[str, grpc.aio.Channel], values: dict[str, Any]
):
    token = token_of(min(CALLERS[method]))
    bad: dict[str, Any] = {"page_size": 100_000, "page_token": "\x00'", "name": "\x00" * 5000}
    bad |= {name: "\x00'" for name in values if name.endswith("_id") and name != "org_id"}
    bad |= {"subject": "\x00'", "kind": 99, "generation": -1}
    bad |= {name: ["\x00'"] for name in values if name.endswith("_ids")}
    for name, value in bad.items():
        message = request_of(method, wanted(method, values) | {name: value})
        answer = await call(channels, method, message, token)
        refused = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}
        assert not isinstance(answer, grpc.StatusCode) or answer in refused, f"{name}: {answer}"


async def test_the_runs_of_a_job_are_its_organisations(
    organisation: Organisation, stranger: Organisation, channels: dict[str, grpc.aio.Channel]
):
    token = token_of("reporting")
    start = request_of(
        f"{JOBS}Run", {"org_id": str(organisation.id), "name": JOB, "request_id": str(uuid4())}
    )
    run = (await call(channels, f"{JOBS}Run", start, token)).run
    for org, is_there in ((organisation, True), (stranger, False)):
        listed = await call(
            channels, f"{JOBS}List", request_of(f"{JOBS}List", {"org_id": str(org.id)}), token
        )
        assert (run.id in {each.id for job in listed.jobs for each in job.runs}) == is_there

"""Budgets of requests: for login, refresh, an address, a person and an organisation (a tenth of the real ones here)."""

import contextlib
from collections.abc import Callable

import httpx2
import pytest

from gateway.render import limits
from gateway.settings import load
from gateway.testing.running import Gateway
from gateway.testing.tokens import Issuer

ClientOf = Callable[[Gateway], httpx2.Client]


def statuses(
    client: httpx2.Client, count: int, method: str = "GET", path: str = "/api/v1/deals"
) -> list[int]:
    return [client.request(method, path).status_code for _ in range(count)]


@pytest.mark.parametrize(
    ("path", "budget", "retry_after"),
    [("auth/login", 3, "20"), ("auth/refresh", 6, "10"), ("forms/Ab9-_", 6, "10")],
)
def test_what_takes_no_token_has_a_budget_for_each_address(
    gateway: Gateway, client: httpx2.Client, client_of: ClientOf, path: str, budget: int, retry_after: str
) -> None:
    assert statuses(client, budget, "POST", f"/api/v1/{path}") == [200] * budget
    refused = client.post(f"/api/v1/{path}")
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "TOO_MANY_REQUESTS"
    assert refused.headers["retry-after"] == retry_after
    assert refused.headers["x-ratelimit-limit"] == str(budget)
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert 0 < int(refused.headers["x-ratelimit-reset"]) <= int(retry_after)
    with client_of(gateway) as another:
        assert another.post(f"/api/v1/{path}").status_code == 200


def test_login_budget_leaves_the_rest_of_the_api_alone(signed_in: httpx2.Client) -> None:
    assert statuses(signed_in, 4, "POST", "/api/v1/auth/login")[-1] == 429
    assert signed_in.get("/api/v1/deals").status_code == 200


def test_address_has_a_budget_whoever_asks(
    client: httpx2.Client, gateway: Gateway, client_of: ClientOf
) -> None:
    answered = statuses(client, 123)
    assert answered[:120] == [401] * 120
    assert answered[-1] == 429
    with client_of(gateway) as another:
        assert another.get("/api/v1/deals").status_code == 401


def test_person_has_a_budget_wherever_they_are(gateway: Gateway, client_of: ClientOf, issuer: Issuer) -> None:
    headers = issuer.bearer(sub="one-person")
    with contextlib.ExitStack() as clients:
        answered = [
            clients.enter_context(client_of(gateway)).get("/api/v1/deals", headers=headers) for _ in range(62)
        ]
    assert [answer.status_code for answer in answered[:60]] == [200] * 60
    refused = answered[-1]
    assert refused.status_code == 429
    assert (refused.headers["retry-after"], refused.headers["x-ratelimit-limit"]) == ("1", "60")
    with client_of(gateway) as client:
        assert client.get("/api/v1/deals", headers=issuer.bearer(sub="another")).status_code == 200


def test_organisation_has_a_budget_over_all_its_people(
    gateway: Gateway, client_of: ClientOf, issuer: Issuer
) -> None:
    answered: list[int] = []
    for person in range(13):
        with client_of(gateway) as client:
            client.headers.update(issuer.bearer(sub=f"person-{person}", org="one-organisation"))
            answered += statuses(client, 50)
    assert answered[:600] == [200] * 600
    assert answered[-1] == 429
    with client_of(gateway) as client:
        assert client.get("/api/v1/deals", headers=issuer.bearer(org="another")).status_code == 200


def test_answers_tell_the_narrowest_budget_once(signed_in: httpx2.Client) -> None:
    headers = signed_in.get("/api/v1/deals").headers
    assert headers.get_list("x-ratelimit-limit") == ["60"]
    assert headers.get_list("x-ratelimit-remaining") == ["59"]
    assert headers.get_list("x-ratelimit-reset") == ["0"]
    assert "retry-after" not in headers


def test_budgets_are_those_of_the_design() -> None:
    budgets = {bucket.name: bucket.per_minute for group in limits(load("local")).values() for bucket in group}
    assert budgets == {
        "login": 30,
        "refresh": 60,
        "forms": 60,
        "address": 1_200,
        "user": 600,
        "organisation": 6_000,
    }


def test_test_environment_only_multiplies_the_rates() -> None:
    local, test = load("local"), load("test")
    assert local.model_copy(update={"rate_multiplier": 1000}) == test
    assert limits(test)["login"][0].per_minute == 30_000

"""The door for who has no account yet. It ignores Idempotency-Key: its answer is a credential."""

from typing import Annotated

from fastapi import Response
from pydantic import ConfigDict, StringConstraints

from chassis.errors import Denied
from chassis.http import API, router
from chassis.routing import public
from chassis.schema import In
from identity.http import cookies
from identity.http.auth import REFUSED, TokenOut
from identity.http.guards import Desk, Tenant
from identity.http.organisation_schemas import OrganisationIn
from identity.http.shapes import Email, Password, PersonName
from identity.reception import Opened
from identity.usecases import sign_up as use_case

sign_up = router("auth")

Name = Annotated[PersonName, StringConstraints(strip_whitespace=True)]


class SignUpIn(In):
    """A person and the organisation they found; a password is taken as it is, edge spaces included."""

    model_config = ConfigDict(str_strip_whitespace=False)

    name: Name
    email: Email
    password: Password
    organisation: OrganisationIn

    def newcomer(self) -> use_case.Newcomer:
        """Who wants in."""
        founded = self.organisation
        return use_case.Newcomer(self.name, self.email, self.password, founded.name, founded.slug)


@sign_up.post(
    "/auth/signup",
    name="signUp",
    response_model=TokenOut,
    status_code=201,
    openapi_extra=public(),
    responses=REFUSED,
)
async def register(body: SignUpIn, tenant: Tenant, desk: Desk, response: Response) -> Opened:
    """Make an account and an organisation, and sign in to it."""
    if tenant:
        raise Denied("This host belongs to another organisation.")
    opened = await use_case.sign_up(desk, body.newcomer())
    cookies.give(response, desk, opened)
    response.headers["location"] = f"{API}/auth/me"
    return opened

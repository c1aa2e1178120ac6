"""What the identity service is made of."""

import sys
from pathlib import Path

from chassis.cli import stop
from chassis.rpc import gateway_token
from chassis.runtime import Runtime
from chassis.service import Service
from clients.identity.copies import WATCHES
from identity.address_book import AddressBook
from identity.domain.accounts import EmailTaken
from identity.domain.ciphers import Unreadable
from identity.domain.domains import HostTaken
from identity.domain.members import AlreadyMember
from identity.domain.organisations import SlugTaken
from identity.domain.own_roles import RoleExists
from identity.domain.passkeys import PasskeyExists
from identity.domain.rows import Row
from identity.http.addresses import addresses
from identity.http.api_keys import api_keys
from identity.http.auth import auth
from identity.http.invitations import invitations, offers
from identity.http.keys import keys
from identity.http.me import me, permissions
from identity.http.members import organisation_members
from identity.http.modules import modules
from identity.http.oidc import oidc
from identity.http.organisations import organisations, policies
from identity.http.ownership import ownership
from identity.http.passkeys import passkeys
from identity.http.passwords import passwords
from identity.http.people import directory, users
from identity.http.platform import entrance, platform
from identity.http.preferences import preferences
from identity.http.roles import authz, roles
from identity.http.second_factors import factors
from identity.http.sessions import sessions
from identity.http.sign_up import sign_up
from identity.http.tenant_domains import tenant_domains
from identity.http.tenant_invitations import tenant_invitations
from identity.http.tenants import tenants
from identity.http.usage import usage
from identity.jobs import JOBS
from identity.keyring import OwnKeys
from identity.porter import Porter
from identity.providers import Providers
from identity.reception import Reception
from identity.rpc.identity_service import CALLERS, serve_identity
from identity.rules import look_up
from identity.settings import IdentitySettings
from identity.usecases import demo
from identity.usecases.platform_owners import ensure_first_owner, restore_first_owner
from identity.usecases.resealing import reseal_all

UNREADABLE_KEYS = (
    "identity cannot go on: IDENTITY_ENCRYPTION_KEY does not open the signing keys in the database"
)


async def prepare(runtime: Runtime) -> None:
    """Before the doors open: a signing key is there, and tokens are verified with our own keys."""
    reception = Reception.of(runtime)
    try:
        await reception.keyring.load()
    except Unreadable:
        stop(UNREADABLE_KEYS)
    runtime.parts[Reception] = reception
    await ensure_first_owner(reception)
    runtime.parts[AddressBook] = AddressBook(reception)
    runtime.parts[Porter] = Porter(reception, runtime.verifier.deny_list, runtime.tenants)
    runtime.parts[Providers] = Providers.of(runtime.part(IdentitySettings))
    runtime.verifier.keys = OwnKeys(reception.keyring)


async def seed(runtime: Runtime) -> None:
    """Make the demo organisations and their people, as far as they are not there yet (development only)."""
    if runtime.part(IdentitySettings).environment == "production":
        stop("demo data and demo passwords are refused where EXECOS_ENV is production")
    slugs = await demo.seed(Reception.of(runtime))
    sys.stdout.write(f"demo organisations: {', '.join(slugs)}, and a platform owner\n")


async def rotate_keys(runtime: Runtime) -> None:
    """Announce the next signing key; it signs as soon as every verifier knows it."""
    starts_at = await Reception.of(runtime).keyring.rotate()
    sys.stdout.write(f"the newest signing key signs from {starts_at.isoformat()}\n")


async def reseal(runtime: Runtime) -> None:
    """Seal with the present encryption key what the previous one has sealed; then that one can go."""
    try:
        resealed = await reseal_all(Reception.of(runtime))
    except Unreadable:
        stop(UNREADABLE_KEYS)
    sys.stdout.write(f"sealed anew: {resealed.done}\n")
    if resealed.unreadable:
        stop(
            f"no configured key opens {resealed.unreadable} seeds of authenticator apps; the log names whose"
        )


async def restore_owner(runtime: Runtime) -> None:
    """Let the first platform owner in again, with the password of the settings."""
    if not await restore_first_owner(Reception.of(runtime)):
        stop("IDENTITY_FIRST_OWNER_EMAIL and IDENTITY_FIRST_OWNER_PASSWORD name no platform owner")
    sys.stdout.write("the first platform owner signs in with the password of the settings\n")


async def show_gateway_token(runtime: Runtime) -> None:
    """Print what the gateway has to show when it asks about keys and hosts: a secret, for its configuration alone."""
    secret = runtime.part(IdentitySettings).service_secret.get_secret_value()
    sys.stdout.write(f"{gateway_token(secret)}\n")


IDENTITY = Service(
    name="identity",
    title="Execos identity",
    settings=IdentitySettings,
    metadata=Row.metadata,
    migrations=Path(__file__).parents[2] / "migrations",
    routers=[  # what is asked most comes first: the framework tries one after the other
        me,
        auth,
        sign_up,
        passwords,
        addresses,
        sessions,
        oidc,
        factors,
        passkeys,
        offers,
        permissions,
        users,
        organisation_members,
        ownership,
        invitations,
        roles,
        authz,
        directory,
        organisations,
        usage,
        policies,
        modules,
        preferences,
        keys,
        entrance,
        platform,
        tenants,
        tenant_domains,
        tenant_invitations,
        api_keys,
    ],
    constraints={
        "uq_organisation_slug": SlugTaken("This slug is taken."),
        "uq_role_org_id_key": RoleExists("The organisation has a role with this key."),
        "uq_domain_host": HostTaken("This host is taken."),
        "uq_user_account_email": EmailTaken("Somebody has this address."),
        "uq_passkey_credential_id": PasskeyExists("This authenticator is registered already."),
        "pk_membership": AlreadyMember("This person belongs to the organisation already."),
    },
    watches=WATCHES,
    rules_of=look_up,
    callers=CALLERS,
    serve_rpc=serve_identity,
    jobs=JOBS,
    commands={
        "seed": seed,
        "rotate-keys": rotate_keys,
        "reseal": reseal,
        "restore-owner": restore_owner,
        "gateway-token": show_gateway_token,
    },
    prepare=prepare,
)

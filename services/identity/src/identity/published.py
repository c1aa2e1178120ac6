"""Facts out: one function per fact, and the snapshots that facts and answers share."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from chassis.tx import Fact
from execos.identity.v1.events_pb2 import (
    ApiKeyCreated,
    ApiKeyRevoked,
    ApiKeyRotated,
    DomainAdded,
    DomainRemoved,
    LoginFailed,
    MemberInvited,
    MemberJoined,
    MemberReactivated,
    MemberRemoved,
    MemberRoleChanged,
    MemberSuspended,
    MemberUpdated,
    ModuleDisabled,
    ModuleEnabled,
    OrganisationActivated,
    OrganisationArchived,
    OrganisationCreated,
    OrganisationDeactivated,
    OrganisationDeleted,
    OrganisationUpdated,
    PoliciesChanged,
    RoleCreated,
    RoleDeleted,
    RoleUpdated,
    SecurityEventRaised,
    SessionRefreshed,
    SessionReuseDetected,
    SessionRevoked,
    SessionStarted,
    UserDeactivated,
    UserRegistered,
    UserUpdated,
)
from execos.identity.v1.snapshots_pb2 import (
    ApiKeySnapshot,
    DomainSnapshot,
    MemberSnapshot,
    OrganisationSnapshot,
    RoleSnapshot,
    UserSnapshot,
)
from execos.identity.v1.snapshots_pb2 import LegalProfile as LegalMessage
from execos.identity.v1.snapshots_pb2 import Policies as PoliciesMessage
from execos.platform.v1.values_pb2 import Address
from identity.domain.accounts import Account
from identity.domain.api_keys import ApiKey
from identity.domain.domains import Domain
from identity.domain.invitations import Invitation
from identity.domain.legal import LegalProfile
from identity.domain.members import Membership
from identity.domain.organisation_rows import OrganisationRows
from identity.domain.organisations import Organisation
from identity.domain.own_roles import Rights
from identity.domain.policies import DEFAULTS, Policies
from identity.domain.security_events import SecurityEvent
from identity.domain.sessions import Session

LEGAL_TEXTS = (
    "legal_name",
    "vat_id",
    "tax_id",
    "registration_number",
    "iban",
    "bic",
    "email",
    "phone",
    "invoice_note",
)


def organisation_created(rows: OrganisationRows) -> Fact:
    """An organisation exists."""
    return _about_organisation(rows, OrganisationCreated(organisation=organisation_snapshot(rows)))


def organisation_updated(rows: OrganisationRows) -> Fact:
    """Something but the policies changed."""
    return _about_organisation(rows, OrganisationUpdated(organisation=organisation_snapshot(rows)))


def organisation_activated(rows: OrganisationRows) -> Fact:
    """Its members may work."""
    return _about_organisation(rows, OrganisationActivated(organisation=organisation_snapshot(rows)))


def organisation_deactivated(rows: OrganisationRows) -> Fact:
    """Nobody is let in for now."""
    return _about_organisation(rows, OrganisationDeactivated(organisation=organisation_snapshot(rows)))


def organisation_archived(rows: OrganisationRows) -> Fact:
    """Nobody is let in any more."""
    return _about_organisation(rows, OrganisationArchived(organisation=organisation_snapshot(rows)))


def organisation_deleted(organisation: Organisation) -> Fact:
    """Its data is gone here; every other service deletes it too."""
    version = organisation.version + 1
    message = OrganisationDeleted(
        organisation_id=str(organisation.id), version=version, slug=organisation.slug
    )
    return Fact(message, organisation.id, version)


def domain_added(domain: Domain) -> Fact:
    """A host leads to the organisation."""
    return Fact(DomainAdded(domain=domain_snapshot(domain)), domain.id, domain.version)


def domain_removed(domain: Domain) -> Fact:
    """A host leads to it no more."""
    return Fact(DomainRemoved(domain=domain_snapshot(domain)), domain.id, domain.version)


def user_updated(account: Account) -> Fact:
    """Something about a person changed, wherever they work."""
    return Fact(UserUpdated(user=user_snapshot(account)), account.id, account.version)


def user_deactivated(account: Account) -> Fact:
    """A person may sign in nowhere."""
    return Fact(UserDeactivated(user=user_snapshot(account)), account.id, account.version)


def policies_changed(rows: OrganisationRows) -> Fact:
    """The policies changed."""
    return _about_organisation(rows, PoliciesChanged(organisation=organisation_snapshot(rows)))


def module_enabled(rows: OrganisationRows, code: str) -> Fact:
    """A module is on now."""
    return _about_organisation(rows, ModuleEnabled(organisation=organisation_snapshot(rows), code=code))


def module_disabled(rows: OrganisationRows, code: str) -> Fact:
    """A module is off now."""
    return _about_organisation(rows, ModuleDisabled(organisation=organisation_snapshot(rows), code=code))


def member_invited(member: Membership, invitation: Invitation) -> Fact:
    """Somebody was invited, or is sent another link."""
    message = MemberInvited(
        member=member_snapshot(member), invitation_id=str(invitation.id), generation=invitation.generation
    )
    return _about_member(member, message)


def member_joined(member: Membership) -> Fact:
    """Somebody is a member now."""
    inviter = str(member.invited_by_user_id) if member.invited_by_user_id else None
    return _about_member(member, MemberJoined(member=member_snapshot(member), invited_by_user_id=inviter))


def member_updated(member: Membership) -> Fact:
    """The name or title changed."""
    return _about_member(member, MemberUpdated(member=member_snapshot(member)))


def member_role_changed(member: Membership) -> Fact:
    """The role changed."""
    return _about_member(member, MemberRoleChanged(member=member_snapshot(member)))


def member_suspended(member: Membership) -> Fact:
    """The membership lets nobody in for now."""
    return _about_member(member, MemberSuspended(member=member_snapshot(member)))


def member_reactivated(member: Membership) -> Fact:
    """A suspension ended."""
    return _about_member(member, MemberReactivated(member=member_snapshot(member)))


def member_removed(member: Membership) -> Fact:
    """The membership ended."""
    return _about_member(member, MemberRemoved(member=member_snapshot(member)))


def user_registered(account: Account) -> Fact:
    """A person can sign in from now on."""
    return Fact(UserRegistered(user=user_snapshot(account)), account.id, account.version)


def role_created(rights: Rights) -> Fact:
    """The organisation has a role of its own."""
    return _about_role(rights, RoleCreated(role=role_snapshot(rights)))


def role_updated(rights: Rights) -> Fact:
    """A role is another now."""
    return _about_role(rights, RoleUpdated(role=role_snapshot(rights)))


def role_deleted(rights: Rights) -> Fact:
    """A role is gone."""
    return _about_role(rights, RoleDeleted(role=role_snapshot(rights)))


def session_started(session: Session) -> Fact:
    """Somebody signed in."""
    message = SessionStarted(session_id=str(session.id), user_id=str(session.user_id))
    message.at.FromDatetime(session.created_at)
    return Fact(message, session.id, session.version)


def session_refreshed(session: Session) -> Fact:
    """A session goes on with a new refresh token."""
    message = SessionRefreshed(session_id=str(session.id), user_id=str(session.user_id))
    message.at.FromDatetime(session.updated_at)
    return Fact(message, session.id, session.version)


def session_revoked(session: Session) -> Fact:
    """A session ended; every service refuses its tokens."""
    message = SessionRevoked(
        session_id=str(session.id), user_id=str(session.user_id), reason=session.end_reason or ""
    )
    message.at.FromDatetime(session.updated_at)
    return Fact(message, session.id, session.version)


def session_reuse_detected(session: Session, ip: str | None) -> Fact:
    """An old refresh token was used again."""
    message = SessionReuseDetected(session_id=str(session.id), user_id=str(session.user_id), ip=ip or "")
    message.at.FromDatetime(session.updated_at)
    return Fact(message, session.id, session.version)


def login_failed(user_id: UUID, attempts: int, ip: str | None, since: datetime, until: datetime) -> Fact:
    """Attempts to sign in as somebody failed."""
    message = LoginFailed(user_id=str(user_id), attempts=attempts, ip=ip or "")
    message.since.FromDatetime(since)
    message.until.FromDatetime(until)
    return Fact(message, user_id, 0)


def api_key_created(key: ApiKey) -> Fact:
    """A key exists."""
    return Fact(ApiKeyCreated(api_key=api_key_snapshot(key)), key.id, key.version)


def api_key_rotated(key: ApiKey, replaced: ApiKey) -> Fact:
    """A key has a successor; the fact is about the new one."""
    message = ApiKeyRotated(api_key=api_key_snapshot(key), replaced_id=str(replaced.id))
    message.replaced_until.FromDatetime(replaced.revoked_at or replaced.expires_at)
    return Fact(message, key.id, key.version)


def api_key_revoked(key: ApiKey) -> Fact:
    """A key opens nothing any more."""
    return Fact(ApiKeyRevoked(api_key=api_key_snapshot(key)), key.id, key.version)


def security_event_raised(
    event: SecurityEvent, user_agent: str | None, *, former_email: str | None = None
) -> Fact:
    """Something that should not have happened; whom it concerns is warned by mail, with the browser behind it."""
    message = SecurityEventRaised(
        id=str(event.id),
        type=event.type,
        severity=event.severity,
        description=event.description,
        user_id=str(event.user_id) if event.user_id else None,
        ip=event.ip,
        user_agent=user_agent,
        former_email=former_email,
    )
    message.at.FromDatetime(event.at)
    return Fact(message, event.id, 1)


def organisation_snapshot(rows: OrganisationRows) -> OrganisationSnapshot:
    """What others may know of an organisation."""
    organisation = rows.organisation
    message = OrganisationSnapshot(
        id=str(organisation.id),
        version=organisation.version,
        name=organisation.name,
        slug=organisation.slug,
        status=organisation.status,
        time_zone=organisation.time_zone,
        currency=organisation.currency,
        locale=organisation.locale,
        modules=organisation.modules,
        features=organisation.features,
        legal=legal_message(rows.legal) if rows.legal else None,
        policies=policies_message(rows.policies),
    )
    message.created_at.FromDatetime(organisation.created_at)
    message.updated_at.FromDatetime(organisation.updated_at)
    return message


def api_key_snapshot(key: ApiKey, scopes: Sequence[str] | None = None) -> ApiKeySnapshot:
    """What others may know of a key; `scopes` instead of its own where they are narrower in effect."""
    message = ApiKeySnapshot(
        id=str(key.id),
        version=key.version,
        name=key.name,
        prefix=key.prefix,
        last_four=key.last_four,
        scopes=key.scopes if scopes is None else scopes,
        created_by_user_id=str(key.created_by_user_id),
    )
    message.expires_at.FromDatetime(key.expires_at)
    return message


def policies_message(policies: Policies) -> PoliciesMessage:
    """The policies as facts and answers carry them."""
    values: dict[str, Any] = {name: getattr(policies, name) for name in DEFAULTS}
    return PoliciesMessage(**values)


def legal_message(legal: LegalProfile) -> LegalMessage:
    """The legal profile as facts and answers carry it."""
    texts: dict[str, Any] = {name: getattr(legal, name) for name in LEGAL_TEXTS}
    address = {name: value or "" for name, value in legal.address.items()}
    return LegalMessage(**texts, address=Address(**address), payment_terms_days=legal.payment_terms_days)


def member_snapshot(member: Membership) -> MemberSnapshot:
    """What others may know of a member."""
    message = MemberSnapshot(
        user_id=str(member.id),
        version=member.version,
        name=member.name,
        email=member.email,
        role=member.role,
        status=member.status,
        title=member.title,
    )
    if member.joined_at is not None:
        message.joined_at.FromDatetime(member.joined_at)
    message.updated_at.FromDatetime(member.updated_at)
    return message


def domain_snapshot(domain: Domain) -> DomainSnapshot:
    """What others may know of a domain."""
    return DomainSnapshot(
        id=str(domain.id), version=domain.version, host=domain.host, is_primary=domain.is_primary
    )


def user_snapshot(account: Account) -> UserSnapshot:
    """What others may know of a person, whatever organisations they belong to."""
    return UserSnapshot(
        id=str(account.id),
        version=account.version,
        name=account.name,
        email=account.email,
        is_active=account.is_active,
        time_zone=account.time_zone,
        locale=account.locale,
    )


def role_snapshot(rights: Rights) -> RoleSnapshot:
    """What others may know of a role."""
    return RoleSnapshot(
        id=str(rights.row.id),
        version=rights.row.version,
        key=rights.key,
        name=rights.name,
        permissions=sorted(rights.permissions),
        is_system=rights.is_system,
    )


def _about_organisation(rows: OrganisationRows, message: Message) -> Fact:
    return Fact(message, rows.organisation.id, rows.organisation.version)


def _about_member(member: Membership, message: Message) -> Fact:
    return Fact(message, member.id, member.version)


def _about_role(rights: Rights, message: Message) -> Fact:
    return Fact(message, rights.row.id, rights.row.version)

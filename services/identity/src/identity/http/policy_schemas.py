"""What doors about policies take and answer."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StrictBool, computed_field, model_validator

from chassis.schema import In, Instant, Out, absent
from identity.domain.policies import MAX_ADDRESSES, RANGES, Policies
from identity.http.shapes import Network

READ_ONLY = frozenset({"id", "orgId", "version", "createdAt", "updatedAt"})
SecondFactor = Literal["off", "admins", "all"]
SWITCH = frozenset({"auto_work_item_on_deal_won", "autopilot_create_work_on_deal_stage_change"})
"""One policy under two names; the second is the reference's."""


def _within(name: str) -> Any:
    least, greatest = RANGES[name]
    return Field(ge=least, le=greatest, strict=True)


class PoliciesIn(In):
    """All policies, as `GET` answers them: read-only fields are ignored, those the reference lacks may be left out."""

    lock_invoice_on_sent: StrictBool
    overdue_after_days: Annotated[int, _within("overdue_after_days")]
    default_work_due_days: Annotated[int, _within("default_work_due_days")]
    stale_deal_after_days: Annotated[int, _within("stale_deal_after_days")]
    lead_stale_after_hours: Annotated[int, _within("lead_stale_after_hours")]
    require_deal_owner: StrictBool
    require_work_owner: StrictBool
    require_work_due_date: StrictBool
    auto_lock_invoice_after_days: Annotated[int, _within("auto_lock_invoice_after_days")]
    prevent_invoice_unlock_after_partial_payment: StrictBool
    autopilot_enabled: StrictBool
    autopilot_nudge_on_overdue: StrictBool
    autopilot_auto_stale_deals: StrictBool
    audit_retention_days: Annotated[int, _within("audit_retention_days")]
    security_event_retention_days: Annotated[int, _within("security_event_retention_days")]
    ip_restriction_enabled: StrictBool = absent()
    ip_allowlist: Annotated[list[Network], Field(max_length=MAX_ADDRESSES)] = absent()
    auto_work_item_on_deal_won: StrictBool = absent()
    autopilot_create_work_on_deal_stage_change: Annotated[
        StrictBool, Field(description="The same as autoWorkItemOnDealWon; one of the two must be there.")
    ] = absent()
    allow_zero_invoices: StrictBool = absent()
    create_invoice_on_deal_won: StrictBool = absent()
    password_min_length: Annotated[int, _within("password_min_length")] = absent()
    require_second_factor: SecondFactor = absent()
    session_idle_days: Annotated[int, _within("session_idle_days")] = absent()
    require_verified_email: StrictBool = absent()

    @model_validator(mode="before")
    @classmethod
    def _without_read_only(cls, given: Any) -> Any:
        return (
            {key: value for key, value in given.items() if key not in READ_ONLY}
            if isinstance(given, dict)
            else given
        )

    @model_validator(mode="after")
    def _has_switch(self) -> Self:
        if SWITCH.isdisjoint(self.model_fields_set):
            raise ValueError("autoWorkItemOnDealWon or autopilotCreateWorkOnDealStageChange must be given")
        return self

    def values_over(self, stored: Policies) -> dict[str, Any]:
        """The new values by column; of two names for one switch, the one that differs from what is stored."""
        given = self.changes()
        named = {given.pop(name) for name in SWITCH & given.keys()}
        changed = named - {stored.auto_work_item_on_deal_won}
        return given | {
            "auto_work_item_on_deal_won": changed.pop() if changed else stored.auto_work_item_on_deal_won
        }


class PoliciesOut(Out):
    """The policies of the organisation."""

    id: UUID
    version: int
    created_at: Instant
    updated_at: Instant
    lock_invoice_on_sent: bool
    overdue_after_days: int
    default_work_due_days: int
    stale_deal_after_days: int
    lead_stale_after_hours: int
    require_deal_owner: bool
    require_work_owner: bool
    require_work_due_date: bool
    auto_lock_invoice_after_days: int
    prevent_invoice_unlock_after_partial_payment: bool
    allow_zero_invoices: bool
    create_invoice_on_deal_won: bool
    auto_work_item_on_deal_won: bool
    autopilot_enabled: bool
    autopilot_nudge_on_overdue: bool
    autopilot_auto_stale_deals: bool
    audit_retention_days: int
    security_event_retention_days: int
    ip_restriction_enabled: bool
    ip_allowlist: list[str]
    password_min_length: int
    require_second_factor: SecondFactor
    session_idle_days: int
    require_verified_email: bool

    @computed_field  # type: ignore[prop-decorator]  # mypy does not support decorated properties
    @property
    def autopilot_create_work_on_deal_stage_change(self) -> bool:
        """The same as autoWorkItemOnDealWon, for reference clients."""
        return self.auto_work_item_on_deal_won

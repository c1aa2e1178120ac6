"""What becomes of two companies that are one: whose value counts, and how it is all undone."""

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from chassis.errors import Conflict
from sales.domain.companies import Company

Choice = str
"""`a` is what survives, `b` what is merged into it."""

CHOSEN = (
    "name",
    "industry",
    "website",
    "phone",
    "email",
    "legal_name",
    "vat_id",
    "address",
    "owner_user_id",
)
"""The fields whose value can be chosen."""
LABELS = ("tags", "custom_fields")
MAX_MOVED = 10_000
"""Rows that one merge moves at most: they are one transaction, which must end within the time of a request."""


class NotMergeable(Conflict):
    """Only live companies that have gone into no other one are merged."""

    reason = "COMPANY_ARCHIVED"


class MergeTooLarge(Conflict):
    """More belongs to the company than one merge moves."""

    reason = "MERGE_TOO_LARGE"


class MergeReverted(Conflict):
    """A merge is undone once."""

    reason = "MERGE_ALREADY_REVERTED"


class MergeOutlived(Conflict):
    """One of the two companies is no longer what the merge made of it."""

    reason = "MERGE_OUTLIVED"


def check_size(moves: Mapping[str, int]) -> None:
    """Raise MergeTooLarge when these rows, how many of each kind, are more than one merge moves."""
    if sum(moves.values()) > MAX_MOVED:
        raise MergeTooLarge(
            "More belongs to the company than one merge moves.", moves=dict(moves), limit=MAX_MOVED
        )


def check_mergeable(*companies: Any) -> None:
    """Raise NotMergeable unless all of them, as they are stored or shown, are live."""
    for company in companies:
        if company.archived_at is not None:
            into = {"mergedIntoId": str(company.merged_into_id)} if company.merged_into_id else {}
            raise NotMergeable(
                "The company is archived or has been merged.", companyId=str(company.id), **into
            )


def united(survivor: Any, merged: Any, choices: Mapping[str, Choice]) -> dict[str, Any]:
    """The fields of what survives: as they are chosen, else its own, filled up with the other's."""
    fields = {name: _chosen(survivor, merged, name, choices.get(name)) for name in CHOSEN}
    own = {tag.casefold() for tag in survivor.tags}
    tags = [*survivor.tags, *(tag for tag in merged.tags if tag.casefold() not in own)]
    custom = dict(merged.custom_fields)
    custom |= {key: value for key, value in survivor.custom_fields.items() if value is not None}
    return {**fields, "tags": tags, "custom_fields": custom}


def taken(company: Company) -> dict[str, Any]:
    """The fields that a merge may change, as JSON."""
    values = {name: getattr(company, name) for name in (*CHOSEN, *LABELS)}
    owner = values["owner_user_id"]
    return values | {"owner_user_id": None if owner is None else str(owner)}


def give_back(company: Company, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The values that undo a merge: of fields that are still as the merge left them."""
    now = taken(company)
    return {name: before[name] for name in before if before[name] != after[name] and now[name] == after[name]}


def wire_names() -> dict[str, str]:
    """The fields that can be chosen, by API name."""
    return {to_camel(name): name for name in CHOSEN}


def _chosen(survivor: Any, merged: Any, name: str, choice: Choice | None) -> Any:
    own, other = getattr(survivor, name), getattr(merged, name)
    if choice == "b":
        return other
    return other if own is None and choice is None else own

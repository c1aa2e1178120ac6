"""The committed example of every fact: where it is, what it must cover, and a first draft for a new one.

`python -m tests.contract.golden` writes the examples that are missing; those that are there are promises and stay.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from tests.contract.operations import contract_modules
from tests.contract.platform import ORDER

from chassis.facts import PLATFORM, fact_type, to_dict
from execos.platform.v1.options_pb2 import fact as FACT  # noqa: N812 - an extension is a constant

FOLDER = Path(__file__).parent / "golden"
INSTANT = "2026-03-10T12:00:00Z"
EXAMPLES: Mapping[str, Any] = {
    "ContactSnapshot.name": "Jutta Brandt",
    "DealSnapshot.stage": "WON",
    "LeadSnapshot.stage": "QUALIFIED",
    "ItemSnapshot.status": "DONE",
    "ItemSnapshot.kind": "delivery",
    "InvoiceSnapshot.status": "SENT",
    "MemberSnapshot.status": "active",
    "OrganisationSnapshot.status": "active",
    "Policies.ip_allowlist": ["203.0.113.0/24"],
    "Policies.require_second_factor": "off",
    "Actor.kind": "user",
    "EmailSnapshot.type": "invoice.sent",
    "EmailSnapshot.message_id": "<0190@execos.example>",
    "NotificationCreated.type": "deal.won",
    "SecurityEventRaised.type": "session.reuse_detected",
    "Actor.name": "Olga Owner",
    "MemberSnapshot.name": "Olga Owner",
    "UserSnapshot.name": "Olga Owner",
    "line1": "Hafen 1",
    "line2": "Tor 3",
    "postal_code": "20457",
    "city": "Hamburg",
    "tax_id": "27/123/45678",
    "registration_number": "HRB 12345",
    "phone": "+49 40 123456",
    "invoice_note": "Thank you.",
    "lost_reason": "too dear",
    "won_reason": "the shorter delivery",
    "disqualified_reason": "no budget",
    "reason": "a typing error",
    "reference": "PO 4711",
    "error": "550 no such mailbox",
    "name": "Brandt GmbH",
    "legal_name": "Brandt GmbH & Co. KG",
    "title": "Retrofit of press line 3",
    "slug": "acme",
    "email": "person@example.com",
    "buyer_email": "buyer@example.com",
    "currency": "EUR",
    "minor": 120_000,
    "country": "DE",
    "time_zone": "Europe/Berlin",
    "locale": "en",
    "modules": ["billing", "sales"],
    "features": ["api-keys"],
    "code": "billing",
    "DomainSnapshot.host": "crm.example.com",
    "ApiKeySnapshot.name": "Web shop",
    "RoleSnapshot.name": "Controlling",
    "prefix": "exk_live_4fJ2",
    "last_four": "9xQz",
    "scopes": ["deals:read"],
    "tags": ["VIP"],
    "reasons": ["EMAIL"],
    "mentioned_user_ids": ["01890000-0000-7000-8000-000000000009"],
    "newly_mentioned_user_ids": ["01890000-0000-7000-8000-000000000009"],
    "permissions": ["invoices:read"],
    "key": "CONTROLLER",
    "EmailVerificationRequested.kind": "EMAIL_VERIFICATION",
    "role": "SALES_MANAGER",
    "source": "fair",
    "priority": 2,
    "method": "bank_transfer",
    "invoice_number": "INV-2026-00042",
    "before_json": '{"title":"Before"}',
    "after_json": '{"title":"After"}',
    "entity_type": "DEAL",
    "action": "UPDATE",
    "permission": "deals:write",
    "path": "/api/v1/deals",
    "ip": "203.0.113.7",
    "user_agent": "Browser/1.0",
    "iban": "DE02120300000000202051",
    "bic": "BYLADEM1001",
    "vat_id": "DE123456789",
    "severity": "high",
    "date_key": "2026-03-10",
    "score": 83,
    "yesterday_score": 90,
}


def declared() -> dict[str, type[Message]]:
    """Every fact that a service may publish, with its message; the platform's own by each of the six contexts."""
    found: dict[str, type[Message]] = {}
    for module in contract_modules():
        for descriptor in module.DESCRIPTOR.message_types_by_name.values():
            if descriptor.GetOptions().Extensions[FACT]:
                message = message_factory.GetMessageClass(descriptor)
                owner = descriptor.file.package.split(".")[1]
                for context in ORDER if owner == PLATFORM else (owner,):
                    found[fact_type(message, context)] = message
    return found


def examples() -> dict[str, Any]:
    """The committed payloads by type; of the platform's own facts there is one, as sales publishes it."""
    return {path.stem: orjson.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))}


def example_of(event_type: str) -> Any:
    """The committed payload of a type."""
    known = examples()
    return known.get(event_type) or known["sales." + event_type.partition(".")[2]]


def parsed(event_type: str, payload: Any) -> Message:
    """The message of a payload; ParseError when a field of it is not declared (any more)."""
    return ParseDict(payload, declared()[event_type]())


def uncovered(message: Message, path: str = "") -> Iterator[str]:
    """The fields that an example does not show."""
    shown = {field.name: value for field, value in message.ListFields()}
    for field in message.DESCRIPTOR.fields:
        where = f"{path}{field.name}"
        if field.type == FieldDescriptor.TYPE_BOOL:
            continue  # false is a value
        if field.name not in shown:
            yield where
        elif field.type == FieldDescriptor.TYPE_MESSAGE and _is_ours(field.message_type):
            parts = shown[field.name] if field.is_repeated else [shown[field.name]]
            for part in parts:
                yield from uncovered(part, f"{where}.")


def _draft(descriptor: Any) -> dict[str, Any]:
    return {field.json_name: _value(field, descriptor.name) for field in descriptor.fields}


def _value(field: FieldDescriptor, owner: str) -> Any:
    named = f"{owner}.{field.name}"
    if named in EXAMPLES or (field.name in EXAMPLES and field.type != FieldDescriptor.TYPE_MESSAGE):
        return EXAMPLES.get(named, EXAMPLES.get(field.name))
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return _draft(field.message_type) if _is_ours(field.message_type) else INSTANT
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text(field.name, named)
    return 7


def _text(name: str, named: str) -> str:
    if name == "id" or name.endswith("_id"):
        return str(uuid5(NAMESPACE_URL, named))
    if name.endswith(("_date", "_on")):
        return INSTANT[:10]
    return name.replace("_", " ")


def _is_ours(descriptor: Any) -> bool:
    package: str = descriptor.file.package
    return package.startswith("execos.")


def main() -> None:
    """Draft what is missing."""
    for event_type, message in declared().items():
        path = FOLDER / f"{event_type}.json"
        owner = message.DESCRIPTOR.file.package.split(".")[1]
        if not path.exists() and (owner != PLATFORM or event_type.startswith("sales.")):
            drafted = to_dict(ParseDict(_draft(message.DESCRIPTOR), message()))
            path.write_bytes(orjson.dumps(drafted, option=orjson.OPT_INDENT_2) + b"\n")
            sys.stdout.write(f"{path.name} drafted: look at it before you commit it\n")


if __name__ == "__main__":
    main()

"""A form with a file, read as it comes in: what is long goes to a file of its own, never into memory."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO, Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from chassis.errors import Invalid, TooLarge
from chassis.guards import DIGEST_KEY
from sales.domain.imports import Entity

MAX_BYTES = 50 * 1024 * 1024
MAX_NAME = 255
MAX_FIELD = 1024
PIECE = 1024 * 1024
FORM = {
    "type": "object",
    "required": ["entity", "file"],
    "properties": {
        "entity": {"type": "string", "enum": [entity.value for entity in Entity]},
        "file": {"type": "string", "format": "binary", "description": "CSV or XLSX."},
    },
}
PLURALS = {
    "companies": Entity.COMPANY,
    "contacts": Entity.CONTACT,
    "leads": Entity.LEAD,
    "deals": Entity.DEAL,
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody sent, and what its rows are to become."""

    entity: Entity
    file_name: str
    file: IO[bytes]


async def uploaded(request: Request) -> AsyncIterator[Upload]:
    """The form of an import; stands after the actor and before the transaction. Invalid when it is none."""
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=1, max_fields=2, max_part_size=MAX_FIELD
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Invalid.field("body", f"cannot be read: {error.message}") from None
    except (KeyError, UnicodeDecodeError, ValueError):
        raise Invalid.field("body", "is no multipart form") from None
    try:
        upload = _upload(form)
        request.scope[DIGEST_KEY] = _digest(upload)
        yield upload
    finally:
        await form.close()


def _upload(form: FormData) -> Upload:
    issues = _issues(form)
    entity, file = form.get("entity"), form.get("file")
    chosen = PLURALS.get(str(entity)) or next((each for each in Entity if each == entity), None)
    if chosen is None:
        issues.append({"field": "entity", "issues": [f"must be one of {', '.join(Entity)}"]})
    if not isinstance(file, UploadFile):
        issues.append({"field": "file", "issues": ["must be a file"]})
    if issues or chosen is None or not isinstance(file, UploadFile):
        raise Invalid(fields=issues)
    return Upload(chosen, _name(file.filename), _on_disk(file))


def _issues(form: FormData) -> list[dict[str, Any]]:
    """What is wrong with the names of a form's fields."""
    given = Counter(name for name, _ in form.multi_items())
    unknown = [name for name in given if name not in FORM["properties"]]
    repeated = [name for name, times in given.items() if times > 1]
    return [
        *({"field": name, "issues": ["is not a known field"]} for name in unknown),
        *({"field": name, "issues": ["may be given only once"]} for name in repeated),
    ]


def _name(given: str | None) -> str:
    """What people call the file: no path, nothing that is not printed."""
    name = (given or "").replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in name if each.isprintable())[-MAX_NAME:] or "file"


def _on_disk(file: UploadFile) -> Any:
    """The file with a descriptor, which another process can read; TooLarge when it is longer than it may be."""
    if (file.size or 0) > MAX_BYTES:
        raise TooLarge(f"The file is larger than {MAX_BYTES // PIECE} MiB.")
    spooled: Any = file.file
    spooled.rollover()
    return spooled


def _digest(upload: Upload) -> bytes:
    """What makes two uploads the same, whatever boundary their client has drawn."""
    digest = hashlib.sha256(f"{upload.entity}\n{upload.file_name}\n".encode())
    upload.file.seek(0)
    while piece := upload.file.read(PIECE):
        digest.update(piece)
    return digest.digest()

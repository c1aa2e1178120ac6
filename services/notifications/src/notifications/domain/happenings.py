"""What happened, put so that people can be told: of which type, about what, concerning whom."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from uuid import UUID

from chassis.money import Money
from notifications.domain.access import SYSTEM, Entity, may_read
from notifications.domain.catalogue import CATALOGUE, Kind, NoticeType, Party
from notifications.domain.language import Language

TITLE_LENGTH = 400
BODY_LENGTH = 1000
SEPARATOR = " · "
CUT = "…"
DUE = {"en": "due {}", "de": "fällig {}", "fr": "échéance {}"}
NOT_MAILED = {
    "en": "not mailed: the buyer has no e-mail address",
    "de": "nicht gemailt: der Käufer hat keine E-Mail-Adresse",
    "fr": "non envoyé par e-mail : l'acheteur n'a pas d'adresse",
}


@dataclass(frozen=True, slots=True)
class Details:
    """What is worth saying in one line beside the name; what is None is left out."""

    subject: str
    company: str | None = None
    amount: Money | None = None
    due_on: date | None = None
    note: str | None = None
    is_unmailable: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened and the people it concerns by name."""

    type: NoticeType
    entity_id: UUID
    details: Details
    parties: Mapping[Party, UUID | None] = field(default_factory=dict)
    about: Entity | None = None

    @property
    def kind(self) -> Kind:
        """Its row of the catalogue."""
        return CATALOGUE[self.type]

    @property
    def entity(self) -> Entity:
        """What it is about."""
        return self.about or self.kind.entity

    @property
    def concerned(self) -> frozenset[UUID]:
        """The people whom the type tells because of what they are to the entity."""
        people = (self.parties.get(party) for party in self.kind.parties)
        return frozenset(person for person in people if person is not None)

    def recipients(self, members: Sequence["Candidate"], actor_id: UUID | None) -> list[UUID]:
        """Who of these members is told: active, allowed to read the entity, and not the one who did it.

        Somebody concerned who is not among them is told too: their membership has not arrived here yet, and what they
        may not read is not shown to them anyway.
        """
        kind, concerned = self.kind, self.concerned
        told = {
            member.id
            for member in members
            if member.status == "active"
            and may_read(member.role, self.entity, member.permissions)
            and (member.id in concerned or member.is_one_of(kind))
        }
        unknown = concerned - {member.id for member in members}
        return sorted((told | unknown) - {actor_id})

    def title(self, language: Language) -> str:
        """One line that says what happened."""
        template: str = getattr(self.kind.titles, language.code)
        room = TITLE_LENGTH - len(template)
        return template.format(subject=shorten(self.details.subject, room))

    def body(self, language: Language) -> str:
        """Company, amount, date and note, as far as they are known."""
        details = self.details
        parts = [
            details.company,
            details.amount and language.money(details.amount),
            details.due_on and DUE[language.code].format(language.day(details.due_on)),
            details.note,
            NOT_MAILED[language.code] if details.is_unmailable else None,
        ]
        return shorten(SEPARATOR.join(part for part in parts if part), BODY_LENGTH)


class Candidate(NamedTuple):
    """A member as far as deciding needs them."""

    id: UUID
    role: str
    status: str
    permissions: Collection[str] | None = None
    """What the role may do where the organisation has defined or changed it; None for a system role as it always is."""

    def is_one_of(self, kind: Kind) -> bool:
        """Whether the role is one of those that the type tells."""
        if self.role in SYSTEM:
            return self.role in kind.roles
        return not kind.duties.isdisjoint(self.permissions or ())


def shorten(text: str, length: int) -> str:
    """At most that many characters, with a sign where something was cut."""
    return text if len(text) <= length else text[: length - len(CUT)] + CUT

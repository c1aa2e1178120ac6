"""What can be done with tags: the dictionary's words, and how rows carry them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from chassis.errors import Unavailable
from chassis.tx import Tx
from sales.domain.rows import TAGS, Values, assign, newborn
from sales.domain.tags import Tag, renamed
from sales.store import forms, tags, views

ATTEMPTS = 3


async def create_tag(tx: Tx, values: Values) -> Any:
    """A new word; TagExists when there is one of that name, ignoring case."""
    tag = Tag(**newborn(tx.actor.org_id, tx.now), **values)
    tx.add(tag)
    tx.record(tag, "CREATE")
    return await tags.show(tx, tag.org_id, tag.id)


async def change_tag(tx: Tx, tag_id: UUID, values: Values) -> Any:
    """Another name, which every row, view and form that has it takes on at once, or another colour."""
    tag = await tags.lock(tx.session, tx.actor.org_id, tag_id)
    tx.expect(tag)
    name = tag.name
    assign(tag, values)
    if tx.record(tag, "UPDATE") and tag.name != name:
        await tx.flush()  # what is refused because of its name is refused before any row is touched
        await tags.rename(tx.session, tag.org_id, name, tag.name)
        await _rename_where_it_is_named(tx, name, tag.name)
    return await tags.show(tx, tag.org_id, tag_id)


async def delete_tag(tx: Tx, tag_id: UUID) -> None:
    """No row carries it any more, no view looks for it and no form gives it."""
    tag = await tags.lock(tx.session, tx.actor.org_id, tag_id)
    tx.expect(tag)
    await tags.take_off(tx.session, tag.org_id, tag.name)
    await _rename_where_it_is_named(tx, tag.name, None)
    tx.record(tag, "DELETE")
    await tx.session.delete(tag)


async def tagged_values(tx: Tx, values: Values) -> Values:
    """What a client sent, its tags as the dictionary writes them, which learns what it has not.

    The tags are held before the row, as those who rename one do: else they could wait for each other.
    """
    return {**values, TAGS: await keep_names(tx, values[TAGS])} if TAGS in values else values


async def keep_names(tx: Tx, names: Sequence[str]) -> list[str]:
    """The names as the dictionary writes them, each once; none of them is renamed before this transaction ends."""
    spelling = await learn_names(tx, list(dict.fromkeys(names)))
    return list(dict.fromkeys(spelling[name] for name in names))


async def learn_names(tx: Tx, names: Sequence[str]) -> Mapping[str, str]:
    """How the dictionary, which learns what it has not, writes each of these different names; held as above."""
    if not names:
        return {}
    for _ in range(ATTEMPTS):
        for added in await tags.add_missing(tx, tx.actor.org_id, names):
            new = Tag(org_id=tx.actor.org_id, id=added.id, version=1, name=added.name)
            tx.note(new, "CREATE", {"name": added.name})
        known = await tags.spelt(tx, tx.actor.org_id, names)
        if len(known) == len(names):
            return known
        # Somebody has renamed or deleted one of them meanwhile: what is missing is added again.
    raise Unavailable("Somebody is changing these tags; try again.")


async def _rename_where_it_is_named(tx: Tx, name: str, new_name: str | None) -> None:
    """Views and forms name tags as somebody has typed them; as in rows, no version of its own (decision 25)."""
    for view in await views.lock_tagged(tx.session, tx.actor.org_id):
        view.rename_tag(name, new_name)
    for form in await forms.lock_tagged(tx.session, tx.actor.org_id):
        form.tags = renamed(form.tags, name, new_name)

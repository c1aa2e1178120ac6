"""Notes, tags, fields of one's own and saved views."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.migrations import isolate

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """All of them are new."""
    create_note()
    create_tag()
    create_custom_field()
    create_saved_view()


def _aggregate() -> list[sa.Column]:
    return [
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def create_note() -> None:
    """What people write on rows."""
    op.create_table(
        "note",
        *_aggregate(),
        sa.Column("entity_type", sa.String(16), nullable=False),
        sa.Column("entity_id", sa.Uuid, nullable=False),
        sa.Column("body", sa.String(10_000), nullable=False),
        sa.Column("author", JSONB, nullable=False),
        sa.Column("mentioned_user_ids", ARRAY(sa.Uuid), nullable=False),
        sa.CheckConstraint(
            "entity_type IN ('COMPANY', 'CONTACT', 'LEAD', 'DEAL')", name="ck_note_entity_type"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_note"),
    )
    op.create_index("ix_note_entity", "note", ["org_id", "entity_type", "entity_id", "created_at", "id"])
    isolate("note")


def create_tag() -> None:
    """The organisation's words."""
    op.create_table(
        "tag",
        *_aggregate(),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("colour", sa.String(7)),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_tag"),
    )
    op.create_index("uq_tag_name", "tag", ["org_id", sa.text("lower(name)")], unique=True)
    isolate("tag")


def create_custom_field() -> None:
    """What fields rows have besides ours."""
    op.create_table(
        "custom_field",
        *_aggregate(),
        sa.Column("entity", sa.String(16), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("options", JSONB),
        sa.Column("required", sa.Boolean, nullable=False),
        sa.CheckConstraint(
            "entity IN ('company', 'contact', 'lead', 'deal', 'workItem')", name="ck_custom_field_entity"
        ),
        sa.CheckConstraint(
            "type IN ('text', 'number', 'date', 'bool', 'select', 'multi')", name="ck_custom_field_type"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_custom_field"),
    )
    op.create_index("uq_custom_field_key", "custom_field", ["org_id", "entity", "key"], unique=True)
    isolate("custom_field")


def create_saved_view() -> None:
    """How people want to see lists."""
    op.create_table(
        "saved_view",
        *_aggregate(),
        sa.Column("owner_user_id", sa.Uuid, nullable=False),
        sa.Column("entity", sa.String(16), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("filters", JSONB, nullable=False),
        sa.Column("sort_by", sa.String(64)),
        sa.Column("sort_dir", sa.String(4)),
        sa.Column("columns", JSONB, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.CheckConstraint("entity IN ('company', 'contact', 'lead', 'deal')", name="ck_saved_view_entity"),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_saved_view"),
    )
    op.create_index("ix_saved_view_owner", "saved_view", ["org_id", "owner_user_id", "created_at"])
    op.create_index("ix_saved_view_shared", "saved_view", ["org_id", "shared", "created_at"])
    isolate("saved_view")

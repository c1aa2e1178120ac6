"""The notes of the sample service."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import create_chassis_tables, isolate

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Everything."""
    create_chassis_tables()
    op.create_table(
        "note",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("secret", sa.String(255)),
        sa.PrimaryKeyConstraint("org_id", "id"),
        sa.UniqueConstraint("org_id", "title", name="uq_note_org_id_title"),
    )
    isolate("note")
    op.execute(FAILS_AT_COMMIT)


# A commit that fails: what a note's title says, raised when everything else is done.
FAILS_AT_COMMIT = """
CREATE FUNCTION fail_at_commit() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'as wished' USING ERRCODE = substr(NEW.title, 6, 5); END $$;
CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT ON note DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.title LIKE 'fail %') EXECUTE FUNCTION fail_at_commit();
"""

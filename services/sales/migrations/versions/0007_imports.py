"""Files that are imported, their rows, and what became of each."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import isolate

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Two new tables."""
    create_import_file()
    create_import_row()


def create_import_file() -> None:
    """What was uploaded, what its columns mean, how far it is."""
    op.create_table(
        "import_file",
        sa.Column("entity", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("format", sa.String(32), nullable=False),
        sa.Column("columns", JSONB, nullable=False),
        sa.Column("suggested_mapping", JSONB, nullable=False),
        sa.Column("mapping", JSONB),
        sa.Column("duplicate_policy", sa.String(8)),
        sa.Column("match_by", JSONB),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("cursor", sa.Integer, nullable=False),
        sa.Column("counters", JSONB, nullable=False),
        sa.Column("starter", JSONB, nullable=False),
        sa.Column("error", sa.String(500)),
        sa.Column("applied_at", sa.DateTime(timezone=True)),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("entity IN ('company', 'contact', 'lead', 'deal')", name="ck_import_file_entity"),
        sa.CheckConstraint(
            "status IN ('uploaded', 'mapped', 'checking', 'checked', 'applying', 'applied', 'reverting', 'reverted',"
            " 'failed')",
            name="ck_import_file_status",
        ),
        sa.CheckConstraint(
            "duplicate_policy IN ('skip', 'update', 'create')", name="ck_import_file_duplicate_policy"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_import_file"),
    )
    op.create_index("ix_import_file_created", "import_file", ["org_id", "created_at", "id"])
    isolate("import_file")


def create_import_row() -> None:
    """Each row of a file, its verdict, and what became of it."""
    op.create_table(
        "import_row",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("import_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("cells", JSONB, nullable=False),
        sa.Column("verdict", sa.String(8)),
        sa.Column("problems", JSONB),
        sa.Column("duplicate", JSONB),
        sa.Column("match_key", sa.String(320)),
        sa.Column("unique_key", sa.String(320)),
        sa.Column("entity_id", sa.Uuid),
        sa.Column("entity_version", sa.Integer),
        sa.Column("company_id", sa.Uuid),
        sa.Column("before", JSONB),
        sa.Column("outcome", sa.String(8)),
        sa.CheckConstraint(
            "verdict IN ('create', 'update', 'skip', 'invalid')", name="ck_import_row_verdict"
        ),
        sa.CheckConstraint("outcome IN ('applied', 'reverted', 'kept')", name="ck_import_row_outcome"),
        sa.ForeignKeyConstraint(
            ["org_id", "import_id"], ["import_file.org_id", "import_file.id"], name="fk_import_row_file"
        ),
        sa.PrimaryKeyConstraint("org_id", "import_id", "number", name="pk_import_row"),
    )
    for name, columns in (
        ("match", ["match_key", "number"]),
        ("name", ["unique_key", "number"]),
        ("entity", ["entity_id"]),
    ):
        op.create_index(
            f"ix_import_row_{name}",
            "import_row",
            ["org_id", "import_id", *columns],
            postgresql_where=sa.text(f"{columns[0]} IS NOT NULL"),
        )
    isolate("import_row")

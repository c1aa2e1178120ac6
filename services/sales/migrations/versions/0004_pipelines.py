"""Pipelines, where in one a deal is, and what its way was."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from chassis.migrations import isolate

revision = "0004"
down_revision = "0003"

DEFAULT_STAGES = """[
    {"key": "qualification", "name": "Qualification", "position": 1, "winProbability": 10},
    {"key": "proposal", "name": "Proposal", "position": 2, "winProbability": 30},
    {"key": "negotiation", "name": "Negotiation", "position": 3, "winProbability": 60},
    {"key": "commitment", "name": "Commitment", "position": 4, "winProbability": 90}
]"""
READ_WHOLE = ("known_organisation", "deal")


def upgrade() -> None:
    """Every organisation that is known, or has deals, gets its default pipeline, and its deals are in it.

    What older code writes meanwhile has no pipeline; it counts as being in the first stage of the default one.
    """
    create_pipeline()
    for name, kind in (
        ("pipeline_id", sa.Uuid),
        ("pipeline_stage", sa.String(40)),
        ("stage_entered_at", sa.DateTime(timezone=True)),
        ("won_reason", sa.String(1000)),
    ):
        op.add_column("deal", sa.Column(name, kind))
    fill()
    isolate("pipeline")
    op.create_foreign_key(
        "fk_deal_pipeline",
        "deal",
        "pipeline",
        ["org_id", "pipeline_id"],
        ["org_id", "id"],
        postgresql_not_valid=True,
    )
    create_deal_stage_move()


def create_pipeline() -> None:
    """Ways to sell."""
    op.create_table(
        "pipeline",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("stages", JSONB, nullable=False),
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_pipeline"),
    )
    op.create_index("ix_pipeline_created", "pipeline", ["org_id", "created_at", "id"])
    op.create_index(
        "uq_pipeline_default", "pipeline", ["org_id"], unique=True, postgresql_where=sa.text("is_default")
    )


def fill() -> None:
    """All organisations in one go: for this transaction the owner of the tables is held by no policy."""
    for table in READ_WHOLE:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        f"""INSERT INTO pipeline (org_id, id, version, name, is_default, stages, created_at, updated_at)
           SELECT org_id, uuidv7(), 1, 'Sales', true, '{DEFAULT_STAGES}'::jsonb, now(), now()
             FROM (SELECT org_id FROM known_organisation UNION SELECT org_id FROM deal) AS known"""  # noqa: S608 - our own text
    )
    op.execute(
        """UPDATE deal
              SET pipeline_id = pipeline.id, pipeline_stage = 'qualification', stage_entered_at = deal.created_at
             FROM pipeline WHERE pipeline.org_id = deal.org_id"""
    )
    for table in READ_WHOLE:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def create_deal_stage_move() -> None:
    """The way of each deal."""
    op.create_table(
        "deal_stage_move",
        sa.Column("org_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("deal_id", sa.Uuid, nullable=False),
        sa.Column("from_pipeline_id", sa.Uuid),
        sa.Column("from_stage", sa.String(40)),
        sa.Column("to_pipeline_id", sa.Uuid, nullable=False),
        sa.Column("to_stage", sa.String(40), nullable=False),
        sa.Column("moved_by", JSONB, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds_in_stage", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "deal_id"], ["deal.org_id", "deal.id"], name="fk_deal_stage_move_deal"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="pk_deal_stage_move"),
    )
    op.create_index("ix_deal_stage_move_deal", "deal_stage_move", ["org_id", "deal_id", "at"])
    isolate("deal_stage_move", is_append_only=True)

"""Second factors of people: authenticator apps, recovery codes, passkeys; and which sessions gave one."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import reserve

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Sessions that are there gave none."""
    op.add_column("session", sa.Column("second_factor_at", sa.DateTime(timezone=True)))
    create_second_factor()
    create_recovery_code()
    create_passkey()
    create_spent_challenge()


def create_second_factor() -> None:
    """Authenticator apps, one a person; the seed is encrypted."""
    op.create_table(
        "second_factor",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("seed", sa.LargeBinary, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_second_factor_user_id"),
        sa.PrimaryKeyConstraint("user_id", name="pk_second_factor"),
    )
    reserve("second_factor")


def create_recovery_code() -> None:
    """Hashes of the codes that are left."""
    op.create_table(
        "recovery_code",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("code_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_recovery_code_user_id"),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name="pk_recovery_code"),
    )
    reserve("recovery_code")


def create_passkey() -> None:
    """Public keys of people's authenticators."""
    op.create_table(
        "passkey",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("credential_id", sa.LargeBinary, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_passkey_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_passkey"),
        sa.UniqueConstraint("credential_id", name="uq_passkey_credential_id"),
    )
    op.create_index("ix_passkey_user_id", "passkey", ["user_id"])
    reserve("passkey")


def create_spent_challenge() -> None:
    """Challenges that were answered, until they are too old to be answered again."""
    op.create_table(
        "spent_challenge",
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_spent_challenge"),
    )
    op.create_index("ix_spent_challenge_expires_at", "spent_challenge", ["expires_at"])
    reserve("spent_challenge")

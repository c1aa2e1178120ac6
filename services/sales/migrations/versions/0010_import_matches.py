"""Rows of a file are looked for by e-mail and VAT number."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Beside the work of others, whose tables these are; what an attempt that broke off has left is made anew."""
    with op.get_context().autocommit_block():
        for name, table, column in (
            ("ix_contact_email", "contact", "lower(email)"),
            ("ix_company_email", "company", "lower(email)"),
            ("ix_company_vat_id", "company", "vat_id"),
        ):
            op.drop_index(name, postgresql_concurrently=True, if_exists=True)
            op.create_index(
                name, table, ["org_id", sa.text(column)], postgresql_concurrently=True, if_not_exists=True
            )
        # Without it nobody knows that addresses are different ones, and the index is read as a whole.
        op.execute("ANALYZE contact, company")

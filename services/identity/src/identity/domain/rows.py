"""The declarative class of identity's tables."""

from sqlalchemy.orm import DeclarativeBase

from chassis.rows import service_metadata


class Row(DeclarativeBase):
    """A row of one of identity's tables."""

    metadata = service_metadata()

"""The declarative root of this service's tables."""

from sqlalchemy.orm import DeclarativeBase

from chassis.rows import service_metadata


class Row(DeclarativeBase):
    """A table of reporting."""

    metadata = service_metadata()

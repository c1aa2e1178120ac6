"""An organisation as a whole: three rows that others see as one snapshot."""

from typing import NamedTuple

from identity.domain.legal import LegalProfile
from identity.domain.organisations import Organisation
from identity.domain.policies import Policies


class OrganisationRows(NamedTuple):
    """The three rows that make one snapshot."""

    organisation: Organisation
    policies: Policies
    legal: LegalProfile | None

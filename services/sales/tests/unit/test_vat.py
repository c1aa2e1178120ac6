"""VAT identification numbers."""

import pytest

from sales.domain.vat import normalised_vat_id


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("DE 136.695.976", "DE136695976"),
        ("fr-40303265045", "FR40303265045"),
        ("EL094259216", "EL094259216"),
        ("CHE-107.787.577 IVA", "CHE107787577IVA"),
        ("GB980780684", "GB980780684"),
        ("27AAPFU0939F1ZV", "27AAPFU0939F1ZV"),
    ],
)
def test_number_is_kept_without_separators(written: str, kept: str) -> None:
    assert normalised_vat_id(written) == kept


@pytest.mark.parametrize(
    "bad", ["DE136695977", "FR00000000000", "EL1", "DE", "", "1", "not a number!", "ÄÖ123456"]
)
def test_what_cannot_be_a_number_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="VAT identification number"):
        normalised_vat_id(bad)

"""Money: an exact amount of minor units in one currency (ISO 4217)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

# ISO 4217 exponents that are not 2 (list one, active codes).
UNUSUAL_DIGITS = dict.fromkeys(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ],
    0,
) | dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)

# ISO 4217 list one (2026-01-01), without metals, funds and codes for tests.
CURRENCIES = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP
    CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
    IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU
    MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG
    SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYI UYU UZS VED VES VND
    VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905 - reads as a list
)

MAX_MINOR = 10**15


def currency_digits(currency: str) -> int:
    """Decimal digits of a currency: 2 unless ISO 4217 says otherwise."""
    return UNUSUAL_DIGITS.get(currency, 2)


def half_up(value: Decimal) -> int:
    """The one rounding of the house: half away from zero, to a whole minor unit (EN 16931)."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units; mixing currencies raises ValueError."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, amount: Decimal | str | int, currency: str) -> Self:
        """From a decimal amount; ValueError when it has more digits than the currency."""
        scaled = Decimal(amount).scaleb(currency_digits(currency))
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{currency} has {currency_digits(currency)} decimal digits")
        return cls(int(scaled), currency)

    def __str__(self) -> str:
        """The decimal string of the API, with the currency's digits: "1200.00"."""
        digits = currency_digits(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f}"

    def __add__(self, other: Money) -> Money:
        """The sum, same currency."""
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        """The difference, same currency."""
        return Money(self.minor - self._same(other).minor, self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        """The amount times a factor, rounded half up."""
        return Money(half_up(Decimal(self.minor) * factor), self.currency)

    def __lt__(self, other: Money) -> bool:
        """Order within one currency."""
        return self.minor < self._same(other).minor

    def basis_points(self, rate: int) -> Money:
        """`rate` hundredths of a percent of this amount, rounded half up (19 % = 1900)."""
        return self * (Decimal(rate) / 10_000)

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Shares in proportion to `weights` whose sum is exactly this amount (largest remainder)."""
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("weights must be non-negative with a positive sum")
        floors = [self.minor * weight // total for weight in weights]
        remainders = [self.minor * weight % total for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
        for i in by_remainder[: self.minor - sum(floors)]:
            floors[i] += 1
        return [Money(minor, self.currency) for minor in floors]

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other

"""Check digits: the arithmetic that tells a number that was given out from one made up."""

from collections.abc import Sequence

# Dihedral group of order 10 and the permutation of Verhoeff (1969).
_MULTIPLY = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_PERMUTE = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)


def digits_of(number: str) -> list[int]:
    """The digits of a number, whatever stands between them."""
    return [int(char) for char in number if char.isdigit()]


def has_valid_luhn(number: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1); all zeros do not count."""
    digits = digits_of(number)
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return any(digits) and (sum(digits[-1::-2]) + doubled) % 10 == 0


def has_valid_mod97(iban: str) -> bool:
    """Whether digits three and four check the rest (ISO 13616)."""
    compact = iban.replace(" ", "")
    turned = compact[4:] + compact[:4]
    return (
        15 <= len(compact) <= 34 and int("".join(str(int(char, 36)) for char in turned)) % 97 == 1
    )


def weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    """The sum of the digits, each times its weight."""
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=True))


def has_valid_verhoeff(digits: Sequence[int]) -> bool:
    """Whether the last digit checks the others by the dihedral group (Verhoeff 1969)."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _MULTIPLY[check][_PERMUTE[place % 8][digit]]
    return check == 0


def has_valid_mod11_10(digits: Sequence[int]) -> bool:
    """Whether the last digit checks the others by ISO/IEC 7064, MOD 11,10."""
    product = 10
    for digit in digits[:-1]:
        total = (digit + product) % 10 or 10
        product = 2 * total % 11
    return (11 - product) % 10 == digits[-1]

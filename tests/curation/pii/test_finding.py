"""What is found as personal data, and what only looks like it."""

import random
import time
from collections import Counter

import pytest

from app.curation.pii.finding import find_in
from app.curation.pii.kinds import KINDS
from tests.curation.pii.numbers import PLANTED


def found(text: str) -> list[tuple[str, str]]:
    """Kind and value of each place."""
    return [(hit.kind, text[hit.start : hit.end]) for hit in find_in(text)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "jo.doe+x@mail.example.org"),
        ("phone", "+44 20 7946 0958"),
        ("phone", "+14155550132"),
        ("phone", "(555) 010-9999"),
        ("phone", "415-555-0132"),
        ("phone", "001-748-088-2851"),
        ("phone", "030 2345 6789"),
        ("phone", "1-800-273-8255"),
        ("ipv4", "8.8.8.8"),
        ("ipv6", "2001:4860:4860:0:0:0:0:8888"),
        ("ipv6", "2606:4700::1111"),
        ("card", "4111 1111 1111 1111"),
        ("card", "3782 822463 10005"),
        ("card", "5555555555554444"),
        ("iban", "GB82 WEST 1234 5698 7654 32"),
        ("iban", "de89370400440532013000"),
        ("iban", "MT45MALTMTLCASTSMTLC"),
        ("ssn", "536-22-8145"),
        ("national_id", "AB 12 34 56 C"),
        ("national_id", "12345678Z"),
        ("national_id", "X1234567L"),
        ("national_id", "1 84 12 76 451 089 46"),
        ("national_id", "2 69 05 2A 588 157 17"),
        ("national_id", "RSSMRA85T10A562S"),
        ("national_id", "529.982.247-25"),
        ("secret", "AKIAIOSFODNN7EXAMPLE"),
        ("secret", "ghp_" + "a1B2c3D4e5" * 4),
        ("secret", "glpat-abcd1234efgh5678ijkl"),
        ("secret", "xoxb-123456789012-abcdefABCDEF"),
        ("secret", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"),
        ("secret", "AIza" + "SyA1234567890abcdefghijklmnopqrstuv"),
        ("secret", "sk-proj-" + "Ab3dEf6hIj9kLm2nOp5q"),
        ("secret", "hf_" + "aB3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zA7"),
        ("secret", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"),
        ("crypto", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        ("crypto", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
        ("crypto", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("crypto", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"),
        ("crypto", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
        ("crypto", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        ("crypto", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"),
    ],
)
def test_a_value_is_found_alone_and_in_a_sentence(kind: str, value: str) -> None:
    assert found(value) == [(kind, value)]
    assert found(f"The line before.\nIt is {value}, they said.\nOne more.") == [(kind, value)]


@pytest.mark.parametrize(
    ("kind", "value", "context"),
    [
        ("phone", "5551234567", "Call me at {}"),
        ("phone", "722 20 40", "Tel. {}"),
        ("phone", "9885 1152", "{} office"),
        ("ssn", "536 22 8145", "My social security number is {}."),
        ("ssn", "536228145", "SSN: {}"),
        ("national_id", "943 476 5919", "NHS number {}"),
        ("national_id", "86 095 742 719", "Steuer-ID: {}"),
        ("national_id", "111222333", "BSN {}"),
        ("national_id", "02070803628", "PESEL: {}"),
        ("national_id", "52998224725", "CPF {}"),
        ("national_id", "2341 2341 2346", "{} is my Aadhaar number"),
        ("secret", "Xk29!fqW71", "password: {}"),
        ("secret", "q8Zr1vB04tLs", 'DB_PASSWORD="{}"'),
        ("secret", "hunter2024x", "postgres://me:{}@db.example.org/app"),
    ],
)
def test_a_word_beside_it_says_what_it_is(kind: str, value: str, context: str) -> None:
    assert found(context.format(value)) == [(kind, value)]
    assert (kind, value) not in found(f"It is {value} of them")


@pytest.mark.parametrize(
    "text",
    [
        "On 2024-05-17 and 17.05.2024 we met.",
        "Version 1.2.3.4.5 at 192.168.0.1, or 300.1.1.1, not 224.0.0.1.",
        "It takes version 1.5.0.3 or >=1.4.5.0.",
        "The number 4111 1111 1111 1112 is no card, nor 41 11 11 11 11 11 11 11.",
        "GB83 WEST 1234 5698 7654 32 is no account.",
        "Between 1990 and 2005 there were 1234567 of them.",
        "someone@localhost",
        "No digits at all.",
        "A year has 365.2564 days; the war (1939-1945) and pages 3000-3099.",
        "7 53 183 439 863\n2 3 5 7 11 13 17 19\n52 58 40 26",
        "40 728 1570 66, 12 34",
        "Slices a[1::], b[::2] and 12:30:45; the sequence will be::",
        "2001:zz::1 and 1:2:3:4:5:6:7:8:9 and fe80::1:2:3",
        "000-12-3456, 666-12-3456, 912-12-3456, 123-00-4567, 123-45-0000, 078-05-1120",
        "12345678A, X1234567A, RSSMRA85T10A562T, 1 84 12 76 451 089 47, BG 12 34 56 C",
        "password: changeme, token = get_token(), secret=<SECRET>, pwd: aaaaaaa1, api_key=${KEY}",
        "password=os.environ[1], the token: abcdefghijkl",
        "-----BEGIN PRIVATE KEY-----\nnever ended",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb, 3" + "z" * 34,
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
        "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed, 0x" + "0" * 40,
        "Call +1 or +999999999999999.",
        "Call on 2024-05-17 at (12) 34",
    ],
)
def test_what_only_looks_like_personal_data(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "NHS 943 476 5918; Steuer-ID 86 095 742 718; BSN 111222334; PESEL 02070803629",
        "Steuer-ID 01 234 567 890, tax id 11 111 123 456, PESEL 02990803628; NHS 111 111 1111",
        "CPF 111.111.111-11 and 529.982.247-24; Aadhaar 2341 2341 2347, 0341 2341 2346",
    ],
)
def test_numbers_with_wrong_check_digits_are_nobodys(text: str) -> None:
    assert "national_id" not in {kind for kind, _ in found(text)}


def test_a_private_key_is_one_place_over_several_lines() -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n4111 1111 1111 1111\n"
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----"

    text = f"The key:\n{key} and jo@example.org\n8.8.8.8"

    assert found(text) == [("secret", key), ("email", "jo@example.org"), ("ipv4", "8.8.8.8")]


def test_where_kinds_overlap_the_surer_one_wins() -> None:
    assert found("https://me:pa55word@example.org") == [("secret", "pa55word")]
    assert found("DE89 3704 0044 0532 0130 00") == [("iban", "DE89 3704 0044 0532 0130 00")]
    assert found("SSN 536-22-8145") == [("ssn", "536-22-8145")]


def test_planted_values_of_six_kinds_are_found_and_little_else() -> None:
    draw = random.Random(11)
    wanted: Counter[str] = Counter()
    right: Counter[str] = Counter()
    extra = 0
    for number in range(1000):
        text = f"Order {number}: {draw.randrange(10**6)} pieces in {draw.randrange(1900, 2030)}."
        value = ""
        if number % 5 == 0:
            kind = draw.choice(list(PLANTED))
            wanted[kind] += 1
            value = PLANTED[kind](draw)
            text += f" The contact is {value}, as of 2024-03-05."
        for hit in find_in(text):
            good = value and text[hit.start : hit.end] == value and hit.kind == kind
            right[hit.kind] += bool(good)
            extra += not good

    assert sum(wanted.values()) == 200
    assert all(right[kind] >= 0.95 * wanted[kind] for kind in wanted), (wanted, right)
    assert extra <= 20


def test_kinds_have_a_mask_of_their_own_that_no_pattern_finds() -> None:
    masks = [kind.mask for kind in KINDS.values()]

    assert len(set(masks)) == len(masks)
    assert found(" ".join(masks) + f" password={masks[0]} call {masks[1]}") == []


def test_openings_of_keys_that_never_end_take_no_longer_than_others() -> None:
    text = "-----BEGIN PRIVATE KEY-----\n" * 20_000

    began = time.perf_counter()

    assert found(text) == []
    assert time.perf_counter() - began < 5

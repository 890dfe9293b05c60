"""How long certificates are valid, and when they are worth a warning."""

from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.certificate import (
    DAY,
    Validity,
    first_to_end,
    validities,
)


def pem(begins, ends):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "swarm-ca")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(("first", "last"), [(2026, 2046), (1999, 2049), (2040, 2055), (2050, 2099)])
def test_the_time_of_a_certificate(first, last):
    begins, ends = (datetime(year, 11, 29, 10, 30, 5, tzinfo=timezone.utc) for year in (first, last))
    (found,) = validities(pem(begins, ends))
    assert found == (begins.timestamp(), ends.timestamp())
    assert found.text == f"{last}-11-29T10:30:05Z"


def test_of_several_the_first_to_end_counts():
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    texts = [pem(now, now + timedelta(days=days)) for days in (900, 30, 400)]
    assert first_to_end("noise\n".join(texts)).ends == (now + timedelta(days=30)).timestamp()


@pytest.mark.parametrize("cut", range(0, 500, 7))
def test_what_cannot_be_read_is_left_out(cut):
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    whole = pem(now, now + timedelta(days=3))
    head, end = "-----BEGIN CERTIFICATE-----\n", "\n-----END CERTIFICATE-----\n"
    body = "".join(whole.splitlines()[1:-1])
    short = head + body[: cut // 4 * 4] + end
    assert all(isinstance(found, Validity) for found in validities(short))
    assert validities(head + body[cut:] + end + whole)[-1].ends == (now + timedelta(days=3)).timestamp()


def test_nothing_to_read():
    for text in ("", "x", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----"):
        assert first_to_end(text) is None


@pytest.mark.parametrize(
    ("days", "left", "due"),
    [
        (7300, 31, False),
        (7300, 29.9, True),
        (90, 31, False),
        (90, 29, True),
        (2, 1, False),
        (2, 0.5, True),
        (90, -1, True),
    ],
)
def test_when_it_is_due(days, left, due):
    validity = Validity(0.0, days * DAY)
    now = (days - left) * DAY
    assert validity.is_due(now) is due
    assert validity.days_left(now) == int(left // 1)

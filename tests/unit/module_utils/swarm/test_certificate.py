"""The validity of certificates, and when they need a warning."""

import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.stackwright.swarm.plugins.module_utils.info.certificates import certificates_of, due
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


@pytest.mark.parametrize("days", [1, 365, 20000, 40000])  # UTCTime, and GeneralizedTime from 2050 on
def test_the_end_is_openssls(tmp_path, days):
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -days {days}"
    made = subprocess.run(
        [*command.split(), "-keyout", tmp_path / "key", "-out", tmp_path / "pem"], capture_output=True
    )
    if made.returncode:
        pytest.skip("no openssl here")
    said = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", tmp_path / "pem"], capture_output=True)
    end = datetime.strptime(said.stdout.decode().strip(), "notAfter=%b %d %H:%M:%S %Y GMT")
    (found,) = validities((tmp_path / "pem").read_text())
    assert found.ends == end.replace(tzinfo=timezone.utc).timestamp()


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
    unreadable = ("!!", "*", "MIIB")
    for text in ("", "x", *(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----" for body in unreadable)):
        assert first_to_end(text) is None and validities(text) == []


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


class Client:
    """A client of an Engine on this machine, or on another one."""

    def __init__(self, socket):
        self.connection = type("Connection", (), {"socket_path": socket})


def info(folder, root):
    cluster = {"TLSInfo": {"TrustRoot": root}, "Spec": {"CAConfig": {"NodeCertExpiry": 90 * 86400 * 10**9}}}
    now = "2026-11-29T12:00:00.5Z"
    return {"Name": "m1", "SystemTime": now, "DockerRootDir": str(folder), "Swarm": {"Cluster": cluster}}


def test_what_swarm_info_and_a_preflight_say(tmp_path):
    now = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
    root = pem(now - timedelta(days=7000), now + timedelta(days=20, hours=1))
    file = tmp_path / "swarm" / "certificates" / "swarm-node.crt"
    file.parent.mkdir(parents=True)
    file.write_text(pem(now - timedelta(days=91), now - timedelta(days=1)))
    nodes = [{"Description": {"Hostname": "w1", "TLSInfo": {"TrustRoot": "another"}}}, {"Description": {}}]
    told, warnings = certificates_of(Client("/run/docker.sock"), info(tmp_path, root), nodes)
    assert told["root"] == {"issued": "2007-09-30T12:00:00Z", "expires": "2026-12-19T13:00:00Z", "days_left": 20}
    assert told["this_node"]["days_left"] < 0 and told["node_days"] == 90 and told["other_root"] == ["w1"]
    assert warnings[0].startswith("The root certificate of the Swarm expires in 20 days (2026-12-19T13:00:00Z).")
    assert warnings[1].startswith("The certificate of the node m1 has expired (2026-11-28T12:00:00Z).")
    assert [text for text, _hint in due(Client("/run/docker.sock"), info(tmp_path, root))] == [
        warning.partition(").")[0] + ")." for warning in warnings
    ]


def test_what_cannot_be_known_is_left_open(tmp_path):
    now = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
    root = pem(now, now + timedelta(days=7000))
    for client in (Client(None), Client("/run/docker.sock")):
        told, warnings = certificates_of(client, info(tmp_path, root), [])
        assert told["this_node"] is None and told["root"]["days_left"] == 7000 and warnings == []
    told, warnings = certificates_of(Client(None), {"Swarm": {}}, [])
    assert told == {"root": None, "this_node": None, "node_days": None, "rotating": False, "other_root": []}
    assert warnings == []

import subprocess
from datetime import datetime, timezone

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.certificate import expires


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
    assert expires((tmp_path / "pem").read_text()) == end.replace(tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_certificate_has_no_end(text):
    assert expires(text) is None

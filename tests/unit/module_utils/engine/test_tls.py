"""The messages of TLS errors."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.tls_errors import check_files, tls_failure


@pytest.mark.parametrize(
    ("reason", "option"),
    [
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate",
            "ca_path",
        ),
        ("certificate verify failed: Hostname mismatch, certificate is not valid for 'm1'.", "tls_hostname"),
        ("certificate verify failed: IP address mismatch, certificate is not valid for '10.0.0.5'.", "tls_hostname"),
        ("certificate verify failed: certificate has expired", "clock"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "does not use TLS on this port"),
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required", "client_cert"),
        ("something new", "TLS options"),
    ],
)
def test_the_hint_names_the_option(reason, option):
    error = tls_failure(reason, "tcp://m1:2376")
    assert error.error_code == "tls_error"
    assert option in error.hint
    assert reason in str(error)
    assert "tcp://m1:2376" in str(error)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"ca_path": "/gone"}, "ca_path"),
        ({"client_cert": "/there", "client_key": "/gone"}, "client_key"),
        ({"client_cert": "/there"}, "without client_key"),
        ({"client_key": "/there"}, "without client_cert"),
    ],
)
def test_files_that_are_not_there(options, word):
    with pytest.raises(EngineError) as caught:
        check_files(Connection(tls=True, **options), lambda path: path == "/there")
    assert caught.value.error_code == "tls_error"
    assert word in str(caught.value)


def test_a_whole_pair_and_no_pair_are_fine():
    check_files(Connection(tls=True), lambda path: False)
    check_files(Connection(client_cert="/there", client_key="/there", ca_path="/there"), lambda path: True)

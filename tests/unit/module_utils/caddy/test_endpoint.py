import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.endpoint import endpoint
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("unix:///run/caddy/admin.sock", ("/run/caddy/admin.sock", "", "", 0)),
        ("unix//run/caddy/admin.sock", None),
        ("unix:/run/x", ("/run/x", "", "", 0)),
        ("/run/x", ("/run/x", "", "", 0)),
        ("http://caddy:2020/", ("", "http", "caddy", 2020)),
        ("https://10.0.0.1", ("", "https", "10.0.0.1", 2019)),
        ("http://[fd00::1]:2019", ("", "http", "fd00::1", 2019)),
        ("unix://", None),
        ("caddy:2019", None),
        ("ftp://caddy", None),
        ("http://", None),
        ("http://caddy/config", None),
        ("http://caddy:port", None),
        ("", None),
    ],
)
def test_an_address(text, found):
    if found is None:
        with pytest.raises(RouteError) as caught:
            endpoint(text)
        assert caught.value.error_code == "invalid_admin"
        return
    at = endpoint(text)
    assert (at.socket, at.scheme, at.host, at.port) == found


def test_a_password_in_an_address_is_refused_and_not_shown():
    for text in (
        "http://ali:sesame@caddy:2019",
        "http://ali:sesame@caddy:2019/x",
        "http://ali:sesame@caddy:port",
        "http://ali:sesame/1@caddy:2019",
    ):
        with pytest.raises(RouteError) as caught:
            endpoint(text)
        assert "sesame" not in str(caught.value)


def test_a_certificate_needs_its_key():
    with pytest.raises(RouteError):
        endpoint("https://caddy", cert="/c.pem", key=None)


def test_the_host_of_a_socket_is_empty_and_that_of_an_address_its_name():
    assert endpoint("/run/x").host_header == ""
    assert endpoint("http://caddy:1").at("10.0.0.2").host_header == "caddy:1"
    assert endpoint("http://caddy:1").at("10.0.0.2").shown == "http://10.0.0.2:1 (caddy)"

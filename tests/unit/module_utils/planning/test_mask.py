"""What a plan hides, and what it shows."""

from __future__ import annotations

import time

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN, is_secret, mask, masked_text

ENV = "TaskTemplate.ContainerSpec.Env."
ARGS = "TaskTemplate.ContainerSpec.Args"


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "PGPASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "POSTGRES_PASS",
        "SMTP_PWD",
        "API_KEY",
        "apiKey",
        "clientSecret",
        "JWT",
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "TLS_PRIVATE_KEY",
        "REDIS_AUTH",
        "SENTRY_DSN",
        "DATABASE_URL",
        "AZURE_CREDENTIALS",
        "SECRET_KEY_BASE",
        "PASSPHRASE",
        "AUTH_SALT",
    ],
)
def test_names_of_secrets(name):
    assert is_secret(name)
    assert mask("service", "web", ENV + name, "hunter2 with blanks") == HIDDEN


@pytest.mark.parametrize(
    "name",
    [
        "AUTHOR",
        "KEYBOARD",
        "MONKEY",
        "PASSENGERS",
        "LOG_LEVEL",
        "POSTGRES_PASSWORD_FILE",
        "TLS_KEY_PATH",
        "COMPASS",
        "GREETING",
        "BYPASS",
    ],
)
def test_names_of_other_things(name):
    assert not is_secret(name)
    assert mask("service", "web", ENV + name, "shown") == "shown"


@pytest.mark.parametrize("value", ["", "true", "False", "0", None])
def test_that_a_value_is_absent_or_a_switch_is_seen(value):
    assert mask("service", "web", ENV + "AUTH_TOKEN", value) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://app:hunter2@db:5432/app", "postgres://app:********@db:5432/app"),
        ("redis://:hunter2@cache/0", "redis://:********@cache/0"),
        ("amqp://a:p@ss@mq and http://b:hunter2@x", "amqp://a:********@mq and http://b:********@x"),
        ("http://db:5432/a@b", "http://db:5432/a@b"),
        ("http://example.com/?token=hunter2&page=2", "http://example.com/?token=********&page=2"),
        ("addr=nas,username=app,password=hunter2,vers=3", "addr=nas,username=app,password=********,vers=3"),
        ("redis-server --requirepass hunter2 --port 1", "redis-server --requirepass ******** --port 1"),
        ("PGPASSWORD='hunter 2' psql -h db", "PGPASSWORD=******** psql -h db"),
        ("--web.config.file=/etc/web.yml --key-file /etc/key", "--web.config.file=/etc/web.yml --key-file /etc/key"),
        ("curl -H 'Authorization: Bearer hunter2' http://a", "curl -H 'Authorization: Bearer ********' http://a"),
        ("httpd -f -p 8000", "httpd -f -p 8000"),
    ],
)
def test_texts(text, shown):
    assert mask("service", "web", ENV + "SETTING", text) == shown
    assert mask("service", "web", ARGS, ["sh", "-c", text]) == ["sh", "-c", shown]


def test_commands():
    before = ["server", "--password", "hunter2", "--token=abc", "--verbose", "true", "--secret-file", "/run/secrets/x"]
    after = [
        "server",
        "--password",
        HIDDEN,
        "--token=" + HIDDEN,
        "--verbose",
        "true",
        "--secret-file",
        "/run/secrets/x",
    ]
    assert mask("service", "web", ARGS, before) == after


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("Labels.traefik.http.routers.auth.rule", "Host(`a`)", "Host(`a`)"),
        ("Labels.traefik.http.middlewares.m.basicauth.users", "admin:$apr1$x", HIDDEN),
        ("Labels.com.example.token", "abc", HIDDEN),
        ("TaskTemplate.ContainerSpec.Mounts./data.VolumeOptions.DriverConfig.Options.password", "abc", HIDDEN),
        ("TaskTemplate.ContainerSpec.Secrets.db_password.SecretName", "shop_db_password", "shop_db_password"),
        ("TaskTemplate.ContainerSpec.Mounts./keys.Source", "/srv/keys", "/srv/keys"),
        ("TaskTemplate.LogDriver.Options.splunk-token", "abc", HIDDEN),
        ("Mode.Replicated.Replicas", 3, 3),
    ],
)
def test_paths(path, value, shown):
    assert mask("service", "web", path, value) == shown


def test_maps_that_are_shown_whole():
    whole = {"Name": "splunk", "Options": {"splunk-token": "abc", "splunk-url": "https://u:p@host"}}
    shown = {"Name": "splunk", "Options": {"splunk-token": HIDDEN, "splunk-url": f"https://u:{HIDDEN}@host"}}
    assert mask("service", "web", "TaskTemplate.LogDriver", whole) == shown


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", ["a.", "-a", "a=", "://", "a://b:", "--a ", ",a=", "password=,", "authorization: ", "'"]
)
def test_long_texts_take_time_in_proportion(part):
    def work(count):
        text = part * count
        start = time.process_time()
        masked_text(text)
        return time.process_time() - start

    assert work(10_000) < 40 * max(work(1_000), 0.0005)


def test_a_value_that_is_not_bound_is_shown_as_one():
    assert mask("service", "web", "TaskTemplate.ContainerSpec.Env.URL", "x://\0stack/A\0@b") == "x://<generated>@b"
    assert mask("service", "web", "TaskTemplate.ContainerSpec.Args", ["a", "\0web/B#2\0"]) == ["a", "<generated>"]

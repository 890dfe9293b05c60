"""The forms in which secrets stand in texts, and texts that only look like it; for unit and integration tests.

``{S}`` is the secret: MARK and a few characters, so that a scan finds whatever is left of it.
"""

from __future__ import annotations

import base64
import random

MARK = "Sown9"

#: (name, text). What the secret's own characters may be: see ``sown``.
FORMS = [
    ("env", "DB_PASSWORD={S}"),
    ("env exported", "export API_KEY={S}"),
    ("env quoted", "PGPASSWORD='{S}' psql -h db"),
    ("env double quoted", 'set -e; MYSQL_PWD="{S}" mysqldump shop'),
    ("env camel", "clientSecret={S}"),
    ("json", '{"user": "app", "password": "{S}", "port": 5432}'),
    ("json tight", '{"token":"{S}","n":1}'),
    ("json nested", '{"db": {"auth": {"apiKey": "{S}"}}}'),
    ("json list", '{"tokens": ["{S}", "{S}b"]}'),
    ("json object", '{"credentials": {"value": "{S}"}}'),
    ("json escaped", 'event: "{\\"password\\": \\"{S}\\", \\"a\\": 1}"'),
    ("json escaped twice", '"{\\\\\\"secret\\\\\\": \\\\\\"{S}\\\\\\"}"'),
    ("json with a quote in it", '{"password": "a\\"{S}"}'),
    ("python dict", "{'password': '{S}', 'user': 'app'}"),
    ("ruby hash", ":password => '{S}', 'secret' => '{S}'"),
    ("php", "$config['password'] = '{S}';"),
    ("go struct", "{User:app Password:{S} Port:5432}"),
    ("go map", "map[password:{S} user:app]"),
    ("yaml", "password: {S}"),
    ("yaml indented", "db:\n  user: app\n  password: {S}\n  port: 5432"),
    ("yaml item", "- name: app\n- api_key: {S}"),
    ("yaml quoted", 'secret_key: "{S}"'),
    ("yaml words", "passphrase: correct horse {S} staple"),
    ("yaml flow", "{user: app, password: {S}}"),
    ("yaml block", "token: |\n  {S}\n  {S}\nport: 1"),
    ("yaml name and value", "- name: DB_PASSWORD\n  value: {S}"),
    ("json name and value", '{"name": "DB_PASSWORD", "value": "{S}"}'),
    ("log line", "2026-11-21T10:00:00Z INFO using password: {S}"),
    ("log generated", "GENERATED ROOT PASSWORD: {S}"),
    ("log words", "INFO opened the vault with passphrase: correct horse {S} staple"),
    ("log words of a key", '{"msg": "ssh_passphrase: Correct Horse, {S} staple"}'),
    ("log coloured", "\x1b[32mpassword\x1b[0m=\x1b[31m{S}\x1b[0m"),
    ("ini", "[db]\npassword = {S}\nhost = x"),
    ("toml", 'api_token = "{S}"'),
    ("properties", "spring.datasource.password={S}"),
    ("xml", "<db><password>{S}</password></db>"),
    ("xml attribute", '<add key="DbPassword" value="{S}"/>'),
    ("plist", "<key>password</key><string>{S}</string>"),
    ("redis.conf", "requirepass {S}"),
    ("netrc", "machine example.com login me password {S}"),
    ("url", "postgres://app:{S}@db:5432/app"),
    ("url without user", "redis://:{S}@cache/0"),
    ("url with a slash", "amqp://app:a/{S}@mq:5672/v"),
    ("url with an at sign", "https://me:p@{S}@example.com/x"),
    ("url token", "https://{S}abcdefghij@github.com/a/b.git"),
    ("query", "GET /api?page=2&access_token={S}&x=1"),
    ("jdbc", "jdbc:postgresql://db/app?user=app&password={S}"),
    ("webhook", "https://hooks.slack.com/services/T00/B00/{S}"),
    ("dsn", "host=db user=app password={S} dbname=shop"),
    ("ado", "Server=db;User Id=app;Pwd={S};Encrypt=true"),
    ("ado with a blank", "Server=db;Password=my {S} word;Encrypt=true"),
    ("azure", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={S}==;EndpointSuffix=x"),
    ("bearer", "Authorization: Bearer {S}"),
    ("basic", "curl -H 'Authorization: Basic {B}' http://a"),
    ("bare bearer", "sent bearer {S}abc"),
    ("header", "X-Api-Key: {S}"),
    ("header json", '{"Authorization": "Bearer {S}"}'),
    ("cookie", "Set-Cookie: session={S}; HttpOnly"),
    ("dockerconfigjson", '{"auths": {"r.example.com": {"auth": "{B}"}}}'),
    ("npmrc", "//registry.npmjs.org/:_authToken={S}"),
    ("flag", "server --password {S} --port 1"),
    ("flag equals", "server --db-password={S}"),
    ("flag quoted", "server --token '{S} x' run"),
    ("-pSECRET", "mysql -u root -p{S} shop"),
    ("-p SECRET", "docker login -u me -p {S} r.example.com"),
    ("-p of others", "tool -p {S} run"),
    ("-u me:SECRET", "curl -u me:{S} http://a"),
    ("--user", "wget --user=me:{S} http://a"),
    ("-a", "redis-cli -a {S} ping"),
    ("sshpass", "sshpass -p '{S}' ssh host"),
    ("openssl", "openssl enc -pass pass:{S} -in a"),
    ("chpasswd", "echo 'root:{S}' | chpasswd"),
    ("sql", "CREATE USER app IDENTIFIED BY '{S}'"),
    ("sql role", "ALTER ROLE app PASSWORD '{S}'"),
    ("pem", "-----BEGIN RSA PRIVATE KEY-----\n{K}\n{K}\n{S}==\n-----END RSA PRIVATE KEY-----"),
    ("pem pkcs8", "-----BEGIN PRIVATE KEY-----\n{K}\n-----END PRIVATE KEY-----"),
    ("pem openssh", "-----BEGIN OPENSSH PRIVATE KEY-----\n{K}\n{S}\n-----END OPENSSH PRIVATE KEY-----"),
    ("pem ec", "-----BEGIN EC PRIVATE KEY-----\n{K}\n-----END EC PRIVATE KEY-----"),
    (
        "pem encrypted",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{S}\n\n{K}\n"
        "-----END RSA PRIVATE KEY-----",
    ),
    ("pem in one line", 'KEY: "-----BEGIN PRIVATE KEY-----\\n{K}\\n{S}\\n-----END PRIVATE KEY-----\\n"'),
    ("pem without its end", "-----BEGIN PRIVATE KEY-----\n{K}\n{K}"),
    ("pem without its beginning", "{K}\n{K}\n{S}=\n-----END PRIVATE KEY-----"),
    ("pem of a log", "    | -----BEGIN EC PRIVATE KEY-----\n    | {K}\n    | -----END EC PRIVATE KEY-----"),
    ("jwt", "got eyJhbGciOiJIUzI1NiJ9.eyJ{S}.{S}"),
    ("github", "cloning with ghp_{S}abcdefghijklmnopqrst"),
    ("gitlab", "glpat-{S}abcdefghijklm"),
    ("slack", "xoxb-123456-{S}"),
    ("stripe", "sk_live_{S}abcdefghijkl"),
    ("aws id", "AKIA{A}"),
    ("aws secret", "aws_secret_access_key = {S}/abc+def"),
    ("google", "AIza{S}abcdefghijklmnopqrstuvwxyz"),
    ("npm", "npm_{S}abcdefghijklmnopqrst"),
    ("openai", "sk-{S}abcdefghijklmn"),
    ("swarm", "SWMTKN-1-{S}-abc"),
    ("bcrypt", "admin:$2y$05${S}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"),
    ("htpasswd", "admin:$apr1$abcdefgh${S}abcdefghij"),
    ("bcrypt doubled", "admin:$$2y$$05$${S}abcdefghijklmnopqrstuvwxyzABCDEFGHI"),
    ("sha512crypt", "root:$6$salt${S}abcdefghijklmnop:19000"),
]  # fmt: skip

#: They stay as they are: a mask that hides too much is one that people switch off.
READABLE = [
    "PASSWORD_FILE=/run/secrets/x",
    "POSTGRES_PASSWORD_FILE: /run/secrets/db_password",
    "TOKEN_TTL=3600",
    '"TOKEN_TTL": 3600, "SECRET_NAME": "shop_db"',
    "SECRET_NAME=shop_db",
    "KEYCLOAK_URL=https://id.example.com",
    "AUTH_URL=https://id.example.com/realms/x",
    "JWT_ISSUER=https://id.example.com",
    "PASSWORD_MIN_LENGTH=12",
    "max_tokens=4096",
    "prompt_tokens=512",
    "SSH_PUBLIC_KEY=ssh-ed25519",
    "PGPASSWORD=$POSTGRES_PASSWORD psql -h db",
    "redis-cli -a ${REDIS_PASSWORD} ping",
    "mysql -p$$MYSQL_ROOT_PASSWORD shop",
    'PASSWORD="$(cat /run/secrets/db)" run',
    "password: {{ db_password }}",
    "PWD=/app",
    "AUTHOR=me",
    "httpd -f -p 8000",
    "docker run -p 8080:80 -u 1000:1000 acme/token-server:1.2",
    "mkdir -p /var/lib/secret-service",
    "ssh -p 2222 host",
    "tar -pxzf a.tgz",
    "chown -R www-data /srv/keys",
    "acme/secret-service:1.2.3",
    "registry.example.com:5000/auth:2.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "http://db:5432/a@b",
    "https://example.com:8443/x?page=2",
    "git clone ssh://git@example.com/a.git",
    'FATAL: password authentication failed for user "app"',
    "invalid token: unexpected end of input",
    "error: token expired",
    "the secret is mounted at /run/secrets/db",
    "Authorization required",
    "basic auth is on",
    "listening on :8080",
    "shop_auth: 1/3 running (task 2 failed: exit code 1 on worker1)",
    "services.web.environment.DB_PASSWORD: a variable is a single value, but this is a list",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "docker service update --secret-rm old_key --secret-add new_key shop_web",
    "wget -qO- http://127.0.0.1:8080/health || exit 1",
    "find / -path /proc -prune -o -print",
]
#: Of these, a colon after a name is only a sentence's in messages of our own.
SENTENCES = {text for text in READABLE if text.startswith(("shop_auth", "services.web"))}


def sown(seed: int, form: str) -> tuple[str, list[str]]:
    """The text of a form with secrets in it, and the pieces that must not be seen."""
    chance = random.Random(f"{form} {seed}")
    tail = "".join(chance.choice("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(12))
    secret = MARK + tail
    key = "".join(chance.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(59))
    coded = base64.b64encode(f"user:{secret}".encode()).decode()
    access = "SOWN9" + tail.upper()[:11]
    text = dict(FORMS)[form]
    for mark, value in (("{S}", secret), ("{K}", MARK + key), ("{B}", coded), ("{A}", access)):
        text = text.replace(mark, value)
    return text, [MARK, tail, coded, access]

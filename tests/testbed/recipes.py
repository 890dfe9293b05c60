"""The contents of the bed's images. A new image is a new row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .packages import Release

ASSETS = Path(__file__).with_name("assets")
RELEASE = "bookworm"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
POSTGRES_UID = 70
#: Dependencies that a container does not need (patterns of whole package names).
NEVER = (
    "adduser", "debconf", "dpkg", "gcc-12-base", "libllvm.*", "libperl.*", "locales.*", "login", "lsb-base",
    "mailcap", "media-types", "openssl", "passwd", "perl.*", "postgresql-client-common", "postgresql-common",
    "readline-common", "sensible-utils", "ssl-cert", "sysvinit-utils", "tar", "ucf",
)  # fmt: skip
#: Applets of busybox that every image gets, so that health checks and scripts work.
APPLETS = (
    "awk", "basename", "cat", "chmod", "chown", "cp", "cut", "date", "dd", "df", "dirname", "echo", "env", "false",
    "find", "grep", "head", "hostname", "httpd", "id", "ip", "kill", "ln", "ls", "mkdir", "mktemp", "mv", "nc",
    "nslookup", "ping", "ps", "rm", "sed", "seq", "sh", "sleep", "sort", "stat", "tail", "tee", "test", "touch", "tr",
    "true", "uname", "uniq", "wc", "wget", "xargs",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """The content of an image. ``packages`` are installed with their dependencies, except ``NEVER``.

    ``files`` and ``links`` are pairs: (path in the image, source) and (target, path of the link in the image).
    ``drop`` are globs in the unpacked tree, ``ownership`` pairs of path and uid.
    """

    packages: tuple[str, ...]
    configuration: tuple[tuple[str, object], ...]
    files: tuple[tuple[str, Path], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    users: tuple[tuple[str, int], ...] = ()
    ownership: tuple[tuple[str, int], ...] = ()
    #: A version of Caddy (``caddies``) as /usr/bin/caddy.
    caddy: str = ""

    @property
    def config(self) -> dict[str, object]:
        return dict(self.configuration)

    @property
    def owners(self) -> dict[str, int]:
        return dict(self.ownership)

    def archives(self) -> list[Path]:
        release = Release(RELEASE)
        return release.download(["busybox-static"]) + (
            release.download(self.packages, True, NEVER) if self.packages else []
        )


#: Links of every image.
COMMON = (("../run", "var/run"),) + tuple(("busybox", f"usr/bin/{name}") for name in APPLETS)
RECIPES = {
    "busybox": Recipe(
        packages=(),
        configuration=(("Env", [PATH]), ("Cmd", ["sh"])),
        links=COMMON,
        folders=("www", "root"),
    ),
    "caddy": Recipe(
        packages=("caddy",),
        configuration=(
            ("Env", [PATH, "XDG_CONFIG_HOME=/config", "XDG_DATA_HOME=/data"]),
            ("Cmd", ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]),
        ),
        links=COMMON,
        folders=("config", "data", "root"),
    ),
    "caddy-2.11": Recipe(
        packages=("libc6",),
        configuration=(
            ("Env", [PATH, "XDG_CONFIG_HOME=/config", "XDG_DATA_HOME=/data"]),
            ("Cmd", ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]),
        ),
        links=COMMON,
        folders=("config", "data", "root"),
        caddy="2.11",
    ),
    **{
        name: Recipe(
            packages=(f"prometheus-{name}" if name != "prometheus" else name,),
            configuration=(("Env", [PATH]), ("Entrypoint", [f"/usr/bin/{binary}"])),
            links=COMMON,
            drop=("usr/share/javascript", "usr/share/nodejs", "usr/share/fonts"),
            folders=("root",),
        )
        for name, binary in (
            ("prometheus", "prometheus"),
            ("node-exporter", "prometheus-node-exporter"),
            ("alertmanager", "prometheus-alertmanager"),
            ("blackbox-exporter", "prometheus-blackbox-exporter"),
        )
    },
    "python": Recipe(
        packages=("python3-minimal", "libpython3-stdlib", "python3-psycopg2"),
        configuration=(("Env", [PATH, "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1"]), ("Cmd", ["python3"])),
        links=COMMON,
        folders=("app", "root"),
    ),
    "memcached": Recipe(
        packages=("memcached",),
        configuration=(("Env", [PATH]), ("Cmd", ["memcached"]), ("User", "11211:11211")),
        links=COMMON,
        folders=("root",),
        users=(("memcache", 11211),),
    ),
    "redis": Recipe(
        packages=("redis-server",),
        configuration=(("Env", [PATH]), ("Cmd", ["redis-server"])),
        links=(*COMMON, ("redis-server", "usr/bin/valkey-server"), ("redis-cli", "usr/bin/valkey-cli")),
        folders=("root",),
    ),
    "docker-registry": Recipe(
        packages=("docker-registry",),
        configuration=(
            ("Env", [PATH, "OTEL_TRACES_EXPORTER=none", "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/var/lib/registry"]),
            ("Cmd", ["docker-registry", "serve", "/etc/docker/registry/config.yml"]),
        ),
        links=COMMON,
        folders=("root",),
    ),
    "postgres": Recipe(
        packages=("postgresql-15", "util-linux", "libcap-ng0"),
        configuration=(
            (
                "Env",
                [PATH.replace("=", "=/usr/lib/postgresql/15/bin:"), "PGDATA=/var/lib/postgresql/data", "LANG=C.UTF-8"],
            ),
            ("Entrypoint", ["/usr/local/bin/docker-entrypoint.sh"]),
            ("Cmd", ["postgres"]),
            ("ExposedPorts", {"5432/tcp": {}}),
            ("StopSignal", "SIGINT"),
        ),
        files=(("usr/local/bin/docker-entrypoint.sh", ASSETS / "postgres-entrypoint.sh"),),
        links=COMMON,
        drop=("usr/lib/postgresql/15/lib/bitcode", "usr/lib/postgresql/15/lib/llvmjit*", "usr/share/locale/*"),
        folders=("var/lib/postgresql/data", "run/postgresql", "root"),
        users=(("postgres", POSTGRES_UID),),
        ownership=(("var/lib/postgresql", POSTGRES_UID), ("run/postgresql", POSTGRES_UID)),
    ),
}

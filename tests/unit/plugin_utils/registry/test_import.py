"""Compose files as a registry: what is carried, with its comments, and what is said of the rest."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import read_registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.importing.carried import split_image
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.importing.import_files import import_files
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Source

SHOP = """\
# The shop
# of acme

# never edit on Friday
name: shop

x-log: &log   # shared
  driver: json-file

services:
  # the front
  web:
    image: nginx:${TAG:-1.27}  # pinned
    ports:
      # plain http
      - "8080:80"  # to all
    environment:
      # how loud
      LEVEL: "no"
      URL: "http://x/#y"  # not a comment inside
      TEXT: |
        # inside
        text
      # after the block
      LAST: a   # last
    logging: *log
    healthcheck:
      test: curl -f localhost   # quick
    restart: "no"
  db: {image: "reg:5000/pg:16", volumes: ["data:/d", "./conf:/c:ro"]}
networks:
  front:
    ipam: {config: [{subnet: 10.1.0.0/24}]}
volumes:
  data:   # the data
# the end
"""

REGISTRY = """\
# Imported from compose.yml.
#
# The shop
# of acme
#
# never edit on Friday

networks:
  front:
    subnet: 10.1.0.0/24

volumes:
  data:  # the data

services:
  # the front
  web:
    image: nginx  # pinned
    version: ${TAG:-1.27}
    ports:
      # plain http
      - "8080:80"  # to all
    environment:
      # how loud
      LEVEL: "no"
      URL: "http://x/#y"  # not a comment inside
      TEXT: |
        # inside
        text
      # after the block
      LAST: a  # last
    compose:
      restart: "no"
      logging:
        driver: json-file
      healthcheck:
        test: curl -f localhost  # quick

  db:
    image: reg:5000/pg
    version: "16"
    volumes:
      - data:/d
      - ./conf:/c:ro

x-log:  # shared
  driver: json-file

# the end
"""


class Files:
    def __init__(self, files):
        self.files = {path: text.encode() for path, text in files.items()}

    def read(self, path, below=None):
        del below
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(path) from None


def imported(files, *paths, to="/p"):
    files = {"/p/compose.yml": files} if isinstance(files, str) else files
    return import_files(paths or ["/p/compose.yml"], reader=Files(files), to=to)


def services(made):
    return read_registry([Source("services.registry.yaml", made.text.encode())])[0].services


def test_a_file_becomes_a_registry_with_its_comments():
    made = imported(SHOP)
    assert made.text == REGISTRY
    assert (made.services, made.files, made.problems) == (["web", "db"], ["/p/compose.yml"], [])
    assert [(p.key, p.line, p.code) for p in made.notices] == [("name", 5, "not_carried")]
    assert services(made)["web"].image == "nginx:${TAG:-1.27}"
    assert imported(SHOP).text == made.text


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("nginx", ("nginx", "")),
        ("nginx:1.27", ("nginx", "1.27")),
        ("reg.example:5000/a/b:1.0-alpine", ("reg.example:5000/a/b", "1.0-alpine")),
        ("reg.example:5000/a/b", ("reg.example:5000/a/b", "")),
        ("nginx:${TAG}", ("nginx", "${TAG}")),
        ("nginx:$TAG", ("nginx", "$TAG")),
        ("nginx:${TAG:-1.27}", ("nginx", "${TAG:-1.27}")),
        ("nginx:v${TAG}", ("nginx:v${TAG}", "")),
        ("${IMAGE}", ("${IMAGE}", "")),
        ("${IMAGE:-nginx:1}", ("${IMAGE:-nginx:1}", "")),
        ("${REGISTRY}/app:1", ("${REGISTRY}/app:1", "")),
        ("app@sha256:" + "0" * 64, ("app", "sha256:" + "0" * 64)),
        ("reg:5000/app@sha256:" + "0" * 64, ("reg:5000/app", "sha256:" + "0" * 64)),
        ("app:1@sha256:" + "0" * 64, ("app:1@sha256:" + "0" * 64, "")),
    ],
)
def test_an_image_is_split_only_where_that_changes_nothing(image, parts):
    assert split_image(image) == parts
    name, version = parts
    made = imported(f"services: {{web: {{image: '{image}'}}}}")
    assert services(made)["web"].image == image
    assert version in made.text


def test_each_file_is_a_category_and_paths_are_seen_from_the_registry():
    files = {
        "/p/compose.yml": "include: [mon/monitoring.yml, {path: db/docker-compose.yml}]\n"
        "services: {web: {image: 'nginx:1', volumes: ['./site:/s', data:/d, '/abs:/a', '${X}:/x'], "
        "env_file: web.env}}\n"
        "volumes: {data: }\n",
        "/p/mon/monitoring.yml": "services: {prom: {image: 'prom:1', env_file: [a.env, {path: ../b.env}], "
        "volumes: [./rules:/r, {type: bind, source: ./conf, target: /c}]}}\nconfigs: {c: {file: c.txt}}\n",
        "/p/db/docker-compose.yml": "services: {db: {image: 'pg:1', build: {context: .}}}\nsecrets: {s: {file: ./s}}\n",
    }
    made = imported(files, to="/p")
    assert sorted(made.files) == sorted(files)
    found = services(made)
    assert {name: service.category for name, service in found.items()} == {
        "prom": "monitoring",
        "db": "services",
        "web": "services",
    }
    assert found["prom"].keys["volumes"][0] == "./mon/rules:/r"
    assert found["prom"].keys["volumes"][1]["source"] == "./mon/conf"
    assert found["prom"].keys["compose"]["env_file"] == ["./mon/a.env", {"path": "./b.env"}]
    assert found["web"].keys["volumes"] == ["./site:/s", "data:/d", "/abs:/a", "${X}:/x"]
    assert found["db"].keys["compose"]["build"] == {"context": "./db"}
    assert "file: ./mon/c.txt" in made.text and "file: ./db/s" in made.text
    moved = imported(files, to="/p/registry").text
    assert "../mon/rules:/r" in moved and "../site:/s" in moved


def test_a_service_of_several_files_is_merged():
    files = {
        "/p/compose.yml": "services:\n  web: {image: 'nginx:1', ports: ['80:80'], environment: [A=1, B=2]}\n"
        "  db: {image: pg}\n",
        "/p/prod.yml": "services: {web: {environment: {B: '3'}, deploy: {replicas: 2}}, extra: {image: 'x:1'}}\n",
    }
    made = imported(files, "/p/compose.yml", "/p/prod.yml")
    found = services(made)
    assert found["web"].category == "services" and found["extra"].category == "prod"
    assert found["web"].keys["environment"] == {"A": "1", "B": "3"}
    assert found["web"].keys["deploy"] == {"replicas": 2}
    assert [p.code for p in made.notices] == ["merged"] and made.problems == []


def test_extends_is_resolved_and_its_variables_stay():
    files = {
        "/p/compose.yml": "services:\n  web: {extends: {service: base, file: b/common.yml}, image: 'nginx:${TAG}'}\n",
        "/p/b/common.yml": "services: {base: {environment: {A: '${A}'}, volumes: ['./x:/x']}}\n",
    }
    made = imported(files)
    web = services(made)["web"]
    assert web.image == "nginx:${TAG}" and web.keys["environment"] == {"A": "${A}"}
    assert web.keys["volumes"][0]["source"] == "./b/x"


def test_parts_with_variables_that_can_not_be_merged_are_named():
    files = {
        "/p/compose.yml": "services: {web: {image: 'nginx:1', ports: ['${P}:80']}, db: {image: 'pg:1'}}\n",
        "/p/b.yml": "services: {web: {ports: ['81:81']}}\n",
    }
    made = imported(files, "/p/compose.yml", "/p/b.yml")
    assert made.services == ["db"]
    assert [(p.key, p.code) for p in made.problems] == [("services.web", "not_carried")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {a: {build: .}, b: {image: x}}", "is built from sources"),
        ("services: {a: {command: x}, b: {image: x}}", "has no image"),
        ("services: {a: , b: {image: x}}", "is not a service"),
        ("services: {b: {image: x}}\nmodels: {m: {model: x}}", "'models' is not carried"),
        ("services: {b: {image: x}}\nnetworks: {n: {odd: 1}}", "'odd' is not carried"),
        ("include: [{path: c.yml, env_file: a.env}]\nservices: {b: {image: x}}", "env_file is not carried"),
    ],
)
def test_what_is_not_carried_is_named_with_its_place(text, said):
    made = imported({"/p/compose.yml": text, "/p/c.yml": "services: {}"})
    assert made.services == ["b"]
    (found,) = [problem for problem in (*made.problems, *made.notices) if said in problem.message]
    assert found.file == "/p/compose.yml" and found.line >= 1 and found.code == "not_carried"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ("", "no_mapping"),
        ("- a\n", "no_mapping"),
        ("services: {}\n", "no_service"),
        ("services: [a]\n", "no_service"),
        ("a: b: c\n", "yaml_syntax"),
        ("\x00", "encoding"),
        ({}, "file_missing"),
        ({"/p/compose.yml": "include: [x.yml]\nservices: {a: {image: b}}"}, "file_missing"),
        ({"/p/compose.yml": "include: [compose.yml]\nservices: {a: {image: b}}"}, "include_cycle"),
        ({"/p/compose.yml": "include: ['${X}/a.yml']\nservices: {a: {image: b}}"}, "include"),
        ({"/p/compose.yml": "include: ['https://x/a.yml']\nservices: {a: {image: b}}"}, "include"),
        ("services: {a: {build: .}}\n", "not_carried"),
        ("services: {a: {image: b}, a: {image: c}}\n", "duplicate_key"),
    ],
)
def test_files_that_make_no_registry_are_refused_in_one_error(files, code):
    with pytest.raises(ComposeError) as refused:
        imported(files)
    assert code in [problem.code for problem in refused.value.problems]


@pytest.mark.parametrize(
    "service",
    [
        "{image: x, extends: y}",
        "{image: x, volumes: 5, ports: {a: 1}, networks: 7, deploy: [], environment: 3}",
        "{image: x, command: null, entrypoint: '', restart: no, user: 1000}",
        "{image: x, depends_on: {y: {condition: service_healthy}}, healthcheck: {disable: true}}",
        "{image: x, labels: [a=b], x-mine: {a: [1]}, odd: 1}",
        "{image: x, cpus: 0.50, environment: {A: 1e6, B: 0x10, C: 1.10, D: true, E: , F: 2026-01-01}}",
        "[1]",
    ],
)
def test_odd_services_give_no_traceback_and_a_text_that_reads(service):
    made = imported(f"services: {{a: {service}, y: {{image: y}}}}")
    assert "y" in made.services
    try:
        read_registry([Source("r", made.text.encode())])
    except ComposeError as error:
        assert all(problem.line for problem in error.problems)


def test_two_includes_with_one_service_name_are_named():
    files = {
        "/p/compose.yml": "include: [a.yml, b.yml]\n",
        "/p/a.yml": "services: {web: {image: 'a:1'}}\n",
        "/p/b.yml": "services: {web: {image: 'b:1'}}\n",
    }
    made = imported(files)
    assert made.services == ["web"]
    assert [(p.key, p.file) for p in made.problems] == [("services.web", "/p/b.yml")]


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("compose.yml", "services"),
        ("docker-compose.yaml", "services"),
        ("docker-compose.prod.yml", "services"),
        ("stack.yml", "services"),
        ("networks.yml", "networks-services"),
        ("My Files!.yml", "my-files"),
        ("x-a.yml", "a"),
        ("...yml", "services"),
    ],
)
def test_the_category_is_named_after_the_file(name, category):
    path = f"/p/{name}"
    found = services(imported({path: "services: {web: {image: a}}"}, path))
    assert found["web"].category == category


def test_comments_stay_with_odd_layouts():
    text = (
        "# head\r\n\r\nservices:\r\n  web:   # beside\r\n    image: x:1 # v\r\n    command:\r\n    - a  # first\r\n"
        "    # second\r\n    - b\r\n    environment:\r\n      A: 'it''s # no'\r\n      B: >\r\n        folded # no\r\n"
        '        text\r\n      # for C\r\n      C: "x \\\r\n        y # no"  # yes\r\n'
    )
    made = imported(text)
    for words in ("# head", "# beside", "# v", "# first", "# second", "# for C", "# yes"):
        assert made.text.count(words) == 1, words
    web = services(made)["web"]
    assert web.keys["environment"] == {"A": "it's # no", "B": "folded # no text\n", "C": "x y # no"}
    assert web.keys["command"] == ["a", "b"]

"""From a file with expressions to a container's texts: the compiled and bound result, byte for byte."""

import base64
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import GENERATORS
from ansible_collections.stackwright.swarm.plugins.module_utils.values.making import given_of, make_missing
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seeded import Seeded
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import (
    bind_values,
    references_in,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.expressions import Call, parse
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.shield import shield

PLANTED = "pl4nted-v4lue"


def compiled(text, files=(), **options):
    request = CompileRequest([Source("compose.yml", text)], name="shop", **options)
    return compile_stack(request, MemoryFiles(dict(files)))


def bound(desired, seed="s"):
    known = given_of(desired["values"])
    known.update(make_missing(desired["values"], known, Seeded(seed, ""), 0))
    # The result on the manager.
    return bind_values(json.loads(json.dumps(desired)), known), known


def environment(desired, service="web"):
    spec = next(each for each in desired["services"] if each["key"] == service)["spec"]
    return dict(entry.split("=", 1) for entry in spec["TaskTemplate"]["ContainerSpec"]["Env"])


def test_the_documented_example_in_one_go():
    desired = compiled("""
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_USER: {{ generate_user }}              # Random username slug
      POSTGRES_PASSWORD: {{ generate_secure_password }} # 64-char hex token
      POSTGRES_DB: {{ generate_random_slug }}          # Random database name
      API_TOKEN: {{ generate_random_chars_32 }}        # 32 alphanumeric chars
      SECRET_KEY: {{ generate_random_chars_64 }}       # 64 alphanumeric chars
""")
    made = environment(bound(desired)[0], "db")
    name = "[a-z]+_[a-z]+_[0-9]{4}"
    forms = {
        "API_TOKEN": "[A-Za-z0-9]{32}",
        "POSTGRES_DB": name,
        "POSTGRES_PASSWORD": "[0-9a-f]{64}",
        "POSTGRES_USER": name,
        "SECRET_KEY": "[A-Za-z0-9]{64}",
    }
    assert sorted(made) == sorted(forms)
    assert all(re.fullmatch(form, made[key]) for key, form in forms.items())


NASTY = ["'\"`\\ $HOME ${X} $$ # no comment", "two\nlines\r\n\tx", "käse 漢字 😀", "x" * 100_000, " ", "%s {0}", "="]


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize("sensitive", [True, False])
def test_overrides_arrive_byte_for_byte(value, sensitive):
    overrides = {"services": {"web": {"A": {"value": value, "sensitive": sensitive}}}}
    desired = compiled("services: {web: {image: x, environment: {A: file}}}", env_overrides=overrides)
    assert environment(bound(desired)[0]) == {"A": value}
    assert references_in(desired) == ({"web/A"} if sensitive else set())


def test_a_sensitive_value_stands_nowhere_but_in_given():
    overrides = {"stack": {"KEY": {"value": PLANTED, "sensitive": True}}}
    desired = compiled(
        "services: {web: {image: x, command: 'run ${KEY}'}}\nsecrets: {s: {environment: KEY}}", env_overrides=overrides
    )
    assert [entry.pop("given") for entry in desired["values"]] == [PLANTED]
    text = json.dumps(desired)
    assert PLANTED not in text
    assert base64.b64encode(PLANTED.encode()).decode() not in text
    again = compiled(
        "services: {web: {image: x, command: 'run ${KEY}'}}\nsecrets: {s: {environment: KEY}}", env_overrides=overrides
    )
    whole, _known = bound(again)
    assert base64.b64decode(whole["secrets"][0]["data"]).decode() == PLANTED


def test_problems_show_no_sensitive_value():
    overrides = {
        "stack": {
            "A": {"value": PLANTED, "sensitive": True},
            "B": {"value": [PLANTED]},
            "C": {"value": PLANTED, "sensitive": "x"},
        },
        "services": {"nobody": {"A": PLANTED}, "web": PLANTED},
    }
    text = "name: ${A}\nservices: {web: {image: 'x:${A}', ports: ['${A}:1'], volumes: ['${A}:/x'], user: '${A:x}'}}"
    with pytest.raises(ComposeError) as caught:
        compiled(text, env_overrides=overrides)
    assert len(caught.value.problems) > 6
    assert PLANTED not in str(caught.value) + repr(caught.value.details)
    assert "\0" not in str(caught.value)


def test_nul_in_a_file_is_a_problem_and_no_reference():
    with pytest.raises(ComposeError, match="a text can't hold a NUL"):
        compiled('services: {web: {image: x, environment: {A: "\\0stack/A\\0"}}}')
    with pytest.raises(ComposeError, match="the variable V contains a NUL"):
        compiled("services: {web: {image: x}}", variables={"V": "\0stack/A\0"})
    with pytest.raises(ComposeError, match="contains a NUL"):
        compiled("services: {web: {image: x, env_file: a.env}}", files={"a.env": "A=\0stack/A\0\n"})
    with pytest.raises(ComposeError, match="a text can't hold a NUL"):
        compiled({"services": {"web": {"image": "x", "environment": {"A": "\0stack/A\0"}}}})


def test_a_parsed_definition_has_expressions_too():
    desired = compiled({"services": {"web": {"image": "x", "environment": {"A": "{{ generate_user }}"}}}})
    assert [entry["name"] for entry in desired["values"]] == ["web/A"]


def test_twice_the_same_is_the_same():
    text = (
        "x-env: {A: {{ generate_hex }}}\nservices: {web: {image: x, environment: {B: {{ generate_user }}, A: '${A}'}}}"
    )
    assert compiled(text) == compiled(text)


def test_values_that_nothing_uses_are_left_out_but_the_stack_s_own():
    text = """
x-env: {KEPT: {{ generate_hex }}}
services:
  web: {image: x, environment: {A: {{ generate_user }}}}
  night: {image: x, profiles: [night], environment: {A: {{ generate_user }}}}
"""
    overrides = {"services": {"web": {"A": "fixed"}, "night": {"B": {"value": "x", "sensitive": True}}}}
    assert [entry["name"] for entry in compiled(text, env_overrides=overrides)["values"]] == ["stack/KEPT"]


@pytest.mark.slow
def test_long_chains_and_circles_of_names_are_no_traceback():
    """Each name refers to the next one in thirty nested braces; in a circle, the last one to the first."""
    nested = "${X:-" * 28 + "${A%d}" + "}" * 28
    for count, last, told in (
        (3000, "A3000: x", ""),
        (3000, "A3000: $A0", "depend on too many other names"),
        (300, "B: x", ""),
    ):
        block = "\n".join(f"  A{number}: {nested % (number + 1)}" for number in range(count))
        text = f"x-env:\n{block}\n  {last}\nservices: {{a: {{image: x, environment: {{A: $A0}}}}}}\n"
        if told:
            with pytest.raises(ComposeError, match=told):
                compiled(text)
        else:
            compiled(text)


values = st.one_of(st.integers(-99, 99), st.booleans(), st.text("abc xyz/.@-,:#{", max_size=8))


@given(
    st.sampled_from(sorted(GENERATORS)),
    st.lists(values, max_size=3),
    st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), values, max_size=3),
    st.text("ab {}\n'$", max_size=5),
)
def test_every_call_is_read_as_it_was_written(name, positional, named, around):
    def written(value):
        return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else f'"{value}"'

    arguments = [*map(written, positional), *(f"{key} = {written(value)}" for key, value in named.items())]
    around = around.replace("{{", "").replace("}}", "")
    text = f"{around} {{{{ {name}({', '.join(arguments)}) }}}} {around}"
    calls = [part for part in parse(text) if isinstance(part, Call)]
    assert calls == [Call(name, tuple(positional), named)]
    assert [part for part in parse(text) if part not in calls] == [f"{around} ", f" {around}"]


@given(st.lists(st.sampled_from(["{{ generate_x }}", "{{generate_y(1, a='b')}}", "{{", "}}", "a: ", "#", "\n", "[,]"])))
def test_shielding_is_undone_and_moves_nothing(parts):
    text = "".join(parts)
    shielded, back = shield(text)
    assert len(shielded) == len(text)
    assert shielded.translate(back) == text


def test_texts_with_the_stand_ins_themselves():
    text = "A: {{ generate_user }}\nB: \U0010f000\U0010f006"
    shielded, back = shield(text)
    assert shielded.translate(back) == text
    assert not any(chr(char) in text for char in back)


@given(st.text("{}generate_userhex()\"'=, \n-|1", max_size=40))
def test_anything_between_braces_is_a_value_or_a_problem(text):
    document = {"services": {"web": {"image": "x", "environment": {"A": "{{ generate_" + text + " }}", "B": text}}}}
    try:
        compiled(document)
    except ComposeError as error:
        assert error.problems


@pytest.mark.parametrize(
    ("shared", "expected"),
    [
        ([], ["db", "acme-dev-shop_db"]),
        (["zane"], ["HASH-db", "HASH_db"]),
    ],
)
def test_an_alias_is_a_name_that_the_service_has(shared, expected):
    text = """
x-zane-env: {NEAR: "{{ network_alias | 'db' }}", FAR: "{{ global_alias | 'db' }}"}
services:
  web: {image: x, environment: {NEAR: "${NEAR}", FAR: "${FAR}"}}
  db: {image: x}
"""
    request = CompileRequest([Source("compose.yml", text)], "shop", "acme", "dev", shared_networks=shared)
    desired = compile_stack(request, MemoryFiles({}))
    specs = {service["key"]: service["spec"]["TaskTemplate"] for service in desired["services"]}
    names = [name.replace("HASH", desired["stack"]["hash"]) for name in expected]
    assert specs["web"]["ContainerSpec"]["Env"] == [f"FAR={names[1]}", f"NEAR={names[0]}"]
    known = {alias for network in specs["db"]["Networks"] for alias in network.get("Aliases") or ()}
    assert set(names) <= {*known, "acme-dev-shop_db"}

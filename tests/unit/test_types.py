"""Typed requests: how many parameters still take ``Any``, and whether the Engine's types are the checked shapes."""

import ast
import functools
import re
from pathlib import Path

import parsed
import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.shape import Map, Obj
from ansible_collections.stackwright.swarm.plugins.module_utils.engine import shapes

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
STUB = PLUGINS / "module_utils/swarm/api_types.pyi"
OURS = "ansible_collections.stackwright.swarm.plugins."

#: Parameters whose annotation has Any, and those whose annotation has an alias of a type with Any. Only lower them.
MOST, MOST_BY_ALIAS = 250, 125


def parameters(text):
    for node in parsed.nodes(text):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            given = node.args
            both = (given.vararg, given.kwarg)
            for parameter in (*given.posonlyargs, *given.args, *given.kwonlyargs, *both):
                if parameter is not None and parameter.annotation is not None:
                    yield parameter


def names(node):
    """Returns the names in an annotation, also in a string annotation."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.update(re.findall(r"\w+", part.value))
    return found


def aliases_of(texts):
    """Returns (file, name) of each alias of a type with Any, and of each import of one."""
    made, imported = [], []
    for path, text in texts.items():
        for node in parsed.tree(text).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
                targets = {(path, target.id) for target in node.targets if isinstance(target, ast.Name)}
                made.append((targets, {(path, name) for name in names(node.value)}))
        for node in parsed.nodes(text):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(OURS):
                origin = f"{node.module[len(OURS) :].replace('.', '/')}.py"
                imported += [((path, a.asname or a.name), (origin, a.name)) for a in node.names]
    known, found, before = {(path, "Any") for path in texts}, set(), None
    while before != len(found):
        before = len(found)
        found.update(
            *(targets for targets, parts in made if not parts.isdisjoint(known) or not parts.isdisjoint(found))
        )
        found |= {here for here, there in imported if there in found}
    return found


def counted(texts):
    """Counts the parameters with Any in their annotation, and those with only an alias of such a type."""
    hidden = {}
    for path, name in aliases_of(texts):
        hidden.setdefault(path, set()).add(name)
    direct = by_alias = 0
    for path, text in texts.items():
        for parameter in parameters(text):
            used = names(parameter.annotation)
            direct += "Any" in used
            by_alias += "Any" not in used and not used.isdisjoint(hidden.get(path, ()))
    return direct, by_alias


def test_fewer_and_fewer_parameters_take_any():
    texts = {path.relative_to(PLUGINS).as_posix(): path.read_text() for path in PLUGINS.rglob("*.py")}
    direct, by_alias = counted(texts)
    assert direct <= MOST, "give the new parameters types: Clock, those of the stubs (*.pyi), or object"
    assert by_alias <= MOST_BY_ALIAS, "an alias of a type with Any says no more than Any"


def test_the_counter_sees_every_place():
    text = "A = Dict[str, Any]\nB = List[A]\ndef f(a: Any, *b: A, c: 'List[Any]', d: B, e: int, **g: object): pass"
    assert counted({"here.py": text}) == (2, 2)
    there = f"from {OURS}here import A\nclass C:\n    def f(self, a: A, b: int): pass"
    assert counted({"here.py": "A = Dict[str, Any]", "there.py": there}) == (0, 1)


@functools.cache
def typed():
    """Returns the annotated fields of each class of the stub."""
    found = {}
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ClassDef):
            fields = (part for part in node.body if isinstance(part, ast.AnnAssign))
            found[node.name] = {part.target.id: ast.unparse(part.annotation) for part in fields}
    return found


def differing(type_, shape, place, types):
    """Returns the differences between a type and a shape."""
    if isinstance(shape, Obj):
        fields = types.get(type_, {})
        if fields.keys() != shape.fields.keys():
            yield f"{place}: {type_} has not the fields of the shape: {sorted(fields.keys() ^ shape.fields.keys())}"
        for name in fields.keys() & shape.fields.keys():
            yield from differing(fields[name], shape.fields[name], f"{place}.{name}", types)
    elif isinstance(shape, list):
        inner = re.fullmatch(r"List\[(\w+)\]", type_)
        yield from differing(inner.group(1), shape[0], place, types) if inner else [f"{place}: {type_} is not a list"]
    elif isinstance(shape, Map):
        if type_ != "Labels" or shape.inner is not str:
            yield f"{place}: {type_} is not a map of texts"
    elif type_ != shape.__name__:
        yield f"{place}: {type_} is not {shape.__name__}"


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("Service", shapes.SERVICE),
        ("Task", shapes.TASK),
        ("Node", shapes.NODE),
        ("Network", shapes.NETWORK),
        ("Config", shapes.CONFIG),
        ("Info", shapes.INFO),
        ("Swarm", shapes.SWARM),
        ("Container", shapes.CONTAINER),
        ("Inspected", shapes.ONE_CONTAINER),
        ("Image", shapes.IMAGE),
        ("Volumes", shapes.VOLUMES),
    ],
)
def test_a_type_has_the_fields_that_are_checked(name, shape):
    assert list(differing(name, shape, name, typed())) == []


def test_a_field_of_another_type_is_seen():
    types = {"Service": {"ID": "int", "Spec": "ServiceSpec"}, "ServiceSpec": {"Labels": "List[str]"}}
    shape = Obj(ID=str, Spec=Obj(Labels=Map(str)))
    assert sorted(differing("Service", shape, "Service", types)) == [
        "Service.ID: int is not str",
        "Service.Spec.Labels: List[str] is not a map of texts",
    ]
    assert len(list(differing("Service", Obj(ID=int), "Service", types))) == 1

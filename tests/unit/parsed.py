"""Python sources as trees, parsed once per process for all tests. Tests must not change a tree."""

import ast
import functools


@functools.cache
def tree(text):
    return ast.parse(text)


@functools.cache
def nodes(text):
    """Returns all nodes of a text's tree, in the order of ``ast.walk``."""
    return list(ast.walk(tree(text)))

"""Python sources as trees: parsed once in a process, whichever tests look at them. Nobody may change a tree."""

import ast
import functools


@functools.cache
def tree(text):
    return ast.parse(text)


@functools.cache
def nodes(text):
    """All nodes of a text's tree, as ``ast.walk`` gives them."""
    return list(ast.walk(tree(text)))

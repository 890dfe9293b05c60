"""The names with which a node lists a service's image."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.node_cleanup import names_of

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("image", "names"),
    [
        ("nginx", ["nginx:latest"]),
        ("nginx:1.25", ["nginx:1.25"]),
        ("docker.io/library/nginx:1.25", ["nginx:1.25"]),
        ("docker.io/acme/shop:1", ["acme/shop:1"]),
        ("registry.example.com:5000/shop", ["registry.example.com:5000/shop:latest"]),
        (
            f"registry.example.com:5000/shop:1@{DIGEST}",
            [f"registry.example.com:5000/shop@{DIGEST}", "registry.example.com:5000/shop:1"],
        ),
        (f"nginx@{DIGEST}", [f"nginx@{DIGEST}"]),
    ],
)
def test_names_of_an_image(image, names):
    assert names_of(image) == names

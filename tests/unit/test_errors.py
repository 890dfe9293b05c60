from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem


def test_a_compose_error_lists_every_problem_in_the_order_of_the_file():
    error = ComposeError(
        [
            Problem("must be text", "services.b.image", "compose.yml", 9, 5, code="type"),
            Problem(
                "unknown key", "services.a.imge", "compose.yml", 3, 5, hint="did you mean 'image'?", code="unknown"
            ),
        ]
    )
    assert error.error_code == "invalid_compose"
    assert str(error).splitlines() == [
        "2 problems in the Compose files:",
        "  compose.yml:3:5: services.a.imge: unknown key (did you mean 'image'?)",
        "  compose.yml:9:5: services.b.image: must be text",
    ]
    assert [p["line"] for p in error.details["problems"]] == [3, 9]

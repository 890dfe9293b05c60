"""An AWX that only keeps its objects: the part of the API v2 that the modules of awx.awx 24.6 use, in one process.

The fields of each kind are those of AWX 24.6. Like AWX, it passes over a field that the kind does not have.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


def words(text: str) -> set[str]:
    return set(text.split())


NAMED = words("name description organization")
ASKED = words("""scm_branch diff_mode variables limit tags skip_tags job_type verbosity inventory credential labels
    forks execution_environment job_slice_count timeout instance_groups""")
ASKS = {f"ask_{what}_on_launch" for what in ASKED}
PROMPTS = words("job_type job_tags skip_tags limit diff_mode verbosity scm_branch forks timeout")
#: The writable fields of each kind.
FIELDS = {
    "organizations": words("name description max_hosts default_environment"),
    "execution_environments": NAMED | words("image credential pull"),
    "credential_types": words("name description kind inputs injectors"),
    "projects": NAMED
    | words("""scm_type scm_url scm_branch scm_refspec scm_clean scm_track_submodules scm_delete_on_update credential
        timeout scm_update_on_launch scm_update_cache_timeout allow_override local_path default_environment
        signature_validation_credential"""),
    "inventories": NAMED | words("kind host_filter variables prevent_instance_group_fallback"),
    "inventory_sources": words("""name description source source_path source_vars scm_branch credential enabled_var
        enabled_value host_filter overwrite overwrite_vars timeout verbosity limit execution_environment inventory
        update_on_launch update_cache_timeout source_project"""),
    "job_templates": NAMED
    | ASKS
    | PROMPTS
    | words("""inventory project playbook extra_vars force_handlers start_at_task use_fact_cache survey_enabled
        become_enabled allow_simultaneous job_slice_count webhook_service webhook_credential execution_environment
        host_config_key prevent_instance_group_fallback"""),
    "workflow_job_templates": NAMED
    | ASKS
    | PROMPTS
    | words("extra_vars survey_enabled allow_simultaneous inventory webhook_service webhook_credential"),
    "workflow_job_template_nodes": PROMPTS
    | words("""extra_data inventory workflow_job_template unified_job_template all_parents_must_converge identifier
        execution_environment job_slice_count"""),
    "workflow_approval_templates": words("name description timeout"),
    "schedules": PROMPTS
    | words("""name description rrule enabled unified_job_template extra_data inventory execution_environment
        job_slice_count"""),
    "teams": NAMED,
    "credentials": NAMED,
}
#: What has roles, and which of them are used.
ROLES = {"job_templates": ("execute", "admin", "read"), "workflow_job_templates": ("execute", "approval", "admin")}
TEMPLATES = ("projects", "inventory_sources", "job_templates", "workflow_job_templates", "workflow_approval_templates")


class Awx:
    """A context: the server at ``url``. ``objects`` has each by (kind, id), ``writes`` what was changed."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, int], dict] = {}
        self.links: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[tuple[str, int], dict] = {}
        self.writes: list[str] = []
        self._last = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments: object) -> None:
                pass

            def _answer(self, method: str) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size) or b"{}") if size else {}
                status, data = outer.serve(method, self.path, body)
                content = b"" if data is None else json.dumps(data).encode()
                self.send_response(status)
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("X-API-Product-Version", "24.6.1")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self._answer("GET")

            def do_POST(self) -> None:
                self._answer("POST")

            def do_PATCH(self) -> None:
                self._answer("PATCH")

            def do_DELETE(self) -> None:
                self._answer("DELETE")

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Awx:
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, kind: str, **fields: object) -> dict:
        """An object that is there already."""
        return self._create(kind, fields)

    def all(self, kind: str) -> list[dict]:
        return [item for (which, _id), item in sorted(self.objects.items()) if which == kind]

    def serve(self, method: str, path: str, body: dict) -> tuple[int, object]:
        parts = urlsplit(path)
        words = parts.path.strip("/").split("/")
        assert words[:2] == ["api", "v2"], path
        if method != "GET":
            self.writes.append(f"{method} {parts.path}")
        query = dict(parse_qsl(parts.query))
        kind, rest = words[2], words[3:]
        if not rest:
            return (200, self._list(kind, query)) if method == "GET" else (201, self._create(kind, body))
        key = (kind, int(rest[0]))
        if kind == "roles":
            return self._linked(method, key, rest[1], body)
        if key not in self.objects:
            return 404, {"detail": "Not found."}
        if len(rest) > 1:
            return self._below(method, key, rest[1], body)
        if method == "GET":
            return 200, self._shown(key)
        if method == "DELETE":
            self._delete(key)
            return 204, None
        return 200, self._changed(key, body)

    # -- one object

    def _create(self, kind: str, body: dict) -> dict:
        self._last += 1
        self.objects[kind, self._last] = _known(kind, body)
        return self._shown((kind, self._last))

    def _changed(self, key: tuple[str, int], body: dict) -> dict:
        self.objects[key].update(_known(key[0], body))
        return self._shown(key)

    def _delete(self, key: tuple[str, int]) -> None:
        del self.objects[key]
        for other, item in list(self.objects.items()):
            # As AWX does: what belongs to it goes with it.
            if (other[0] == "schedules" and item.get("unified_job_template") == key[1]) or (
                other[0] == "workflow_job_template_nodes" and item.get("workflow_job_template") == key[1]
            ):
                del self.objects[other]

    def _shown(self, key: tuple[str, int]) -> dict:
        kind, number = key
        url = f"/api/v2/{kind}/{number}/"
        related = {"survey_spec": f"{url}survey_spec/", "update": f"{url}update/"}
        roles = {
            f"{role}_role": {"id": number * 100 + index, "name": role} for index, role in enumerate(ROLES.get(kind, ()))
        }
        item = self.objects[key]
        shown = {"description": "", **item, "id": number, "url": url, "type": kind[:-1], "related": related}
        if kind == "credential_types":
            shown["managed"] = False
        if kind == "projects":
            shown.update(status="successful", scm_revision="1")
        if kind in ("inventories", "job_templates", "workflow_job_templates"):
            # AWX keeps them as text.
            for name in ("variables", "extra_vars"):
                shown[name] = shown.get(name, "")
        node = self.objects.get(("workflow_approval_templates", item.get("unified_job_template") or 0))
        summary = {"object_roles": roles}
        if kind == "workflow_job_template_nodes" and node is not None:
            summary["unified_job_template"] = {"unified_job_type": "workflow_approval"}
            related["unified_job_template"] = f"/api/v2/workflow_approval_templates/{item['unified_job_template']}/"
        return {**shown, "summary_fields": summary}

    # -- many

    def _list(self, kind: str, query: dict) -> dict:
        kinds = TEMPLATES if kind == "unified_job_templates" else (kind,)
        found = [self._shown(key) for key in sorted(self.objects) if key[0] in kinds]
        for name, value in query.items():
            field = name.removeprefix("or__")
            if field not in ("page_size", "order_by"):
                found = [item for item in found if str(item.get(field)) == value]
        return {"count": len(found), "next": None, "previous": None, "results": found}

    def _below(self, method: str, key: tuple[str, int], what: str, body: dict) -> tuple[int, object]:
        if what == "survey_spec":
            if method == "POST":
                assert {"name", "description", "spec"} <= set(body), body
                self.surveys[key] = body
            return 200, self.surveys.get(key, {})
        if what == "update":
            return 202, {"id": key[1]}
        if what == "create_approval_template":
            made = self._create("workflow_approval_templates", body)
            self.objects[key]["unified_job_template"] = made["id"]
            return 201, made
        return self._linked(method, key, what, body)

    def _linked(self, method: str, key: tuple[str, int], what: str, body: dict) -> tuple[int, object]:
        linked = self.links.setdefault((*key, what), [])
        if method == "GET":
            return 200, {"count": len(linked), "next": None, "results": [{"id": number} for number in linked]}
        if body.get("disassociate"):
            linked.remove(body["id"])
        else:
            linked.append(body["id"])
        return 204, None


def _known(kind: str, body: dict) -> dict:
    return {name: value for name, value in body.items() if name in FIELDS[kind]}

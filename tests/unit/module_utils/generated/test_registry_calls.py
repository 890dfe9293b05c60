"""The calls to registries: a redirect to storage on another host does not get the token."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from ansible_collections.stackwright.swarm.plugins.module_utils.generated.image_health import fetch


def test_a_redirect_does_not_get_the_token(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    seen = []

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers.get("Authorization"), self.headers.get("Accept")))
            if self.path == "/blob":
                self.send_response(307)
                self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/storage")
            else:
                self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/blob"
        status, _headers, _body = fetch(url, {"Authorization": "Bearer token", "Accept": "text/json"})
        server.shutdown()
    assert status == 200
    assert seen == [("/blob", "Bearer token", "text/json"), ("/storage", None, "text/json")]

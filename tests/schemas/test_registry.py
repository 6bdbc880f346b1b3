import http.server
import threading

import pytest

from schemas.registry import Registry, RegistryAway, UnknownSchema


def test_a_registry_that_does_not_answer_is_named():
    with pytest.raises(RegistryAway, match=r"http://127\.0\.0\.1:1 does not answer"):
        Registry("http://127.0.0.1:1").definition_of(1)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, b'{"error_code": 40403, "message": "no"}', UnknownSchema),
        (422, b'{"error_code": 42201, "message": "no"}', UnknownSchema),
        (200, b'{"schema": "syntax = \\"proto3\\";"}', UnknownSchema),
        (401, b"{}", RegistryAway),
        (500, b"", RegistryAway),
    ],
)
def test_only_an_answer_about_the_schema_makes_it_unknown(status, body, error):
    class FakeRegistry(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeRegistry) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with pytest.raises(error):
            Registry(f"http://127.0.0.1:{server.server_port}").definition_of(1)
        server.shutdown()


def test_an_id_that_no_registry_gives_is_not_asked_for():
    with pytest.raises(UnknownSchema):
        Registry("http://127.0.0.1:1").definition_of(2**31)

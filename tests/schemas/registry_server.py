"""A registry of Confluent's interface on a socket, held to the real one's contract in test_registry_contract.py."""

import http.server
import json
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit


class FakeRegistryServer:
    """Subjects, their versions and ids; answers what it is told to fail."""

    def __init__(self):
        self.schemas = {}
        self.subjects = {}
        self.levels = {}
        self.asked = []
        self.failing = {}
        """Method and path -> status, error code."""

    def answer(self, method, path, body):
        self.asked.append((method, path))
        if (method, path) in self.failing:
            status, code = self.failing[method, path]
            return status, {"error_code": code, "message": "told to fail"}
        match method, path.strip("/").split("/"):
            case "GET", ["subjects", subject, "versions"] if subject in self.subjects:
                return 200, list(range(1, len(self.subjects[subject]) + 1))
            case "POST", ["subjects", subject, "versions"]:
                ids = self.subjects.setdefault(subject, [])
                schema_id = self._id_of(body["schema"])
                if schema_id not in ids:
                    ids.append(schema_id)
                return 200, {"id": schema_id}
            case "POST", ["subjects", subject] if subject in self.subjects:
                schema_id = self._id_of(body["schema"])
                if schema_id in self.subjects[subject]:
                    registered = {"subject": subject, "version": 1, "schema": body["schema"]}
                    return 200, {"id": schema_id, **registered}
            case "PUT", ["config", subject]:
                self.levels[subject] = body["compatibility"]
                return 200, body
            case "GET", ["schemas", "ids", schema_id] if int(schema_id) in self.schemas:
                return 200, {"schema": self.schemas[int(schema_id)]}
        return 404, {"error_code": 40403, "message": "not found"}

    def _id_of(self, schema):
        for schema_id, known in self.schemas.items():
            if known == schema:
                return schema_id
        self.schemas[len(self.schemas) + 1] = schema
        return len(self.schemas)


@contextmanager
def serving(answer):
    """Serve a function of method, path and body on a port of its own; yields the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self):
            size = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(size)
            is_json = "json" in self.headers.get("Content-Type", "json")
            body = (json.loads(sent) if is_json else sent) if size else None
            status, content = answer(self.command, urlsplit(self.path).path, body)
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - the library's names

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:  # else its thread would go on at a closed socket, and take what comes to the next of its number
            server.shutdown()

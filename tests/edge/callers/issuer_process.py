"""An issuer of OpenID Connect as a process of its own: real keys, real signatures, over real HTTP.

Run as `python issuer_process.py`; it prints its address. Beside what issuers have (discovery, keys) it takes orders:
POST /sign with `{"claims", "header"?, "key"?}` returns a token; POST /rotate makes another key, and `{"drop": true}` takes
the old ones back; POST /say with `{path: {status, content, spaces, headers}}` has it answer otherwise than an issuer should. It signs
in nobody: at that the tests use an issuer by another hand (oidc-provider-mock).
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry, serialize_compact

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/keys"


class OwnIssuer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.keys, self.made, self.said, self.asked = [], 0, {}, {}
        self.rotate()

    def rotate(self, drop=False):
        self.made += 1
        key = RSAKey.generate_key(2048, {"kid": f"key-{self.made}", "alg": "RS256", "use": "sig"})
        self.keys = [key] if drop else [key, *self.keys]

    def answer(self, path, order):
        if path == DISCOVERY:
            return {"issuer": self.url, "jwks_uri": self.url + KEYS}
        if path == KEYS:
            return {"keys": [key.as_dict(private=False) for key in self.keys]}
        if path == "/sign":
            key = self.keys[order.get("key", 0)]
            header = {"alg": "RS256", "kid": key.kid, **order.get("header", {})}
            claims = json.dumps(order["claims"]).encode()
            registry = JWSRegistry(algorithms=["RS256"], strict_check_header=False)
            return serialize_compact(header, claims, key, registry=registry)
        if path == "/rotate":
            return self.rotate(**order)
        if path == "/say":
            return self.said.update(order)
        return self.asked


class Answering(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        self.do_GET()

    def do_GET(self):
        issuer = self.server
        issuer.asked[self.path] = issuer.asked.get(self.path, 0) + 1
        order = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or "{}")
        said = issuer.said.get(self.path) or {}
        content = (
            said["content"] if "content" in said else json.dumps(issuer.answer(self.path, order))
        )
        content = " " * said.get("spaces", 0) + content
        self.send_response(said.get("status", 200))
        for name, value in said.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())


if __name__ == "__main__":
    server = OwnIssuer()
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    server.serve_forever()

"""A host of git repositories for tests: `git http-backend` behind HTTP, and ways of being hostile before it.

    python3 git_server.py FOLDER        prints its port

`/NAME.git` serves FOLDER/NAME.git; `/token/NAME.git` the same to who knows the token; `/hang`, `/garbage`, `/redirect`, `/cut`, `/endless`,
`/wrong` do not behave. `/seen` tells what was asked for, as JSON.
"""

import base64
import http.server
import json
import os
import socketserver
import subprocess
import sys
import threading

TOKEN = "s3cret-token-of-tests"
SEEN = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.handle_any()

    def do_GET(self):
        self.handle_any()

    def handle_any(self):
        path, _, query = self.path.partition("?")
        SEEN.append([self.command, path, "authorization" in self.headers])
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        if self.headers.get("transfer-encoding") == "chunked":
            body = self.chunks()
        first, _, rest = path.lstrip("/").partition("/")
        if first == "seen":
            return self.answer(200, json.dumps(SEEN).encode(), "application/json")
        if first == "hang":
            threading.Event().wait(60)
            return None
        if first == "garbage":
            return self.answer(200, os.urandom(100_000), "application/x-git-upload-pack-advertisement")
        if first == "redirect":
            self.send_response(302)
            self.send_header("location", f"http://127.0.0.1:{self.server.server_port}/inside/{rest}?{query}")
            self.end_headers()
            return None
        if first == "wrong":
            return self.answer(500, b"\x1b[31mno\r\n", "text/plain")
        if first == "token":
            given = self.headers.get("authorization", "").removeprefix("Basic ")
            password = base64.b64decode(given or b"").decode(errors="replace").partition(":")[2]
            if password != TOKEN:
                self.send_response(401)
                self.send_header("www-authenticate", 'Basic realm="git"')
                self.end_headers()
                return None
            path = "/" + rest
        cut = first in ("cut", "endless")
        if cut:
            path = "/" + rest
        said = self.backend(path, query, body)
        if cut and b"command=fetch" in body:
            head, _, pack = said.partition(b"\r\n\r\n")
            if first == "cut":
                return self.raw(head, pack[: len(pack) // 2])
            self.raw(head, pack[:40])
            try:
                while True:
                    self.wfile.write(b"fff0\x01" + bytes(0xFFEB))
            except OSError:
                return None
        head, _, rest_of = said.partition(b"\r\n\r\n")
        return self.raw(head, rest_of)

    def chunks(self):
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    def backend(self, path, query, body):
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": self.server.folder,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_CONFIG_KEY_1": "uploadpack.allowAnySHA1InWant",
            "GIT_CONFIG_VALUE_1": "true",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
        }
        for name, header in (("HTTP_GIT_PROTOCOL", "git-protocol"), ("HTTP_CONTENT_ENCODING", "content-encoding")):
            if header in self.headers:
                environment[name] = self.headers[header]
        ran = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        return ran.stdout

    def raw(self, head, body):
        lines = [line.decode() for line in head.split(b"\r\n") if line]
        status = next((line.split(": ", 1)[1] for line in lines if line.startswith("Status")), "200 OK")
        self.send_response(int(status.split(" ", 1)[0]))
        for line in lines:
            name, _, value = line.partition(": ")
            if name != "Status":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def main():
    server = Server(("127.0.0.1", 0), Handler)
    server.folder = os.path.abspath(sys.argv[1])
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

"""What the tests of papers need: a server on a folder of pipelines, who takes its events of lineage, and the validator of crates."""
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RIGI = os.environ.get("RIGI_BIN", "rigi")
HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
ENV = {name: value for name, value in os.environ.items() if not name.startswith("RIGI_")} | {"NO_COLOR": "1"}
CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def call(*words, check=True, timeout=90, env=None):
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, env=env or ENV, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise AssertionError(f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


class Receiver:
    """Takes events; refuses the first ones, as one does that is not up yet."""

    def __init__(self, refuses):
        self.events, self.tokens, self.refused, lock = [], set(), 0, threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with lock:
                    refuse = receiver.refused < refuses
                    receiver.refused += refuse
                    if not refuse:
                        receiver.events.append(json.loads(body))
                        receiver.tokens.add(self.headers.get("authorization"))
                self.send_response(503 if refuse else 201)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/v1/lineage"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Bed:
    """Made once for all tests; `close` takes it away."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="rigi-papers-"))
        self.pipelines = self.root / "pipelines"
        shutil.copytree(HERE / "pipelines", self.pipelines)
        for name in ["word-count", "flaky"]:
            shutil.copytree(EXAMPLES / name, self.pipelines / name)
        call("git", "init", "-q", "-b", "main", str(self.pipelines))
        author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        call("git", "-C", str(self.pipelines), "add", "-A")
        call("git", "-C", str(self.pipelines), *author, "commit", "-q", "-m", "All of it")
        self.receiver = Receiver(refuses=2)
        (self.root / "token").write_text("of-the-receiver\n")
        self.start()

    def start(self):
        data = self.root / "data"
        command = [RIGI, "up", str(self.pipelines), "--data", str(data), "--port", "0"]
        env = ENV | {
            "RIGI_LINEAGE__URL": self.receiver.url,
            "RIGI_LINEAGE__TOKEN_FILE": str(self.root / "token"),
            "RIGI_LINEAGE__NAMESPACE": "lab",
        }
        self.log = open(self.root / "log", "ab")
        self.server = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        ready = select.select([self.server.stdout], [], [], 60)[0]
        line = self.server.stdout.readline().decode() if ready else ""
        if " is ready in " not in line:
            raise SystemExit(f"the server does not start: {line} {(self.root / 'log').read_text()[-2000:]}")
        told = json.loads((data / "server.json").read_text())
        self.env = ENV | {"RIGI_URL": told["url"], "RIGI_TOKEN": told["token"]}

    def rigi(self, *words, check=True):
        return call(RIGI, *words, check=check, env=self.env)

    def run(self, *words, ends=(0,)):
        """The id of a run that has ended."""
        done = self.rigi("run", *words, "--wait", "-q", check=False)
        assert done.returncode in ends, f"{words}: {done.returncode} {done.stdout} {done.stderr}"
        return done.stdout.split()[0]

    def json(self, *words):
        return json.loads(self.rigi(*words).stdout)

    def kill(self):
        self.server.kill()
        self.ended()

    def ended(self):
        self.server.wait(timeout=30)
        self.server.stdout.close()
        self.log.close()

    def close(self):
        self.rigi("down", str(self.pipelines), "--data", str(self.root / "data"), check=False)
        self.server.terminate()
        self.ended()
        self.receiver.close()
        shutil.rmtree(self.root, ignore_errors=True)


class Validator:
    """The validator's own command, without a network: the context of crates is that which the library `rocrate` brings."""

    def __init__(self, folder):
        import importlib.resources

        from requests import Response
        from requests_cache import CachedSession

        self.cache = folder / "http"
        session = CachedSession(cache_name=str(self.cache), backend="sqlite", expire_after=-1)
        text = (importlib.resources.files("rocrate") / "data" / "ro-crate.jsonld").read_text()
        # The library has a later context, in which Bioschemas' terms have moved.
        for term in ["ComputationalWorkflow", "FormalParameter"]:
            text = text.replace(f"https://bioschemas.org/terms/{term}", f"https://bioschemas.org/{term}")
        for term in ["input", "output"]:
            text = text.replace(f"https://bioschemas.org/terms/{term}", f"https://bioschemas.org/ComputationalWorkflow#{term}")
        text = text.encode()
        request = session.prepare_request(__import__("requests").Request("GET", CONTEXT))
        answer = Response()
        answer.status_code, answer._content, answer.url, answer.request = 200, text, CONTEXT, request
        answer.headers["content-type"] = "application/ld+json"
        answer.raw = __import__("urllib3").HTTPResponse(body=text, status=200, headers=answer.headers, preload_content=False)
        session.cache.save_response(answer)
        session.close()

    def validate(self, crate, profile, severity="required"):
        program = str(Path(sys.executable).parent / "rocrate-validator")
        words = ["-y", "validate", "--offline", "--cache-path", str(self.cache), "-p", profile, "-l", severity]
        return call(program, *words, "--no-paging", "-v", str(crate), check=False)

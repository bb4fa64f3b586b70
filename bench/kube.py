"""A client of a cluster's API that does no more than it must: one connection, JSON, the kubeconfig's certificate."""

import base64
import http.client
import json
import ssl
import tempfile
from pathlib import Path

import yaml


class Kube:
    def __init__(self, kubeconfig):
        told = yaml.safe_load(Path(kubeconfig).read_text())
        cluster, user = told["clusters"][0]["cluster"], told["users"][0]["user"]
        self.address = cluster["server"].removeprefix("https://")
        self.tls = ssl.create_default_context(cadata=content(cluster, "certificate-authority").decode())
        with tempfile.NamedTemporaryFile() as file:
            file.write(content(user, "client-certificate") + b"\n" + content(user, "client-key"))
            file.flush()
            self.tls.load_cert_chain(file.name)
        self.http = self.connection()

    def connection(self):
        return http.client.HTTPSConnection(self.address, context=self.tls, timeout=600)

    def call(self, method, path, body=None):
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        for last in (False, True):
            try:
                self.http.request(method, path, None if body is None else json.dumps(body), headers)
                answer = self.http.getresponse()
                return answer.status, json.loads(answer.read() or b"{}")
            except http.client.RemoteDisconnected:
                # It was left alone for too long.
                self.http.close()
                if last:
                    raise

    def get(self, path):
        return self.must(*self.call("GET", path))

    def post(self, path, body, exists=False):
        status, answer = self.call("POST", path, body)
        return answer if exists and status == 409 else self.must(status, answer)

    def patch(self, path, body):
        self.http.request("PATCH", path, json.dumps(body), {"Content-Type": "application/merge-patch+json"})
        answer = self.http.getresponse()
        return self.must(answer.status, json.loads(answer.read()))

    def delete(self, path):
        return self.must(*self.call("DELETE", path))

    def must(self, status, answer):
        if status >= 300:
            raise RuntimeError(f"the cluster answers {status}: {answer.get('message')}")
        return answer

    def watch(self, path):
        """First what is there, then every change, for ever."""
        listed = self.get(path)
        for item in listed["items"]:
            yield {"type": "ADDED", "object": item}
        version = listed["metadata"]["resourceVersion"]
        sign = "&" if "?" in path else "?"
        while True:
            line = self.connection()
            line.request("GET", f"{path}{sign}watch=1&resourceVersion={version}")
            for raw in line.getresponse():
                event = json.loads(raw)
                version = event["object"]["metadata"]["resourceVersion"]
                yield event


def content(of, name):
    """A file of a kubeconfig: in it, or beside it."""
    inline = of.get(f"{name}-data")
    return base64.b64decode(inline) if inline else Path(of[name]).read_bytes()

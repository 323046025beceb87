"""A server on this machine that speaks as much of the tracking service's interface as `wandb sync` needs: GraphQL for the
run, the file stream for its rows, and a place for its files. What arrives is written to a JSON file.

    server.py RESULT

Prints `ready URL`. Ends when its input ends.
"""

import gzip
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

result_path = sys.argv[1]
lock = threading.Lock()
seen = {"runs": {}, "streams": {}, "files": {}, "operations": {}, "unknown": []}


def save():
    with open(result_path, "w") as out:
        json.dump(seen, out)


def operation_of(query):
    found = re.search(r"\b(query|mutation)\s+(\w+)", query)
    return found.group(2) if found else query.strip()[:80]


def bucket(run):
    return {
        "id": "id-" + run["name"],
        "name": run["name"],
        "displayName": run["name"],
        "description": "",
        "config": run.get("config") or "{}",
        "sweepName": None,
        "historyLineCount": 0,
        "project": {
            "id": "project",
            "name": run["project"],
            "entity": {"id": "entity", "name": run["entity"]},
        },
    }


def answer(name, variables, base):
    """The data of an answer, by the operation's name."""
    if name == "UpsertBucket":
        run = seen["runs"].setdefault(variables.get("name"), {"name": variables.get("name")})
        for key, value in variables.items():
            if value is not None:
                run[key] = value
        run.setdefault("entity", "someone")
        return {"upsertBucket": {"bucket": bucket(run), "inserted": True}}
    if name == "Viewer":
        return {"viewer": {"id": "viewer", "entity": "someone", "username": "someone", "flags": "{}", "teams": {"edges": []}}}
    if name == "CreateRunFiles":
        files = [{"name": file, "uploadUrl": f"{base}/upload/{variables['run']}/{file}"} for file in variables["files"]]
        return {"createRunFiles": {"runID": "id-" + variables["run"], "uploadHeaders": [], "files": files}}
    if name in ("ServerInfo", "ServerFeaturesQuery", "ServerInfoQuery"):
        return {
            "serverInfo": {
                "cliVersionInfo": {"max_cli_version": "99.0.0"},
                "latestLocalVersionInfo": None,
                "features": [],
            }
        }
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def body(self):
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        return gzip.decompress(raw) if self.headers.get("content-encoding") == "gzip" else raw

    def reply(self, value, status=200):
        raw = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self):
        with lock:
            seen["unknown"].append("GET " + self.path)
            save()
        self.reply({})

    def do_PUT(self):
        raw = self.body()
        with lock:
            seen["files"][self.path.removeprefix("/upload/")] = raw.decode("utf-8", "replace")
            save()
        self.reply({})

    def do_POST(self):
        raw = self.body()
        with lock:
            if self.path == "/graphql":
                request = json.loads(raw)
                name = operation_of(request.get("query") or "")
                seen["operations"][name] = seen["operations"].get(name, 0) + 1
                data = answer(name, request.get("variables") or {}, f"http://{self.headers['host']}")
                if data is None:
                    seen["unknown"].append({"query": request.get("query"), "variables": request.get("variables")})
                    data = {}
                reply = {"data": data}
            elif self.path.endswith("/file_stream"):
                stream = seen["streams"].setdefault(self.path, {"files": {}})
                request = json.loads(raw)
                for file, part in (request.get("files") or {}).items():
                    lines = stream["files"].setdefault(file, [])
                    offset = part.get("offset", 0)
                    # The client counts lines; a part that is sent again replaces what it sent before.
                    lines[offset:] = part["content"]
                for key in ("complete", "exitcode"):
                    if key in request:
                        stream[key] = request[key]
                reply = {"exitcode": None, "limits": {}}
            else:
                seen["unknown"].append("POST " + self.path)
                reply = {}
            save()
        self.reply(reply)


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """The client drops its connections when it is done."""


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
save()
print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
sys.stdin.read()

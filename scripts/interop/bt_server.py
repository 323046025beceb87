"""A btauth/1 server on a free loopback port: SDK 11 verifies, the kit signs the answers. Prints `ready ADDRESS HOTKEY`.

Serves Prompting, and StreamPrompting word by word as a signed stream. What a client must not accept is steered by the
last message: `unsigned`, `wrong body`, `wrong key`, `no end`, `wrong digest`.
"""

import argparse
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bittensor import http_auth, sp_core
from taowire.crypto import HotkeySigner
from taowire.extensions import response_sig, streaming

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--ed25519", action="store_true")
arguments = parser.parse_args()

KEY = sp_core.Keypair.create_from_uri("//Bob", crypto_type=0 if arguments.ed25519 else 1)
SIGNER, MALLORY = HotkeySigner(KEY), HotkeySigner(sp_core.Keypair.create_from_uri("//Mallory"))
STORE = http_auth.InMemoryNonceStore()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 15
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            caller = http_auth.verify(
                dict(self.headers.items()), body, method=self.command, path=self.path, self_hotkey_ss58=KEY.ss58_address,
                nonce_store=STORE,
            )
        except http_auth.AuthError as error:
            return self.answer(401, {"error": {"code": "tw.auth_failed", "message": str(error), "request_id": "0"}}, None)
        question = json.loads(body)
        steer = question["messages"][-1] if question["messages"] else ""
        text = " | ".join(f"{role}:{message}" for role, message in zip(question["roles"], question["messages"]))
        if self.path == "/Prompting":
            self.answer(200, question | {"completion": text}, caller, steer)
        elif self.path == "/StreamPrompting":
            self.stream(text, caller, steer)
        else:
            self.answer(404, {"error": {"code": "tw.not_found", "message": "no such route", "request_id": "0"}}, caller)

    def answer(self, status: int, content: dict, caller, steer: str = "") -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if caller is not None and steer != "unsigned":
            signer = MALLORY if steer == "wrong key" else SIGNER
            covered = b"{}" if steer == "wrong body" else data
            for name, value in response_sig.sign_response(
                signer, request_nonce=caller.nonce_ns, sender_ss58=caller.hotkey_ss58, status=status, body=covered
            ).items():
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def stream(self, text: str, caller, steer: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in response_sig.identity_headers(SIGNER).items():
            self.send_header(name, value)
        self.end_headers()
        digest = streaming.StreamDigest()
        for number, word in enumerate(text.split(" ")):
            chunk = streaming.encode_chunk({"token": word if number == 0 else " " + word})
            digest.update(chunk)
            self.piece(streaming.encode_event("chunk", chunk))
        if steer == "no end":
            return self.piece(b"")
        covered = "00" * 32 if steer == "wrong digest" else digest.hexdigest()
        signature = response_sig.sign_response(
            MALLORY if steer == "wrong key" else SIGNER, request_nonce=caller.nonce_ns, sender_ss58=caller.hotkey_ss58,
            status=200, digest=covered,
        )[response_sig.HEADER_SIGNATURE]
        trailer = streaming.Trailer(covered, digest.count, None if steer == "unsigned" else signature)
        self.piece(streaming.encode_event("tw-end", streaming.encode_trailer(trailer)))
        self.piece(b"")

    def piece(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


server = Server(("127.0.0.1", 0), Handler)
print(f"ready 127.0.0.1:{server.server_port} {KEY.ss58_address}", flush=True)
threading.Thread(target=server.serve_forever).start()

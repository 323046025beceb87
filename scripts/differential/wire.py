"""An HTTP request that can be bent in every place before it becomes bytes."""

import base64
import json


class Request:
    """Header values are bytes, as on the wire. `length` is the framing: None writes the right Content-Length."""

    def __init__(self, target: str, headers: list, body: bytes, method: str = "POST") -> None:
        self.method, self.target, self.body = method.encode(), target.encode(), body
        self.headers = [[as_bytes(name), as_bytes(value)] for name, value in headers]
        self.length = None
        self.chunks = None
        # A connection of its own: the framing may be off, so the next request could not follow on it.
        self.own_connection = False
        # Bytes to change after everything is put together: functions from bytes to bytes.
        self.late = []

    def copy(self) -> "Request":
        twin = Request("", [], self.body)
        twin.method, twin.target, twin.length, twin.chunks = self.method, self.target, self.length, self.chunks
        twin.headers = [list(header) for header in self.headers]
        twin.own_connection, twin.late = self.own_connection, list(self.late)
        return twin

    def get(self, name) -> bytes | None:
        name = as_bytes(name).lower()
        return next((value for known, value in self.headers if known.lower() == name), None)

    def set(self, name, value) -> None:
        name, value = as_bytes(name), as_bytes(value)
        for header in self.headers:
            if header[0].lower() == name.lower():
                header[1] = value
                return
        self.headers.append([name, value])

    def drop(self, name) -> None:
        name = as_bytes(name).lower()
        self.headers = [header for header in self.headers if header[0].lower() != name]

    def text(self, name) -> str:
        value = self.get(name)
        return "" if value is None else value.decode("latin-1")

    def raw(self) -> bytes:
        framing = []
        body = self.body
        if self.chunks is not None:
            framing = [[b"Transfer-Encoding", b"chunked"]]
            parts, at = [], 0
            for size in self.chunks:
                piece = self.body[at : at + size]
                at += size
                if piece:
                    parts.append(b"%x\r\n%s\r\n" % (len(piece), piece))
            rest = self.body[at:]
            if rest:
                parts.append(b"%x\r\n%s\r\n" % (len(rest), rest))
            body = b"".join(parts) + b"0\r\n\r\n"
        elif self.length is not False:
            length = b"%d" % len(self.body) if self.length is None else self.length
            framing = [[b"Content-Length", length]]
        lines = [b"%s %s HTTP/1.1" % (self.method, self.target)]
        if self.get("host") is None:
            lines.append(b"Host: 127.0.0.1:8091")
        lines += [b"%s: %s" % (name, value) for name, value in self.headers + framing]
        whole = b"\r\n".join(lines) + b"\r\n\r\n" + body
        for change in self.late:
            whole = change(whole)
        return whole


def as_bytes(value) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8")


class Case:
    """One or more requests to an axon that remembers nothing, each at its moment (nanoseconds since 1970)."""

    def __init__(self, number: int, wire: str, kinds: list, steps: list) -> None:
        self.number, self.wire, self.kinds, self.steps = number, wire, kinds, steps

    def line(self) -> str:
        steps = [
            {"at": at, "raw": base64.b64encode(request.raw()).decode(), "own": request.own_connection}
            for at, request in self.steps
        ]
        return json.dumps({"id": self.number, "wire": self.wire, "kinds": self.kinds, "steps": steps})


def parse(raw: bytes):
    """`(method, target, headers, body)` of the bytes as h11 reads them, which is what the Python servers here do, or a
    text that says why not."""
    import h11

    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=64 << 10)
    try:
        connection.receive_data(raw)
        request = connection.next_event()
        if not isinstance(request, h11.Request):
            return "the head never ends"
        body = b""
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return "the body never ends"
    except h11.RemoteProtocolError as error:
        return f"not HTTP: {error}"
    headers = [(bytes(name), bytes(value)) for name, value in request.headers]
    return bytes(request.method).decode("ascii"), bytes(request.target), headers, body

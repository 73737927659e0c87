"""A server that answers each request after exactly as long as it is told, with a canned completion.

    python3 benches/exact_server.py SLOTS MS

Prints its address. At most SLOTS requests are served at a time; others wait in line. It waits by select(2), which
counts in microseconds; epoll and tokio count in whole milliseconds and round up, and at 50 ms a request one
millisecond is 2 % of the rate that is measured.
"""

import heapq
import json
import selectors
import socket
import sys
import time
from collections import deque

MODELS = {"object": "list", "data": [{"id": "tiny", "object": "model", "created": 1, "owned_by": "vllm", "max_model_len": 8192}]}
CHOICE = {"index": 0, "text": " It was good.", "logprobs": None, "finish_reason": "stop", "stop_reason": None}
USAGE = {"prompt_tokens": 100, "total_tokens": 104, "completion_tokens": 4}
COMPLETION = {"id": "cmpl-0", "object": "text_completion", "created": 1, "model": "tiny", "choices": [CHOICE], "usage": USAGE}


def http(value):
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


COMPLETED, LISTED, VERSION, HEALTHY = http(COMPLETION), http(MODELS), http({"version": "0.0.0"}), http({})


class Server:
    def __init__(self, slots, seconds):
        self.free, self.seconds = slots, seconds
        self.waiting, self.due = deque(), []
        self.buffers = {}
        self.selector = selectors.SelectSelector()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)

    def run(self):
        print(f"serving tiny at http://127.0.0.1:{self.listener.getsockname()[1]}/v1", flush=True)
        while True:
            timeout = max(0.0, self.due[0][0] - time.monotonic()) if self.due else None
            for key, _ in self.selector.select(timeout):
                if key.fileobj is self.listener:
                    self.accept()
                else:
                    self.read(key.fileobj)
            now = time.monotonic()
            while self.due and self.due[0][0] <= now:
                _, _, connection = heapq.heappop(self.due)
                self.free += 1
                self.send(connection, COMPLETED)
                if self.waiting:
                    self.begin(self.waiting.popleft())

    def accept(self):
        connection, _ = self.listener.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffers[connection] = b""
        self.selector.register(connection, selectors.EVENT_READ)

    def read(self, connection):
        try:
            received = connection.recv(1 << 16)
        except OSError:
            received = b""
        if not received:
            self.selector.unregister(connection)
            del self.buffers[connection]
            connection.close()
            return
        buffer = self.buffers[connection] + received
        head, found, rest = buffer.partition(b"\r\n\r\n")
        length = 0
        if found and b"ontent-" in head:
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            length = int(lengths[0].split(b":")[1]) if lengths else 0
        if not found or len(rest) < length:
            self.buffers[connection] = buffer
            return
        self.buffers[connection] = rest[length:]
        self.take(connection, head)

    def take(self, connection, head):
        if head.startswith(b"POST"):
            if self.free:
                self.begin(connection)
            else:
                self.waiting.append(connection)
        elif head.startswith(b"GET /v1/models"):
            self.send(connection, LISTED)
        elif head.startswith(b"GET /version"):
            self.send(connection, VERSION)
        else:
            self.send(connection, HEALTHY)

    def begin(self, connection):
        self.free -= 1
        heapq.heappush(self.due, (time.monotonic() + self.seconds, id(connection), connection))

    def send(self, connection, answer):
        try:
            connection.send(answer)
        except OSError:
            pass  # It left; its closing is seen when it is read.


Server(int(sys.argv[1]), float(sys.argv[2]) / 1e3).run()

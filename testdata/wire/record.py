"""Records what passes between a client and a server: python3 record.py PORT SERVER_URL OUT.json

Listens on 127.0.0.1:PORT, passes every request on to SERVER_URL, and on SIGTERM writes the exchanges in the order of
their ends as a JSON array of {"path", "request", "status", "response"}; equal exchanges are kept once. Made the files
`*/session_*.json`, see README.md beside it.
"""

import http.server
import json
import signal
import sys
import threading
import urllib.error
import urllib.request

PORT, SERVER, OUT = int(sys.argv[1]), sys.argv[2], sys.argv[3]
exchanges, lock = [], threading.Lock()


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.pass_on(None)

    def do_POST(self):
        self.pass_on(self.rfile.read(int(self.headers["content-length"])))

    def pass_on(self, body):
        headers = {"content-type": "application/json"} if body else {}
        request = urllib.request.Request(SERVER + self.path, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                status, response = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, response = error.code, error.read()
        exchange = {
            "path": self.path,
            "request": json.loads(body) if body else None,
            "status": status,
            "response": json.loads(response) if response else None,
        }
        with lock:
            known = [(known["path"], known["request"]) for known in exchanges]
            if (exchange["path"], exchange["request"]) not in known:
                exchanges.append(exchange)
        self.send_response(status)
        self.send_header("content-length", str(len(response)))
        self.end_headers()
        self.wfile.write(response)

    def log_message(self, *_):
        pass


def stop(*_):
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, stop)
try:
    http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Proxy).serve_forever()
except KeyboardInterrupt:
    with open(OUT, "w") as file:
        lines = ",\n".join(json.dumps(exchange) for exchange in exchanges)
        file.write(f"[\n{lines}\n]\n")

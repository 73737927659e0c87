"""Prints the milliseconds from starting a command to the first byte that it sends to a server.

    python3 benches/first_request.py REPEATS FOLDER COMMAND...

`{url}` in COMMAND becomes the address of a server that this script opens on 127.0.0.1 and that answers
nothing; `{out}` becomes a fresh folder in FOLDER for each repeat. The command is killed once its first byte is
there. One number a line.
"""

import os
import socket
import subprocess
import sys
import time


def main():
    repeats, folder, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    for repeat in range(repeats):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(20)
            url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
            out = os.path.join(folder, str(repeat))
            filled = [word.replace("{url}", url).replace("{out}", out) for word in command]
            start = time.perf_counter()
            with subprocess.Popen(filled, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
                try:
                    connection, _ = server.accept()
                    with connection:
                        connection.settimeout(20)
                        connection.recv(1)
                        took = time.perf_counter() - start
                        request = connection.recv(200).split(b"\r\n")[0]
                finally:
                    child.kill()
        print(f"{took * 1e3:.2f}", flush=True)
        if repeat == 0:
            print(f"first request: ...{request.decode()}", file=sys.stderr)


main()

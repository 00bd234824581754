"""An HTTP/1.1 server for the transport's tests. Prints its port, ends with its standard input.

The path chooses what happens: /echo answers the request as JSON; /bytes/N sends N bytes; /slow/N waits N ms;
/numbers/N sends the numbers from 0 below N, 8 bytes each; /halves/ID sends 8 bytes of 16, the others once /release/ID
has been asked for;
/drop closes the connection instead of answering; /cut promises more than it sends; /once/ID answers the first
request on a connection and closes without an answer on the second; /count/ID tells how often /once/ID was asked;
/served tells how many
requests the connection has had before; /status/N answers with that status; /head sends many fields.
"""

import array
import collections
import hashlib
import json
import socket
import socketserver
import sys
import threading
import time

counts = {}
releases = collections.defaultdict(threading.Event)
lock = threading.Lock()


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.served = 0
        try:
            while self.one():
                self.served += 1
        except (ConnectionError, TimeoutError):
            pass

    def one(self):
        line = self.rfile.readline().decode("latin-1")
        if not line:
            return False
        method, target, _ = line.split(" ")
        fields = []
        while True:
            field = self.rfile.readline().decode("latin-1").rstrip("\r\n")
            if not field:
                break
            name, _, value = field.partition(":")
            fields.append([name, value.strip()])
        length = int(next((v for n, v in fields if n.lower() == "content-length"), 0))
        path = target.split("?")[0]
        parts = path.strip("/").split("/")
        digest, received = hashlib.sha256(), 0
        while received < length:
            piece = self.rfile.read(min(1 << 16, length - received))
            if not piece:
                return False
            digest.update(piece)
            received += len(piece)
        if parts[0] == "drop":
            return False
        if parts[0] == "slow":
            time.sleep(int(parts[1]) / 1000)
        if parts[0] == "once":
            with lock:
                counts[parts[1]] = counts.get(parts[1], 0) + 1
            if self.served > 0:
                return False
        if parts[0] == "cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            return False
        if parts[0] == "bytes":
            total = int(parts[1])
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
            block = bytes(range(256)) * 256
            while total > 0:
                self.wfile.write(block[:total])
                total -= min(total, len(block))
            return True
        if parts[0] == "numbers":
            body = array.array("Q", range(int(parts[1]))).tobytes()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return True
        if parts[0] == "halves":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + bytes(8))
            with lock:
                release = releases[parts[1]]
            release.wait()
            self.wfile.write(bytes(8))
            return True
        if parts[0] == "release":
            with lock:
                releases[parts[1]].set()
        if parts[0] == "head":
            extra = "".join("X-Field-%d: %s\r\n" % (i, "y" * 1000) for i in range(int(parts[1])))
            self.wfile.write(("HTTP/1.1 100 Continue\r\nX-No: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Two: a\r\nx-two:  b \r\n"
                              "X-Empty:\r\n%sContent-Length: 0\r\n\r\n" % extra).encode())
            return True
        if parts[0] == "count":
            body = str(counts.get(parts[1], 0))
        elif parts[0] == "served":
            body = str(self.served)
        else:
            body = json.dumps({"method": method, "target": target, "fields": fields, "received": received,
                               "sha256": digest.hexdigest()})
        status = int(parts[1]) if parts[0] == "status" else 200
        data = b"" if method == "HEAD" else body.encode()
        self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                         % (status, len(body)) + data)
        return True


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()

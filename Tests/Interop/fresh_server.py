"""Serves `millrace` for tests that expect an empty server: every request to the control port starts it anew.

    fresh_server.py MILLRACE PORT CONTROL_PORT [ARGUMENT...]

The server listens on PORT with a data directory of its own, without authentication. POST to CONTROL_PORT kills it, takes
a new directory and answers when the new server does. Ends, with the server, when standard input does.
"""
import http.server, pathlib, shutil, subprocess, sys, tempfile, threading, time

program, port, control_port, *arguments = sys.argv[1:]
running = None


def restart():
    global running
    if running:
        process, old = running
        process.kill()
        process.wait()
        shutil.rmtree(old)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-fresh-"))
    with open(directory / "server.log", "wb") as log:
        process = subprocess.Popen(
            [program, "serve", "--auth", "none", "--data", directory, "--port", port, "--console-port", "0", *arguments],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    running = process, directory
    deadline = time.monotonic() + 30
    while not (directory / "endpoints.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the server did not start:\n" + (directory / "server.log").read_text())
        time.sleep(0.005)


class Control(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        restart()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


restart()
server = http.server.HTTPServer(("127.0.0.1", int(control_port)), Control)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
process, directory = running
process.kill()
process.wait()
shutil.rmtree(directory)

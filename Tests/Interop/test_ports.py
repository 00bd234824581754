"""Free ports, where there are only two."""
import os, shutil, subprocess, sys

import pytest

from conftest import BIN

# A network of its own, with a loopback device and as many ports to choose from as the server needs.
NARROW = """
import fcntl, os, socket, struct, sys
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sH14s", b"lo", 1, b""))  # SIOCSIFFLAGS, IFF_UP
with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
    file.write("40000 40001")
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="only root makes networks")
def test_the_console_never_gets_the_port_of_the_api(tmp_path):
    command = [BIN / "millrace", "serve", "--data", tmp_path / "data", "--port", "0", "--console-port", "0"]
    with subprocess.Popen(
            ["unshare", "--net", sys.executable, "-c", NARROW, *command], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True) as server:
        try:
            line = next((line for line in server.stderr if "serves" in line or "cannot" in line), "nothing")
        finally:
            server.terminate()
    assert "http://127.0.0.1:40001, console http://127.0.0.1:40000," in line

"""Another machine, as far as the network goes: a namespace that is reached over a slow link which loses packets and
can be cut. Two TAP devices are its ends, one in the namespace; this program, run by itself, carries the packets."""
import heapq, itertools, os, pathlib, random, select, shutil, subprocess, sys, time

DELAY_SECONDS, JITTER_SECONDS, LOSS = 0.020, 0.005, 0.01


def missing():
    """Why there can be no such network here; None when there can."""
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    if not shutil.which("ip"):
        return "`ip` is not installed: apt-get install iproute2"
    if not pathlib.Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    name = f"millrace-{os.getpid()}-try"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if done.returncode == 0:
        done = subprocess.run(["ip", "netns", "exec", name, "true"], capture_output=True, text=True)
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return f"`ip netns` does not work: {done.stderr.strip()}" if done.returncode != 0 else None


class Network:
    """`prefix` runs a command on the other machine, `there` is its address."""

    def __init__(self):
        number = random.randrange(1 << 14)
        net = f"198.18.{number >> 6}.{(number & 63) * 4}"
        base, last = net.rsplit(".", 1)
        self.here, self.there = f"{base}.{int(last) + 1}", f"{base}.{int(last) + 2}"
        self.name = f"millrace-{os.getpid()}-{number}"
        self.prefix = ["ip", "netns", "exec", self.name]
        self.ends = f"mr{number}a", f"mr{number}b"
        self.ip("netns", "add", self.name)
        self.carrier = subprocess.Popen(
            [sys.executable, __file__, *self.ends], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.carrier.stdout.readline() == "ready\n"
        here, there = self.ends
        self.ip("link", "set", there, "netns", self.name)
        self.ip("addr", "add", f"{self.here}/30", "dev", here)
        self.ip("link", "set", here, "up")
        self.ip("-n", self.name, "addr", "add", f"{self.there}/30", "dev", there)
        self.ip("-n", self.name, "link", "set", there, "up")
        self.ip("-n", self.name, "link", "set", "lo", "up")

    @staticmethod
    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def cut(self):
        """Packets vanish, as when a cable is pulled: nobody is told."""
        self.say("cut")

    def mend(self):
        self.say("mend")

    def say(self, word):
        self.carrier.stdin.write(word + "\n")
        self.carrier.stdin.flush()

    def close(self):
        self.carrier.stdin.close()
        self.carrier.wait(10)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


def open_end(name):
    import fcntl, struct
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    set_interface, tap, no_information = 0x400454CA, 0x0002, 0x1000
    fcntl.ioctl(end, set_interface, struct.pack("16sH22x", name.encode(), tap | no_information))
    return end


def carry(first, second):
    """From `first` to `second` late and not always, back at once."""
    dice, order, waiting, is_cut, last = random.Random(1), itertools.count(), [], False, 0.0
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            packet = heapq.heappop(waiting)[2]
            if not is_cut:
                write(second, packet)
        patience = max(0, waiting[0][0] - now) if waiting else None
        for end in select.select([first, second, 0], [], [], patience)[0]:
            if end == 0:
                word = sys.stdin.readline()
                if not word:
                    return
                is_cut = word == "cut\n"
                continue
            try:
                packet = os.read(end, 65536)
            except OSError:
                continue
            if is_cut or dice.random() < LOSS:
                continue
            if end == second:
                write(first, packet)
                continue
            # Packets keep their order, as on one wire.
            last = max(last, time.monotonic() + DELAY_SECONDS + dice.uniform(-JITTER_SECONDS, JITTER_SECONDS))
            heapq.heappush(waiting, (last, next(order), packet))


def write(end, packet):
    try:
        os.write(end, packet)
    except OSError:
        pass  # Lost, as on a full wire, or the device is not up yet.


if __name__ == "__main__":
    ends = [open_end(name) for name in sys.argv[1:]]
    print("ready", flush=True)
    carry(*ends)

"""Starts the installed daemon as its unit does, in a network namespace, with this script in systemd's
place: it has to say that it is ready, to be small, to reload, and to end in order."""

import os
import pathlib
import shlex
import socket
import subprocess
import sys
import tempfile
import time

# Of these, some 0.6 MiB are its own; the rest is the program and the C library as mapped from disk. What
# was needed to start is let go of some seconds later.
MOST_KIB = 7 * 1024
CONFIGURATION = """
global_defs {
    recording FOLDER/recording
    control_socket FOLDER/control
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        192.0.2.1/24
    }
}
"""


def run(line):
    subprocess.run(shlex.split(line), check=True)


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(l.split()[1] for l in status.splitlines() if l.startswith("VmRSS")))


def hear(manager, wanted):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            said = manager.recv(4096).decode()
        except TimeoutError:
            break
        if wanted in said.splitlines():
            print(f"heard {wanted}")
            return
    sys.exit(f"no {wanted}")


def main():
    unit = pathlib.Path("/lib/systemd/system/locum.service").read_text()
    start = next(l for l in unit.splitlines() if l.startswith("ExecStart="))
    command = shlex.split(start.removeprefix("ExecStart="))
    name = f"locum-package-{os.getpid()}"
    # systemd makes it (RuntimeDirectory); the pid file goes there.
    runtime = pathlib.Path("/run/locum")
    made = not runtime.exists()
    runtime.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        conf = pathlib.Path(folder, "a.conf")
        conf.write_text(CONFIGURATION.replace("FOLDER", folder))
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(f"{folder}/notify")
        manager.settimeout(30)
        run(f"ip netns add {name}")
        try:
            run(f"ip -n {name} link add eth0 type veth peer name eth1")
            run(f"ip -n {name} addr add 192.0.2.2/24 dev eth0")
            run(f"ip -n {name} link set eth0 up")
            run(f"ip -n {name} link set eth1 up")
            environment = dict(os.environ, NOTIFY_SOCKET=f"{folder}/notify")
            whole = ["ip", "netns", "exec", name, *command, "-f", str(conf)]
            daemon = subprocess.Popen(whole, env=environment)
            try:
                hear(manager, "READY=1")
                hear(manager, "STATUS=1 of 1 instances are master")
                deadline = time.monotonic() + 30
                while (kib := resident(daemon.pid)) >= MOST_KIB:
                    if time.monotonic() > deadline:
                        sys.exit(f"resident when idle: {kib} KiB, more than {MOST_KIB}")
                    time.sleep(0.5)
                print(f"resident when idle: {kib} KiB")
                daemon.send_signal(1)
                hear(manager, "RELOADING=1")
                hear(manager, "READY=1")
                daemon.terminate()
                hear(manager, "STOPPING=1")
                if daemon.wait(30) != 0:
                    sys.exit("it didn't end in order")
            finally:
                daemon.kill()
                daemon.wait()
        finally:
            run(f"ip netns del {name}")
            if made:
                runtime.rmdir()


main()

#!/usr/bin/env bash
# The package and its unit under systemd itself: installed, started, reloaded, upgraded while it runs,
# hung and restarted by the watchdog, stopped. systemd runs as process 1 of namespaces of its own, on
# this machine's files, of which it changes a copy in memory. Needs root.
#
#   try-systemd.sh PACKAGE LATER-PACKAGE
set -euo pipefail

lab=$(mktemp -d /run/locum-systemd.XXXXXX)
cleanup() {
    find "$lab/cgroup/${lab##*/}" -depth -type d -exec rmdir {} + 2>/dev/null || true
    umount -l "$lab/cgroup" "$lab" 2>/dev/null || true
    rmdir "$lab"
}
trap cleanup EXIT
mount -t tmpfs tmpfs "$lab"
mkdir "$lab"/{changes,work,root,cgroup}
cp "$1" "$lab/now.deb"
cp "$2" "$lab/later.deb"
# systemd has this group for the root of its own.
mount -t cgroup2 cgroup2 "$lab/cgroup"
mkdir "$lab/cgroup/${lab##*/}"

cat >"$lab/boot.sh" <<'BOOT'
set -e
lab=$1
root=$lab/root
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/,upperdir=$lab/changes,workdir=$lab/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run tmp dev; do mount -t tmpfs tmpfs "$root/$folder"; done
for node in null zero full random urandom tty; do
    touch "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm" "$root/dev/pts" "$root/lab"
mount --bind "$lab" "$root/lab"
# Nothing but the test is to be started.
rm -rf "$root"/etc/systemd/system/*.{wants,requires}
rm -rf "$root/var/lib/locum" "$root/etc/systemd/system/locum.service.d"
cat >"$root/etc/systemd/system/try.service" <<'UNIT'
[Unit]
Requires=dbus.service systemd-journald.service
After=dbus.service systemd-journald.service
[Service]
Type=oneshot
TimeoutStartSec=150
ExecStart=/bin/bash /lab/try.sh
ExecStopPost=/bin/systemctl --force --force poweroff
UNIT
ip link add eth0 type veth peer name eth1
ip addr add 192.0.2.2/24 dev eth0
ip link set eth0 up
ip link set eth1 up
mkdir -p "$root/old"
cd "$root"
pivot_root . old
umount -l /old
exec env -i container=locum PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=try.service --log-target=null --show-status=0
BOOT

cat >"$lab/try.sh" <<'TRY'
exec >/lab/said 2>&1
set -eux
conf=/etc/keepalived/keepalived.conf
of() { systemctl show locum --property "$1" --value; }
# Waits until this succeeds.
until_() {
    local left=300
    until "$@"; do
        sleep 0.1
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
    done
}
has() { ip addr show to "$1" | grep -q inet; }
lacks() { ! has "$1"; }
is() { [ "$(of "$1")" = "$2" ]; }

mkdir -p /etc/keepalived /etc/systemd/system/locum.service.d
printf '[Service]\nWatchdogSec=3\n' >/etc/systemd/system/locum.service.d/own.conf
instance() {
    printf 'vrrp_script up {\nscript /bin/true\nuser nobody\n}\nvrrp_instance V {\ninterface eth0\n'
    printf 'virtual_router_id 1\ntrack_script {\nup\n}\nvirtual_ipaddress {\n%s\n}\n}\n' "$1"
}
instance 192.0.2.1 >$conf
dpkg -i /lab/now.deb
systemd-analyze verify locum.service
systemctl start locum
until_ has 192.0.2.1
until_ is StatusText '1 of 1 instances are master'
# What the unit forbids leaves it what it needs: its own confinement, scripts, the recording.
journalctl -u locum -o cat | grep 'changes files in /run/locum'
journalctl -u locum -o cat | grep 'check up: good'
[ -s /var/lib/locum/recording ]

instance '192.0.2.1
192.0.2.3' >$conf
systemctl reload locum
until_ has 192.0.2.3

pid=$(of MainPID)
before=$(sha256sum $conf /etc/systemd/system/locum.service.d/own.conf)
dpkg -i /lab/later.deb
[ "$(sha256sum $conf /etc/systemd/system/locum.service.d/own.conf)" = "$before" ]
is MainPID "$pid"
has 192.0.2.1
systemctl restart locum
until_ has 192.0.2.1
! is MainPID "$pid"

kill -STOP "$(of MainPID)"
until_ is NRestarts 1
until_ is StatusText '1 of 1 instances are master'
kill -KILL "$(of MainPID)"
until_ is NRestarts 2
until_ is StatusText '1 of 1 instances are master'

systemctl stop locum
lacks 192.0.2.1
is Result success
is ExecMainStatus 0
! pgrep -x 'locum|locum-scripts'
touch /lab/done
TRY

(
    echo "$BASHPID" >"$lab/cgroup/${lab##*/}/cgroup.procs"
    timeout -k 5 180 unshare --pid --mount --net --uts --ipc --cgroup --fork \
        bash "$lab/boot.sh" "$lab"
) || true
[ -e "$lab/done" ] || {
    tail -n 60 "$lab/said" >&2
    echo 'the unit failed under systemd' >&2
    exit 1
}

//! A flood of bad adverts, at a master and its backup at once: nothing changes hands, and what they
//! send themselves goes out in time.

use std::fs::File;
use std::io::IoSlice;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use locum_engine::config::{Auth, Version};
use locum_engine::ids::{Priority, Vrid};
use locum_engine::time::Centis;
use locum_engine::wire::{self, Advert, GROUP_V4, ipv4};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};
use nix::unistd::Pid;
use socket2::{Domain, Protocol, Socket, Type};

use crate::capture::Capture;
use crate::lab::{Lab, address};
use crate::process::Kind;
use crate::tool::{must, run};
use crate::{SOON, VIP, founding};

/// What the issue asks for: so many a second, for so long.
const RATE: u32 = 100_000;
const SPAN: Duration = Duration::from_secs(10);
/// A busy machine carries fewer: two cores with other work on them 35,000 to 70,000, all of the kernel's
/// work on three nodes and a bridge included. With less than this the test has shown nothing.
const RATE_MIN: f64 = 20_000.0;
/// How far own adverts may be from their time.
const OFF_MAX: Duration = Duration::from_millis(10);
/// A machine that is busy with something else delays adverts, too. A daemon that a flood delays is
/// late each time.
const ATTEMPTS: u32 = 6;

/// Sent at once.
const BATCH: usize = 128;

#[test]
#[ignore = "needs root, network namespaces, tcpdump: run by .ci/run"]
fn a_flood_of_bad_adverts_moves_nothing() {
    let mut lab = Lab::alone(&["A", "B", "G"]);
    lab.start("A", Kind::Locum, &founding("A"));
    lab.await_holders(VIP, &["A"], SOON);
    lab.start("B", Kind::Locum, &founding("B"));
    lab.stays(VIP, &["A"], Duration::from_secs(2));
    for node in ["A", "B"] {
        prefer(lab.daemon(node).pid());
    }
    let mut complaints = Vec::new();
    for _ in 0..ATTEMPTS {
        match attempt(&mut lab) {
            Ok(()) => return,
            Err(complaint) => complaints.push(complaint),
        }
    }
    panic!("{complaints:#?}");
}

/// The flood is what is tested, not whoever else is busy on this machine.
fn prefer(pid: Pid) {
    if !run(&format!("chrt -r -p 10 {pid}")).status.success() {
        must(&format!("renice -n -15 -p {pid}"));
    }
}

/// Fails at once when anything changes hands, and may be repeated when something was late.
fn attempt(lab: &mut Lab) -> Result<(), String> {
    // The flood comes from the gateway's MAC address and isn't recorded.
    let capture = lab.capture_of("arp or (ip proto 112 and not ether src 02:00:00:00:00:01)");
    let namespace = lab.namespace("G");
    let flood = thread::spawn(move || flood(&namespace, SPAN));
    let before = arrived(lab);
    let start = Instant::now();
    lab.stays(VIP, &["A"], SPAN.saturating_sub(Duration::from_millis(500)));
    let rate = f64::from(arrived(lab) - before) / start.elapsed().as_secs_f64();
    flood.join().expect("the flood");
    lab.stays(VIP, &["A"], Duration::from_secs(2));
    for (node, states) in [("A", 2), ("B", 1)] {
        let log = lab.daemon(node).log();
        assert_eq!(log.matches(" -> ").count(), states, "{node}: {log}");
        // What is wrong with them is said all the same, of one in each second.
        assert!(log.contains("ignored: "), "{node}: {log}");
        assert!(log.contains("a flood of adverts"), "{node}: {log}");
    }
    let off = off(&capture);
    eprintln!("{rate:.0} bad adverts a second; own adverts within {off:.2?}");
    if rate < RATE_MIN {
        return Err(format!("only {rate:.0} a second"));
    }
    if off > OFF_MAX {
        return Err(format!("an advert was {off:?} off"));
    }
    Ok(())
}

/// Packets that A's interface has received: what the kernel drops on the way doesn't count.
fn arrived(lab: &Lab) -> u32 {
    let text = must(&format!(
        "ip -n {} -s -j link show eth0",
        lab.namespace("A")
    ));
    let received = text.split("\"rx\":{").nth(1).expect("counters");
    let packets = received.split("\"packets\":").nth(1).expect("counters");
    let digits: String = packets.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

/// How far A's adverts were from once a second, the worst of them.
fn off(capture: &Capture) -> Duration {
    let adverts = capture.adverts();
    let a: Ipv4Addr = address("A").parse().expect("it is one");
    assert!(adverts.iter().all(|advert| advert.source == a), "only A's");
    let times: Vec<_> = adverts.iter().map(|advert| advert.at).collect();
    assert!(times.len() >= 10, "{} adverts", times.len());
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let off = gaps.map(|gap| gap.abs_diff(Duration::from_secs(1)));
    off.max().expect("there were some")
}

/// Sends [`RATE`] bad adverts a second from a namespace, all kinds in turn, or as many as it can.
fn flood(namespace: &str, span: Duration) {
    must(&format!("renice -n -10 -p {}", nix::unistd::gettid()));
    let file = File::open(format!("/var/run/netns/{namespace}")).expect("the namespace");
    setns(file, CloneFlags::CLONE_NEWNET).expect("we are root");
    let protocol = Protocol::from(i32::from(wire::PROTOCOL));
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(protocol)).expect("a raw socket");
    socket.set_header_included_v4(true).expect("headers");
    socket.bind_device(Some(b"eth0")).expect("eth0");
    let to = SocketAddrV4::new(GROUP_V4, 0);
    socket.connect(&to.into()).expect("a group has a route");
    let packets = bad_adverts();
    let slices: Vec<_> = packets.iter().map(|p| [IoSlice::new(p)]).collect();
    let nowhere: [Option<SockaddrIn>; BATCH] = [None; BATCH];
    let mut headers = MultiHeaders::preallocate(BATCH, None);
    let (start, mut sent) = (Instant::now(), 0_u32);
    while start.elapsed() < span {
        let due = start.elapsed().mul_f64(RATE.into()).as_secs_f64();
        if f64::from(sent) > due {
            thread::sleep(Duration::from_micros(200));
            continue;
        }
        let from = sent as usize % (slices.len() - BATCH + 1);
        let batch = slices[from..].iter().take(BATCH);
        let fd = socket.as_raw_fd();
        match sendmmsg(fd, &mut headers, batch, nowhere, [], MsgFlags::empty()) {
            Ok(done) => sent += u32::try_from(done.count()).expect("a batch"),
            Err(Errno::ENOBUFS | Errno::EAGAIN) => {}
            Err(e) => panic!("{e}"),
        }
    }
}

/// Of each kind as many, mixed.
fn bad_adverts() -> Vec<Vec<u8>> {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut packets = Vec::new();
    for number in 0..BATCH * 16 {
        // Also in the name of the other node.
        let source = Ipv4Addr::new(192, 168, 0, 11 + next().to_le_bytes()[0] % 20);
        let wrong = advert(source, 255, *b"wrong\0\0\0");
        packets.push(match number % 4 {
            0 => wrong,
            1 => advert(source, 64, *b"1111\0\0\0\0"),
            2 => {
                let length = ipv4::LEN + next() as usize % 20;
                header(source, wrong.get(ipv4::LEN..length).unwrap_or_default())
            }
            _ => {
                let bytes: Vec<u8> = (0..8).flat_map(|_| next().to_le_bytes()).collect();
                header(source, &bytes)
            }
        });
    }
    packets
}

/// One that would win, if it were right.
fn advert(source: Ipv4Addr, ttl: u8, password: [u8; 8]) -> Vec<u8> {
    let vip: IpAddr = VIP.parse().expect("it is one");
    let advert = Advert {
        version: Version::V2,
        vrid: Vrid::new(51).expect("it is one"),
        priority: Priority(200),
        interval: Centis::from_seconds(1).expect("it is one"),
        auth: Auth::Password(password),
        addresses: &[vip],
    };
    let mut packet = Vec::new();
    wire::advert_packet(1, ttl, source, GROUP_V4, &advert, &mut packet);
    packet
}

fn header(source: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    let header = ipv4::Header {
        source,
        destination: GROUP_V4,
        ttl: 255,
        tos: wire::TOS,
        id: 1,
        protocol: wire::PROTOCOL,
    };
    let mut packet = header.encode(payload.len()).to_vec();
    packet.extend_from_slice(payload);
    packet
}

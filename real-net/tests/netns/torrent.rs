//! Frames as fast as the machine can: put on the nodes' cables at the switch, by a thread for each.

use std::fs::File;
use std::io::IoSlice;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsRawFd;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use locum_engine::config::{Auth, HeaderKey, HmacKey, Version};
use locum_engine::ids::{MacAddr, Priority, Vrid};
use locum_engine::time::Centis;
use locum_engine::wire::ethernet::{self, ETHERTYPE_IPV4};
use locum_engine::wire::trailer::{Origin, Stamp, sign};
use locum_engine::wire::{self, Advert, GROUP_V4, ah, ipv4};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, MultiHeaders, SockFlag, SockType, bind, sendmmsg, socket,
};

use crate::VIP;
use crate::tool::must;

/// Sent at once.
const BATCH: usize = 64;
/// Different frames of a kind.
const FRAMES: usize = BATCH * 32;
/// Where they seem to come from.
const FORGER: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

/// Puts `rate` of these frames a second on each of these ports of a switch, or as many as it can.
pub(crate) fn pour(
    switch: &str,
    ports: &[&str],
    frames: &[Vec<u8>],
    rate: u32,
    span: Duration,
) -> Vec<JoinHandle<()>> {
    let each = |port: &&str| {
        let (switch, port, frames) = (switch.to_owned(), (*port).to_owned(), frames.to_vec());
        thread::spawn(move || pour_on(&switch, &port, &frames, rate, span))
    };
    ports.iter().map(each).collect()
}

fn pour_on(switch: &str, port: &str, frames: &[Vec<u8>], rate: u32, span: Duration) {
    must(&format!("renice -n -10 -p {}", nix::unistd::gettid()));
    let there = File::open(format!("/run/netns/{switch}")).expect("the switch");
    setns(there, CloneFlags::CLONE_NEWNET).expect("we are root");
    let socket = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::empty(),
        None,
    );
    let socket = socket.expect("we are root");
    let of_port = getifaddrs().expect("the kernel tells").find_map(|found| {
        let link = found.address.filter(|_| found.interface_name == port)?;
        link.as_link_addr().copied()
    });
    bind(socket.as_raw_fd(), &of_port.expect("the port")).expect("it is there");
    let slices: Vec<_> = frames.iter().map(|frame| [IoSlice::new(frame)]).collect();
    let nowhere: [Option<LinkAddr>; BATCH] = [None; BATCH];
    let mut headers = MultiHeaders::preallocate(BATCH, None);
    let (start, mut sent) = (Instant::now(), 0_u32);
    while start.elapsed() < span {
        if f64::from(sent) > start.elapsed().as_secs_f64() * f64::from(rate) {
            thread::sleep(Duration::from_micros(100));
            continue;
        }
        let from = sent as usize % (slices.len() - BATCH + 1);
        let batch = slices[from..].iter().take(BATCH);
        let done = sendmmsg(
            socket.as_raw_fd(),
            &mut headers,
            batch,
            nowhere,
            [],
            MsgFlags::empty(),
        );
        match done {
            Ok(done) => sent += u32::try_from(done.count()).expect("a batch"),
            Err(Errno::ENOBUFS | Errno::EAGAIN) => {}
            Err(e) => panic!("{e}"),
        }
    }
}

/// Numbers that look random and are the same in each run.
struct Random(u64);

impl Random {
    const fn new() -> Self {
        Self(0x2545_f491_4f6c_dd1d)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// In the name of any node, the two routers among them.
    fn source(&mut self) -> Ipv4Addr {
        Ipv4Addr::new(192, 168, 0, 11 + self.next().to_le_bytes()[0] % 20)
    }
}

/// Wrong passwords, TTLs, truncated ones and random bytes, of each kind as many.
pub(crate) fn bad_adverts() -> Vec<Vec<u8>> {
    let mut random = Random::new();
    let bad = |number| {
        let source = random.source();
        let wrong = with_password(source, 255, *b"wrong\0\0\0");
        frame(&match number % 4 {
            0 => wrong,
            1 => with_password(source, 64, *b"1111\0\0\0\0"),
            2 => {
                let length = ipv4::LEN + random.next() as usize % 20;
                packet(source, wrong.get(ipv4::LEN..length).unwrap_or_default())
            }
            _ => {
                let bytes: Vec<u8> = (0..8).flat_map(|_| random.next().to_le_bytes()).collect();
                packet(source, &bytes)
            }
        })
    };
    (0..FRAMES).map(bad).collect()
}

/// Right in everything but the key of their authentication header.
pub(crate) fn forged_headers() -> Vec<Vec<u8>> {
    let mut random = Random::new();
    let forge = |number| {
        let source = random.source();
        let mut packet = Vec::new();
        let advert = advert(Version::V2, Auth::Header(HeaderKey(*b"1112\0\0\0\0")));
        wire::advert_packet(1, 255, source, GROUP_V4, &advert.of(), &mut packet);
        let header = header(source, ah::PROTOCOL);
        let key = HeaderKey(*b"1112\0\0\0\0");
        // Far ahead of what the owner has sent.
        let sequence = 1_000_000 + u32::try_from(number).expect("a few");
        ah::insert(&key, sequence, header, &mut packet);
        frame(&packet)
    };
    (0..FRAMES).map(forge).collect()
}

/// Right in everything but the key of their trailer.
pub(crate) fn forged_trailers() -> Vec<Vec<u8>> {
    let mut random = Random::new();
    let key = HmacKey::new(1, &[7; 32]).expect("long enough");
    let forge = |number| {
        let source = random.source();
        let mut packet = Vec::new();
        let advert = advert(Version::V3, Auth::None);
        wire::advert_packet(1, 255, source, GROUP_V4, &advert.of(), &mut packet);
        let origin = Origin {
            version: 3,
            vrid: 51,
            source: source.into(),
        };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let stamp = Stamp(Stamp::of(now.expect("after 1970")).0 + number as u64);
        let mut payload = packet[ipv4::LEN..].to_vec();
        let trailer = sign(&key, stamp, &origin, &payload);
        payload.extend_from_slice(&trailer);
        frame(&self::packet(source, &payload))
    };
    (0..FRAMES).map(forge).collect()
}

/// An advert that would win, and its addresses.
struct Winner {
    version: Version,
    auth: Auth,
    addresses: [IpAddr; 1],
}

fn advert(version: Version, auth: Auth) -> Winner {
    Winner {
        version,
        auth,
        addresses: [VIP.parse().expect("it is one")],
    }
}

impl Winner {
    fn of(&self) -> Advert<'_> {
        Advert {
            version: self.version,
            vrid: Vrid::new(51).expect("it is one"),
            priority: Priority(200),
            interval: Centis::from_seconds(1).expect("it is one"),
            auth: self.auth,
            addresses: &self.addresses,
        }
    }
}

fn with_password(source: Ipv4Addr, ttl: u8, password: [u8; 8]) -> Vec<u8> {
    let mut packet = Vec::new();
    let advert = advert(Version::V2, Auth::Password(password));
    wire::advert_packet(1, ttl, source, GROUP_V4, &advert.of(), &mut packet);
    packet
}

const fn header(source: Ipv4Addr, protocol: u8) -> ipv4::Header {
    ipv4::Header {
        source,
        destination: GROUP_V4,
        ttl: 255,
        tos: wire::TOS,
        id: 1,
        protocol,
    }
}

fn packet(source: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    let header = header(source, wire::PROTOCOL);
    let mut packet = header.encode(payload.len()).to_vec();
    packet.extend_from_slice(payload);
    packet
}

fn frame(packet: &[u8]) -> Vec<u8> {
    let group = ethernet::multicast_mac(GROUP_V4);
    ethernet::encode(group, FORGER, ETHERTYPE_IPV4, packet)
}

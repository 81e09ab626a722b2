//! What crossed the switch: tcpdump writes, the tests read.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use locum_engine::wire::ethernet::{self, ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use locum_engine::wire::{PROTOCOL, ah, ipv4};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pcap_file::pcap::PcapReader;

/// tcpdump at work.
pub(crate) struct Capture {
    tcpdump: Child,
    // Kept open: tcpdump says there how it went.
    _stderr: BufReader<ChildStderr>,
    file: PathBuf,
}

/// A frame with the kernel's time stamp, since 1970.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) at: Duration,
    pub(crate) bytes: Vec<u8>,
}

/// A VRRP advert.
#[derive(Clone, Debug)]
pub(crate) struct Advert {
    pub(crate) at: Duration,
    pub(crate) source: Ipv4Addr,
    pub(crate) priority: u8,
    /// From the IP header on.
    pub(crate) packet: Vec<u8>,
}

impl Capture {
    /// Returns when frames that match tcpdump's filter are being recorded.
    pub(crate) fn start(namespace: &str, interface: &str, folder: &Path, filter: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = folder.join(format!("{count}.pcap"));
        let mut tcpdump = Command::new("ip")
            .args(["netns", "exec", namespace, "tcpdump", "-i", interface])
            .args(["--immediate-mode", "--time-stamp-precision=nano", "-U"])
            // Thousands of adverts may come at once: room for them, none of which is long.
            .args(["-s", "4096", "-B", "16384"])
            .args(["-n", "-Z", "root", "-w"])
            .arg(&file)
            .arg(filter)
            .stderr(Stdio::piped())
            .spawn()
            .expect("tcpdump starts");
        let mut stderr = BufReader::new(tcpdump.stderr.take().expect("it is piped"));
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            let read = stderr.read_line(&mut line).expect("tcpdump speaks");
            assert!(read > 0, "tcpdump ended");
        }
        Self {
            tcpdump,
            _stderr: stderr,
            file,
        }
    }

    /// What was recorded so far, without the last frames' tail that is still being written.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let file = File::open(&self.file).expect("tcpdump has made it");
        let mut reader = PcapReader::new(file).expect("a pcap file");
        let mut frames = Vec::new();
        while let Some(Ok(packet)) = reader.next_packet() {
            frames.push(Frame {
                at: packet.timestamp,
                bytes: packet.data.into_owned(),
            });
        }
        frames
    }

    /// The adverts among them.
    pub(crate) fn adverts(&self) -> Vec<Advert> {
        self.frames().iter().filter_map(advert).collect()
    }

    /// The frames of the adverts among them.
    pub(crate) fn advert_frames(&self) -> Vec<Vec<u8>> {
        let frames = self.frames();
        let adverts = frames.into_iter().filter(|frame| advert(frame).is_some());
        adverts.map(|frame| frame.bytes).collect()
    }

    /// The IPv6 frames among them that come from a hardware address, with the kernel's flow label taken
    /// out.
    pub(crate) fn frames_v6(&self, mac: [u8; 6]) -> Vec<Vec<u8>> {
        let mut frames: Vec<_> = self.frames().into_iter().map(|f| f.bytes).collect();
        frames.retain(|frame| {
            let view = ethernet::View::new(frame).filter(|v| v.ethertype == ETHERTYPE_IPV6);
            view.is_some() && frame[6..12] == mac
        });
        for frame in &mut frames {
            // The lower 20 bits of the first word (RFC 8200 3).
            frame[15] &= 0xf0;
            frame[16..18].fill(0);
        }
        frames
    }

    /// The ARP frames among them that announce `address`: sender and target are the same.
    pub(crate) fn announcements(&self, address: Ipv4Addr) -> Vec<Frame> {
        let mut frames = self.frames();
        frames.retain(|frame| {
            let view = ethernet::View::new(&frame.bytes).filter(|v| v.ethertype == ETHERTYPE_ARP);
            let arp = view.and_then(|v| locum_engine::wire::arp::Arp::parse(v.payload));
            arp.is_some_and(|a| a.sender_ip == address && a.target_ip == address)
        });
        frames
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.tcpdump.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.tcpdump.wait();
    }
}

fn advert(frame: &Frame) -> Option<Advert> {
    let ethernet = ethernet::View::new(&frame.bytes).filter(|v| v.ethertype == ETHERTYPE_IPV4)?;
    let ip = ipv4::View::new(ethernet.payload).ok()?;
    let message = match ip.protocol() {
        PROTOCOL => ip.payload(),
        ah::PROTOCOL => ah::View::new(ip.payload())?.advert(),
        _ => return None,
    };
    let end = ip.header_len() + ip.payload().len();
    Some(Advert {
        at: frame.at,
        source: ip.source(),
        // Version and type, VRID, priority (RFC 9568 5.1).
        priority: *message.get(2)?,
        packet: ethernet.payload[..end].to_vec(),
    })
}

//! Adverts with a wrong password: how long the master is silent because of them.
//!
//! Any machine of the segment can send them. A master that falls silent for longer than its
//! master-down time is replaced, and there are two.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use locum_engine::config::{Auth, Version};
use locum_engine::ids::{Priority, Vrid};
use locum_engine::time::Centis;
use locum_engine::wire::{self, Advert};
use socket2::{Domain, Protocol, Socket, Type};

use crate::capture::Capture;
use crate::lab::Lab;
use crate::table::{Results, Row};

/// What the program is called with to be the one that sends them, in its namespace.
pub(crate) const SENDER: &str = "--forge";
/// Two a second.
const EVERY: Duration = Duration::from_millis(500);
/// Six seconds long.
const COUNT: u32 = 12;
const FORGER: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 2);
const MASTER: &str = "172.16.0.1";

const CONFIGURATION: &str = "global_defs {\n script_user root\n router_id X\n}\n\
     vrrp_instance VI {\n state BACKUP\n interface e0\n virtual_router_id 51\n priority 100\n \
     advert_int 1\n authentication {\n  auth_type PASS\n  auth_pass 1111\n }\n \
     virtual_ipaddress {\n  10.0.0.1/32\n }\n}\n";

/// A is master, B sends.
pub(crate) fn measure(daemon: &str) -> Result<Results, String> {
    let mut lab = Lab::new("f", 1)?;
    lab.start('A', daemon, CONFIGURATION)?;
    let capture = Capture::start(&lab)?;
    capture.hear(MASTER)?;
    let this = std::env::current_exe().map_err(|e| e.to_string())?;
    let sent = Command::new("ip")
        .args(["netns", "exec", &lab.node('B')])
        .arg(this)
        .arg(SENDER)
        .status();
    if !sent.is_ok_and(|status| status.success()) {
        return Err("the forger failed".to_owned());
    }
    // Until the master has spoken again.
    sleep(Duration::from_millis(1500));
    let adverts = capture.adverts();
    lab.stop();
    let forged = adverts.iter().filter(|(_, from)| from != MASTER).count();
    if forged != COUNT as usize {
        return Err(format!("{forged} of {COUNT} forged adverts came"));
    }
    let of_master = adverts.iter().filter(|(_, from)| from == MASTER);
    let times: Vec<f64> = of_master.map(|(at, _)| *at).collect();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    Ok(vec![(Row::Silence, gaps.max_by(f64::total_cmp))])
}

/// Sends them all, of a priority that nobody has to yield to.
pub(crate) fn send() -> Result<(), String> {
    let failed = |e: std::io::Error| format!("can't send: {e}");
    let protocol = Protocol::from(i32::from(wire::PROTOCOL));
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(protocol)).map_err(failed)?;
    socket.set_header_included_v4(true).map_err(failed)?;
    socket.set_multicast_if_v4(&FORGER).map_err(failed)?;
    let advert = Advert {
        version: Version::V2,
        vrid: Vrid::new(51).ok_or("51 is a VRID")?,
        priority: Priority(50),
        interval: Centis::new(100).ok_or("100 isn't zero")?,
        auth: Auth::Password(*b"wrong\0\0\0"),
        addresses: &[Ipv4Addr::new(10, 0, 0, 1).into()],
    };
    let to = SocketAddr::from((wire::GROUP_V4, 0)).into();
    for id in 1..=COUNT {
        let mut packet = Vec::new();
        let id = u16::try_from(id).map_err(|e| e.to_string())?;
        wire::advert_packet(id, wire::TTL, FORGER, wire::GROUP_V4, &advert, &mut packet);
        socket.send_to(&packet, &to).map_err(failed)?;
        sleep(EVERY);
    }
    Ok(())
}

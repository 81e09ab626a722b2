//! What RFC 9568 and RFC 3768 demand and no other test shows for both versions: one small test a
//! clause. The ledger (`rfc/*.toml`, read by `ledger.rs`) says which clause each belongs to.

mod common;

use std::net::Ipv4Addr;
use std::time::Duration;

use common::*;
use locum_engine::config::{Auth, Config, InstanceConfig, Preempt, Version};
use locum_engine::event::StateKind;
use locum_engine::ids::{InterfaceId, Priority};
use locum_engine::wire::{ChecksumForm, GROUP_V4, ipv4, set_checksum};
use locum_engine::{Command, Datagram, Input, Instant, Output, Transmit};

const BOTH: [Version; 2] = [Version::V2, Version::V3];

/// The founding configuration without a password, in either version.
fn router(version: Version, priority: u8) -> InstanceConfig {
    InstanceConfig {
        version,
        auth: Auth::None,
        ..instance(priority)
    }
}

/// A peer that uses another interval where the version allows it: 20 centiseconds.
fn peer(version: Version, priority: u8) -> (InstanceConfig, Duration) {
    let interval = if version == Version::V3 { 20 } else { 100 };
    let peer = InstanceConfig {
        advert_interval: centis(interval),
        ..router(version, priority)
    };
    (peer, Duration::from_millis(u64::from(interval) * 10))
}

/// Skew_Time at priority 100, written down apart from the code. An interval of 1 s gives both
/// versions the same; v2 never uses another.
fn skew_100(interval: Duration) -> Duration {
    interval * 156 / 256
}

/// Master_Down_Interval at priority 100.
fn down_100(interval: Duration) -> Duration {
    interval * 3 + skew_100(interval)
}

fn due(bench: &Bench) -> Option<Instant> {
    bench.engine.poll_timeout().map(|wake| wake.at)
}

/// Packets of the adverts said since the last call.
fn packets(bench: &mut Bench) -> Vec<Vec<u8>> {
    let said = bench.said.drain(..);
    let packets = said.filter_map(|(_, output)| match output {
        Output::Transmit(Transmit::Advert { packet, .. }) => Some(packet),
        _ => None,
    });
    packets.collect()
}

/// What becoming master looks like, up to the last announcement.
fn takes_over(words: &[String], priority: u8) -> bool {
    let advert = format!("advert {priority}");
    words[0] == advert
        && words[1] == "add 192.168.0.200"
        && words[2..7].iter().all(|word| word == "garp 192.168.0.200")
}

#[test]
fn the_owner_advertises_and_announces_as_it_starts() {
    for version in BOTH {
        let mut bench = Bench::started(router(version, 255));
        assert!(takes_over(&bench.words(), 255), "{version:?}");
        assert_eq!(due(&bench), Some(at_ms(1000)), "the next advert");
    }
}

#[test]
fn who_is_no_owner_listens_for_a_whole_interval_and_then_takes_over() {
    for version in BOTH {
        let mut bench = Bench::started(router(version, 100));
        assert_eq!(bench.state(), StateKind::Backup);
        let down = Instant::ZERO + down_100(secs(1));
        assert_eq!(due(&bench), Some(down), "{version:?}");
        bench.said.clear();
        bench.run_to(down);
        assert!(takes_over(&bench.words(), 100), "{version:?}");
        assert_eq!(bench.state(), StateKind::Master);
        assert_eq!(due(&bench), Some(down + secs(1)), "its next advert");
        bench.run_for(secs(2));
        let times: Vec<_> = bench.adverts().iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [down + secs(1), down + secs(2)]);
    }
}

#[test]
fn a_backup_holds_nothing_and_says_nothing() {
    for version in BOTH {
        let mut bench = Bench::started(router(version, 100));
        for second in 0..10 {
            bench.run_to(at_ms(second * 1000));
            bench.hear_from(PEER, &router(version, 200));
        }
        let words = bench.words();
        assert_eq!(words[0], "remove 192.168.0.200", "whatever was left");
        let loud = |word: &&String| {
            ["advert ", "garp ", "add "]
                .iter()
                .any(|w| word.starts_with(w))
        };
        assert_eq!(words.iter().find(loud), None, "{version:?}");
    }
}

#[test]
fn a_backup_follows_a_master_of_its_own_priority() {
    for version in BOTH {
        let mut bench = Bench::started(router(version, 100));
        bench.run_to(at_ms(2000));
        let (peer, interval) = peer(version, 100);
        bench.hear_from(PEER, &peer);
        assert_eq!(due(&bench), Some(at_ms(2000) + down_100(interval)));
    }
}

#[test]
fn without_preemption_a_lower_master_is_followed() {
    for version in BOTH {
        let mut bench = Bench::started(InstanceConfig {
            preempt: Preempt::Never,
            ..router(version, 100)
        });
        bench.run_to(at_ms(2000));
        let (peer, interval) = peer(version, 1);
        bench.hear_from(PEER, &peer);
        assert_eq!(due(&bench), Some(at_ms(2000) + down_100(interval)));
    }
}

#[test]
fn with_preemption_a_lower_advert_moves_nothing() {
    for version in BOTH {
        let mut bench = Bench::started(router(version, 100));
        let before = due(&bench);
        bench.run_to(at_ms(2000));
        bench.hear_from(PEER, &peer(version, 99).0);
        assert_eq!(due(&bench), before, "{version:?}");
    }
}

#[test]
fn the_owner_preempts_whatever_its_mode() {
    for version in BOTH {
        let mut bench = Bench::started(InstanceConfig {
            preempt: Preempt::Never,
            ..router(version, 100)
        });
        bench.give(Input::Command(Command::SetPriority {
            instance: VI,
            priority: Some(Priority::OWNER),
        }));
        let before = due(&bench);
        bench.run_to(at_ms(2000));
        bench.hear_from(PEER, &peer(version, 254).0);
        assert_eq!(due(&bench), before, "{version:?}");
    }
}

#[test]
fn a_resignation_leaves_a_backup_the_skew_time() {
    for version in BOTH {
        let mut bench = Bench::started(router(version, 100));
        bench.hear_from(PEER, &peer(version, 200).0);
        bench.run_to(at_ms(100));
        let (peer, interval) = peer(version, 0);
        bench.hear_from(PEER, &peer);
        assert_eq!(due(&bench), Some(at_ms(100) + skew_100(interval)));
    }
}

#[test]
fn a_backup_that_stops_says_nothing() {
    for version in BOTH {
        let mut bench = Bench::started(router(version, 100));
        bench.give(Input::Command(Command::Stop));
        assert_eq!((bench.state(), due(&bench)), (StateKind::Init, None));
        assert_eq!(bench.adverts(), [], "{version:?}");
    }
}

#[test]
fn a_master_that_stops_resigns() {
    for version in BOTH {
        let mut bench = Bench::master(router(version, 100));
        bench.give(Input::Command(Command::Stop));
        assert_eq!((bench.state(), due(&bench)), (StateKind::Init, None));
        assert_eq!(bench.adverts(), [(bench.now, 0)], "{version:?}");
    }
}

#[test]
fn a_resignation_makes_the_master_advertise_and_count_from_there() {
    for version in BOTH {
        let mut bench = Bench::master(router(version, 100));
        bench.run_for(Duration::from_millis(400));
        bench.hear_from(PEER, &peer(version, 0).0);
        assert_eq!(bench.adverts(), [(bench.now, 100)], "{version:?}");
        assert_eq!(due(&bench), Some(bench.now + secs(1)));
    }
}

#[test]
fn a_master_answers_whom_it_outranks() {
    let lower_address = Ipv4Addr::new(192, 168, 0, 9);
    for version in BOTH {
        for (source, priority) in [(PEER, 99), (lower_address, 100)] {
            let mut bench = Bench::master(router(version, 100));
            bench.run_for(Duration::from_millis(400));
            bench.hear_from(source, &peer(version, priority).0);
            assert_eq!(bench.adverts(), [(bench.now, 100)], "{version:?}");
            assert_eq!(bench.state(), StateKind::Master);
        }
    }
}

#[test]
fn a_master_that_is_outranked_follows_the_winner() {
    for version in BOTH {
        for priority in [100, 101] {
            let mut bench = Bench::master(router(version, 100));
            let (peer, interval) = peer(version, priority);
            bench.hear_from(PEER, &peer);
            assert_eq!(bench.state(), StateKind::Backup, "{version:?}");
            assert_eq!(due(&bench), Some(bench.now + down_100(interval)));
        }
    }
}

#[test]
fn every_field_of_an_advert_says_what_is_configured() {
    for version in BOTH {
        let mut bench = Bench::started(router(version, 100));
        bench.run_until_state(StateKind::Master);
        let packet = packets(&mut bench).remove(0);
        let (header, message) = packet.split_at(ipv4::LEN);
        assert_eq!(header[8..10], [255, 112], "TTL and protocol");
        assert_eq!(header[12..16], US.octets());
        assert_eq!(header[16..20], GROUP_V4.octets());
        let (first, fourth) = match version {
            Version::V2 => (0x21, [0, 1]),
            Version::V3 => (0x31, [0, 100]),
        };
        assert_eq!(message[..6], [first, 51, 100, 1, fourth[0], fourth[1]]);
        assert_eq!(message[8..12], VIP.octets());
        let rest: &[u8] = if version == Version::V2 { &[0; 8] } else { &[] };
        assert_eq!(message[12..], *rest, "no password, or none possible");
    }
}

#[test]
fn what_has_no_meaning_is_not_looked_at() {
    for (version, at, junk) in [(Version::V2, 12, 0x78), (Version::V3, 4, 0xf0)] {
        let mut bench = Bench::master(router(version, 100));
        let mut message = payload(PEER, &router(version, 200));
        message[at] |= junk;
        let form = match version {
            Version::V2 => ChecksumForm::Message,
            Version::V3 => ChecksumForm::PseudoHeader,
        };
        set_checksum(form, &mut message, PEER.into(), GROUP_V4.into());
        bench.receive(PEER, 255, &message);
        assert_eq!(bench.state(), StateKind::Backup, "{version:?}");
        let learned = bench.now + down_100(secs(1));
        assert_eq!(due(&bench), Some(learned), "the interval is 12 bits");
    }
}

/// The same VRID on another interface is another virtual router.
#[test]
fn an_advert_on_another_interface_is_a_stray() {
    for version in BOTH {
        let mut bench = Bench::new(Config {
            interfaces: vec!["eth0".into(), "eth1".into()],
            ..config(router(version, 100))
        });
        bench.give(Input::Command(Command::Start));
        bench.run_until_state(StateKind::Master);
        let message = payload(PEER, &router(version, 200));
        bench.give(Input::Receive(Datagram {
            interface: InterfaceId(1),
            source: PEER.into(),
            destination: GROUP_V4.into(),
            ttl: 255,
            protocol: 112,
            id: 1,
            payload: &message,
        }));
        assert_eq!(bench.state(), StateKind::Master, "{version:?}");
        assert_eq!(bench.engine.strays(), 1);
    }
}

/// An instance of keepalived may have no addresses at all; erratum 8299 would not hear it.
#[test]
fn an_advert_without_addresses_counts() {
    for version in BOTH {
        let mut bench = Bench::master(router(version, 100));
        bench.hear_from(
            PEER,
            &InstanceConfig {
                addresses: vec![],
                ..router(version, 200)
            },
        );
        assert_eq!(bench.state(), StateKind::Backup, "{version:?}");
    }
}

/// There is no mixed mode: who speaks one version sends nothing in the other.
#[test]
fn an_instance_sends_one_version_at_its_own_rate() {
    for (version, number) in [(Version::V2, 2), (Version::V3, 3)] {
        let mut bench = Bench::master(router(version, 100));
        bench.said.clear();
        bench.run_for(secs(5));
        let packets = packets(&mut bench);
        assert_eq!(packets.len(), 5, "{version:?}");
        for packet in packets {
            assert_eq!(packet[ipv4::LEN] >> 4, number);
        }
    }
}

/// A better master of the other version isn't heard, so that its rate doesn't matter either.
#[test]
fn a_backup_does_not_hear_the_other_version() {
    for (ours, theirs) in [(Version::V2, Version::V3), (Version::V3, Version::V2)] {
        let mut bench = Bench::started(router(ours, 100));
        let before = due(&bench);
        bench.run_to(at_ms(2000));
        bench.hear_from(PEER, &router(theirs, 200));
        assert_eq!(due(&bench), before, "{ours:?} hears {theirs:?}");
        bench.run_for(secs(3));
        assert_eq!(bench.state(), StateKind::Master);
    }
}

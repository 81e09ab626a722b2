//! Keywords that tune the protocol, each with the exact times and packets that it makes different.

mod common;

use std::time::Duration;

use common::*;
use locum_engine::config::{Auth, InstanceConfig, Tuning, Version};
use locum_engine::event::{Discard, StateKind};
use locum_engine::ids::Priority;
use locum_engine::wire::{self, AdvertView, ChecksumForm, Family, GROUP_V4};
use locum_engine::{Command, Input, Instant, Output, Transmit};

fn tuned(priority: u8, tuning: Tuning) -> InstanceConfig {
    InstanceConfig {
        tuning,
        ..instance(priority)
    }
}

fn v3(priority: u8, tuning: Tuning) -> InstanceConfig {
    InstanceConfig {
        version: Version::V3,
        auth: Auth::None,
        ..tuned(priority, tuning)
    }
}

fn missed(down_timer_adverts: u8) -> Tuning {
    Tuning {
        down_timer_adverts,
        ..Tuning::default()
    }
}

#[test]
fn down_timer_adverts_is_the_number_of_adverts_that_must_be_missing() {
    let skew = Duration::from_nanos(609_375_000);
    for count in [1, 2, 3, 100] {
        let mut bench = Bench::started(tuned(100, missed(count)));
        let down = Instant::ZERO + secs(u64::from(count)) + skew;
        bench.run_to(Instant::from_nanos(down.as_nanos() - 1));
        assert_eq!(bench.state(), StateKind::Backup, "{count}");
        bench.run_to(down);
        assert_eq!(bench.state(), StateKind::Master, "{count}");
    }
}

#[test]
fn down_timer_adverts_multiplies_the_learned_interval_and_leaves_a_resignation_alone() {
    let v3 = |priority, centi| InstanceConfig {
        advert_interval: centis(centi),
        ..v3(priority, missed(5))
    };
    let mut bench = Bench::started(v3(100, 100));
    bench.hear_from(PEER, &v3(200, 20));
    let skew = Duration::from_nanos(156 * 200_000_000 / 256);
    let due = |bench: &Bench| bench.engine.poll_timeout().map(|wake| wake.at);
    assert_eq!(due(&bench), Some(Instant::ZERO + secs(1) + skew));
    bench.hear_from(PEER, &v3(0, 20));
    assert_eq!(due(&bench), Some(Instant::ZERO + skew));
}

#[test]
fn a_master_that_wakes_up_late_knows_how_long_its_peers_wait() {
    for (late, warned) in [(1_609, false), (1_610, true)] {
        let mut bench = Bench::master(tuned(100, missed(2)));
        bench.now = bench.now + secs(1) + Duration::from_millis(late);
        bench.give(Input::Timeout);
        let said = bench.words();
        let found = said.iter().any(|word| word.starts_with("advert late"));
        assert_eq!(found, warned, "{said:?}");
    }
}

/// The form of the checksums of all adverts said so far.
fn sent_forms(bench: &Bench, version: Version) -> Vec<Option<ChecksumForm>> {
    let packets = bench.said.iter().filter_map(|(_, output)| match output {
        Output::Transmit(Transmit::Advert { packet, .. }) => Some(&packet[wire::ipv4::LEN..]),
        _ => None,
    });
    packets
        .map(|message| {
            let view = AdvertView::new(message, version, Family::V4).expect("whole");
            view.checksum_form(US.into(), GROUP_V4.into())
        })
        .collect()
}

#[test]
fn v3_checksum_as_v2_is_of_the_message_alone_and_changes_nothing_else() {
    let as_v2 = Tuning {
        v3_checksum_as_v2: true,
        ..Tuning::default()
    };
    for (version, tuning, form) in [
        (Version::V3, Tuning::default(), ChecksumForm::PseudoHeader),
        (Version::V3, as_v2, ChecksumForm::Message),
        (Version::V2, as_v2, ChecksumForm::Message),
    ] {
        let mut bench = Bench::started(InstanceConfig {
            version,
            ..v3(100, tuning)
        });
        bench.run_until_state(StateKind::Master);
        bench.run_for(secs(2));
        assert_eq!(sent_forms(&bench, version), [Some(form); 3], "{tuning:?}");
    }
    let bodies = [Tuning::default(), as_v2].map(|tuning| {
        let mut bench = Bench::started(v3(100, tuning));
        bench.run_until_state(StateKind::Master);
        let mut packets = bench.said.drain(..).filter_map(|(_, output)| match output {
            Output::Transmit(Transmit::Advert { packet, .. }) => Some(packet),
            _ => None,
        });
        let mut packet = packets.next().expect("a first advert");
        packet[wire::ipv4::LEN + 6..][..2].fill(0);
        packet
    });
    assert_eq!(bodies[0], bodies[1]);
}

#[test]
fn both_forms_are_understood_whatever_is_sent_and_counted() {
    for v3_checksum_as_v2 in [false, true] {
        let mut bench = Bench::started(v3(
            100,
            Tuning {
                v3_checksum_as_v2,
                ..Tuning::default()
            },
        ));
        let mut message = payload(PEER, &v3(200, Tuning::default()));
        bench.receive(PEER, 255, &message);
        for _ in 0..2 {
            let (from, to) = (PEER.into(), GROUP_V4.into());
            wire::set_checksum(ChecksumForm::Message, &mut message, from, to);
            bench.receive(PEER, 255, &message);
        }
        message[6] ^= 1;
        bench.receive(PEER, 255, &message);
        let stats = bench.engine.stats(VI);
        assert_eq!(
            (stats.summed_with_pseudo_header, stats.summed_alone),
            (1, 2)
        );
        assert_eq!(stats.discarded[Discard::Checksum.index()], 1);
    }
}

#[test]
fn higher_prio_send_advert_is_a_last_advert_before_letting_go() {
    let tuning = Tuning {
        higher_prio_send_advert: true,
        ..Tuning::default()
    };
    for (audible_yield, peer) in [(true, 100), (false, 100), (true, 99)] {
        let mut bench = Bench::master(InstanceConfig {
            audible_yield,
            ..tuned(99, tuning)
        });
        bench.hear(peer);
        let said = bench.words();
        assert_eq!(said[..2], ["advert 99", "remove 192.168.0.200"]);
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(bench.state(), StateKind::Backup);
    }
}

#[test]
fn higher_prio_send_advert_is_for_contests_alone() {
    let tuning = Tuning {
        higher_prio_send_advert: true,
        ..Tuning::default()
    };
    let mut drained = Bench::master(tuned(100, tuning));
    drained.give(Input::Command(Command::Drain {
        instance: None,
        within: secs(2),
    }));
    drained.run_for(secs(2));
    let adverts = drained.adverts();
    assert_eq!(adverts.last(), Some(&(drained.now, 0)));
    let mut stopped = Bench::master(tuned(100, tuning));
    stopped.give(Input::Command(Command::Stop));
    assert_eq!(stopped.adverts(), [(stopped.now, 0)]);
}

#[test]
fn an_owner_that_ignores_adverts_stays_until_it_is_no_owner_any_more() {
    let owner = |owner_ignore_adverts| {
        let tuning = Tuning {
            owner_ignore_adverts,
            ..Tuning::default()
        };
        Bench::started(tuned(255, tuning))
    };
    let mut hears = owner(false);
    hears.hear(255);
    assert_eq!(hears.state(), StateKind::Backup, "a higher address wins");
    let mut ignores = owner(true);
    ignores.said.clear();
    for priority in [255, 100, 0] {
        ignores.hear(priority);
        assert_eq!(ignores.state(), StateKind::Master);
    }
    assert_eq!(
        ignores.words(),
        ["advert from 192.168.0.12 ignored: we own the addresses"]
    );
    let stats = ignores.engine.stats(VI);
    assert_eq!(stats.discarded[Discard::OwnerIgnores.index()], 3);
    ignores.give(Input::Command(Command::SetPriority {
        instance: VI,
        priority: Some(Priority(50)),
    }));
    ignores.hear(100);
    assert_eq!(ignores.state(), StateKind::Backup);
}

#[test]
fn owner_ignore_adverts_means_nothing_below_priority_255() {
    let tuning = Tuning {
        owner_ignore_adverts: true,
        ..Tuning::default()
    };
    let mut bench = Bench::master(tuned(254, tuning));
    bench.hear(255);
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn skip_check_adv_addr_compares_the_first_advert_of_a_master_only() {
    for (skip_check_adv_addr, expected) in [(false, 1), (true, 0)] {
        let tuning = Tuning {
            skip_check_adv_addr,
            ..Tuning::default()
        };
        let mut bench = Bench::started(tuned(100, tuning));
        let peer = instance(200);
        let changed = InstanceConfig {
            addresses: vec![],
            ..instance(200)
        };
        let remarks = |bench: &mut Bench| {
            let words = bench.words().into_iter();
            words
                .filter(|word| word.ends_with("advertises other addresses than ours"))
                .count()
        };
        bench.hear_from(PEER, &peer);
        bench.hear_from(PEER, &changed);
        assert_eq!(remarks(&mut bench), expected, "{skip_check_adv_addr}");
        let other = std::net::Ipv4Addr::new(192, 168, 0, 13);
        bench.hear_from(other, &changed);
        bench.hear_from(other, &changed);
        assert_eq!(remarks(&mut bench), 1, "another master is looked at");
    }
}

/// Sent to the group of the instance, with its checksum, and heard from no other.
#[test]
fn another_group_is_the_only_one() {
    let group = [224, 0, 0, 77].into();
    let grouped = |priority| InstanceConfig {
        group: Some(std::net::IpAddr::V4(group)),
        ..v3(priority, Tuning::default())
    };
    let mut bench = Bench::master(grouped(100));
    bench.run_for(secs(1));
    let sent = bench.said.iter().find_map(|(_, output)| match output {
        Output::Transmit(Transmit::Advert {
            destination,
            packet,
            ..
        }) => Some((*destination, packet.clone())),
        _ => None,
    });
    let (destination, packet) = sent.expect("an advert is due each second");
    assert_eq!(destination, std::net::IpAddr::V4(group));
    assert_eq!(packet[16..20], group.octets());
    let view = AdvertView::new(&packet[wire::ipv4::LEN..], Version::V3, Family::V4).expect("whole");
    assert_eq!(
        view.checksum_form(US.into(), group.into()),
        Some(ChecksumForm::PseudoHeader)
    );
    bench.said.clear();
    let peer = grouped(200);
    bench.receive_at(GROUP_V4, PEER, 255, &payload_to(PEER, GROUP_V4, &peer));
    assert_eq!(bench.state(), StateKind::Master);
    let discarded = &bench.engine.stats(VI).discarded;
    assert_eq!(discarded[Discard::Destination.index()], 1);
    bench.receive_at(group, PEER, 255, &payload_to(PEER, group, &peer));
    assert_eq!(bench.state(), StateKind::Backup);
}

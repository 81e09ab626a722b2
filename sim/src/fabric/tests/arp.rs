//! What a client feels: its ARP cache, and how traffic moves from one holder to the next.

use locum_engine::wire::arp::{Arp, Operation};

use super::*;

/// A holds the address and serves the client from the start; advances to 1 s.
fn served() -> Fabric {
    let mut fabric = busy();
    fabric.add_address(A, &vip(), None);
    fabric.advance(ms(1_000));
    fabric
}

#[test]
fn a_client_is_served_by_whoever_holds_the_address() {
    let mut fabric = served();
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(A)));
    let served = Observed::ServedBy {
        client: C,
        server: A,
    };
    let said = records(&mut fabric);
    assert_eq!(said.iter().filter(|r| r.what == served).count(), 1);
    fabric.finish();
    assert_eq!(outages(&mut fabric), []);
}

#[test]
fn an_announcement_moves_a_client_at_once() {
    let mut fabric = served();
    hand_over(&mut fabric, A, B, true);
    pass(&mut fabric, 100);
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(B)));
    let served = Observed::ServedBy {
        client: C,
        server: B,
    };
    let seen = records(&mut fabric);
    assert_eq!(seen.last().map(|r| &r.what), Some(&served));
    assert!(
        !seen
            .iter()
            .any(|r| matches!(r.what, Observed::Outage { .. }))
    );
}

#[test]
fn an_announcement_makes_no_entry() {
    let mut fabric = quiet();
    fabric.send(A, announcement(A));
    pass(&mut fabric, 1);
    assert_eq!(fabric.neighbour(G, VIP), None);
}

/// An entry that was confirmed at 0 s is verified from 30 s on: 5 s of delay, three questions to
/// the old holder, then one to everybody.
#[test]
fn without_an_announcement_the_entry_has_to_expire() {
    let mut fabric = busy();
    fabric.add_address(A, &vip(), None);
    fabric.advance(ms(20_000));
    hand_over(&mut fabric, A, B, false);
    fabric.advance(ms(60_000));
    let [(end, lasted)] = outages(&mut fabric)[..] else {
        panic!("one outage");
    };
    // The entry was made by the first ping at 0 s, confirmed 0.2 ms later.
    assert_eq!(end.as_nanos() / 10_000_000, 3_801);
    assert!(lasted > Duration::from_millis(18_000) && lasted < Duration::from_millis(18_030));
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(B)));
}

/// The measured case: capture `split-and-heal` of keepalived 2.2.7. B announces, 4.382 s later it
/// yields, and nobody announces. The client had its ping unanswered for 3.784 s.
#[test]
fn after_a_split_heals_in_silence_the_client_is_black_holed_for_3_7_seconds() {
    let mut fabric = served();
    fabric.apply(&Fault::Partition(vec![A], vec![B]));
    fabric.advance(ms(9_766));
    fabric.add_address(B, &vip(), None);
    fabric.send(B, announcement(B));
    assert!(fabric.holders(VIP).eq([A, B]));
    fabric.advance(ms(14_148));
    fabric.apply(&Fault::Heal);
    fabric.remove_address(B, VIP);
    fabric.advance(ms(30_000));
    let [(_, lasted)] = outages(&mut fabric)[..] else {
        panic!("one outage");
    };
    // Real timers add 24 ms to each second and up to 0.1 s to the first delay.
    assert!(lasted > Duration::from_millis(3_600), "{lasted:?}");
    assert!(lasted < Duration::from_millis(3_800), "{lasted:?}");
    assert_eq!(lasted, Duration::from_micros(3_630_200));
}

#[test]
fn an_announcement_after_the_heal_ends_it_within_a_ping() {
    let mut fabric = served();
    fabric.add_address(B, &vip(), None);
    fabric.send(B, announcement(B));
    pass(&mut fabric, 4_000);
    fabric.remove_address(B, VIP);
    fabric.send(A, announcement(A));
    pass(&mut fabric, 20_000);
    assert_eq!(outages(&mut fabric), []);
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(A)));
}

#[test]
fn of_two_answers_the_first_wins_and_an_announcement_beats_both() {
    let mut topology = star(Duration::from_millis(10));
    topology.cables[A.index()].a_to_b.latency = Duration::from_micros(500);
    let mut fabric = fabric(topology, 1);
    fabric.add_address(A, &vip(), None);
    fabric.add_address(B, &vip(), None);
    pass(&mut fabric, 500);
    // A's answer came later, within the lock time.
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(B)));
    fabric.send(A, announcement(A));
    pass(&mut fabric, 5);
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(A)));
}

/// An ARP packet from a host.
fn arp(from: HostId, to: MacAddr, packet: Arp) -> Transmit {
    let mut transmit = announcement(from);
    if let Transmit::GratuitousArp { frame, .. } = &mut transmit {
        frame[..6].copy_from_slice(&to.0);
        frame[14..].copy_from_slice(&packet.encode());
    }
    transmit
}

/// B's answer to C that it has the address, asked or not.
fn answer(to: MacAddr) -> Transmit {
    let packet = Arp {
        operation: Operation::Reply,
        sender_mac: mac(B),
        sender_ip: VIP,
        target_mac: mac(C),
        target_ip: ip(C),
    };
    arp(B, to, packet)
}

#[test]
fn another_answer_counts_once_the_lock_time_is_over() {
    let mut fabric = served();
    fabric.add_address(B, &vip(), None);
    // The entry was made 0.2 ms after the start. What says nothing new doesn't renew its lock time.
    fabric.send(A, announcement(A));
    fabric.send(B, answer(mac(C)));
    pass(&mut fabric, 1);
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(A)));
    pass(&mut fabric, 1);
    fabric.send(B, answer(mac(C)));
    pass(&mut fabric, 1);
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(B)));
}

/// Unicast questions from the client that reach B, within 6 s after that answer.
fn verifications(answer: Transmit) -> usize {
    let mut fabric = served();
    hand_over(&mut fabric, A, B, false);
    pass(&mut fabric, 100);
    let tap = fabric.tap(crate::capture::TapPoint::Nic(B));
    fabric.send(B, answer);
    pass(&mut fabric, 6_000);
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(B)));
    let questions = fabric.captured(tap).iter();
    let questions =
        questions.filter(|(_, bytes)| bytes[..6] == mac(B).0 && bytes[12..14] == [8, 6]);
    questions.count()
}

#[test]
fn only_an_answer_to_oneself_confirms() {
    // The first is B's question for the way back to C, answered.
    assert_eq!(verifications(answer(mac(C))), 1);
    assert_eq!(verifications(answer(MacAddr::BROADCAST)), 2);
}

#[test]
fn an_announcement_is_not_answered_by_another_holder() {
    let mut fabric = quiet();
    fabric.add_address(A, &vip(), None);
    fabric.add_address(B, &vip(), None);
    let tap = fabric.tap(crate::capture::TapPoint::Nic(B));
    fabric.send(B, announcement(B));
    pass(&mut fabric, 1);
    assert_eq!(fabric.captured(tap).len(), 1);
}

/// A server that doesn't know the way back asks for it in the name of the address, and that moves
/// a client as an announcement does.
#[test]
fn the_servers_own_question_moves_the_client() {
    let mut fabric = quiet();
    fabric.add_address(A, &vip(), None);
    fabric.send(C, advert(C, VIP, 1));
    pass(&mut fabric, 1);
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(A)));
    hand_over(&mut fabric, A, B, false);
    let mut question = advert(B, ip(C), 1);
    if let Transmit::Advert { packet, .. } = &mut question {
        packet[12..16].copy_from_slice(&VIP.octets());
    }
    fabric.send(B, question);
    pass(&mut fabric, 1);
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(B)));
}

#[test]
fn nobody_there_means_three_questions_a_second_apart() {
    let mut topology = star(Duration::from_secs(100));
    if let Role::Client(client) = &mut topology.hosts[C.index()].role {
        client.from = Duration::ZERO;
    }
    let mut fabric = fabric(topology, 1);
    let tap = fabric.tap(crate::capture::TapPoint::Nic(G));
    fabric.advance(ms(50_000));
    let captured = fabric.captured(tap).iter();
    let times: Vec<_> = captured.map(|(at, _)| at.as_nanos() / 1_000_000).collect();
    assert_eq!(times, [0, 1_000, 2_000]);
    fabric.advance(ms(100_001));
    assert_eq!(fabric.captured(tap).len(), 4);
}

#[test]
fn carrier_loss_empties_the_cache() {
    let mut fabric = served();
    fabric.apply(&Fault::Pull(cable_of(C)));
    assert_eq!(fabric.neighbour(C, VIP), None);
    hand_over(&mut fabric, A, B, false);
    fabric.apply(&Fault::Plug(cable_of(C)));
    pass(&mut fabric, 30);
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(B)));
}

/// Questions that G's NIC sees of A, unicast ones included, up to 60 s after A wrote to G: the
/// second letter goes out after so many milliseconds.
fn questions_after(second: Option<u64>) -> Vec<u64> {
    let mut fabric = quiet();
    let tap = fabric.tap(crate::capture::TapPoint::Nic(G));
    fabric.send(A, advert(A, ip(G), 1));
    if let Some(second) = second {
        fabric.advance(ms(second));
        fabric.send(A, advert(A, ip(G), 1));
    }
    fabric.advance(ms(60_000));
    let from_a = |bytes: &[u8]| bytes[6..12] == mac(A).0 && bytes[12..14] == [8, 6];
    let questions = fabric
        .captured(tap)
        .iter()
        .filter(|(_, bytes)| from_a(bytes));
    questions.map(|(at, _)| at.as_nanos() / 1_000_000).collect()
}

#[test]
fn only_an_entry_in_use_is_verified() {
    assert_eq!(questions_after(None), [0]);
    assert_eq!(questions_after(Some(20_000)), [0]);
    // In use when it expires, 30 s after it was confirmed: verified 5 s later.
    assert_eq!(questions_after(Some(28_000)), [0, 35_000]);
    // Used when it had expired: verified 5 s after that.
    assert_eq!(questions_after(Some(40_000)), [0, 45_000]);
}

#[test]
fn a_reply_is_an_announcement_only_in_its_proper_form() {
    for (target_mac, moves) in [(mac(B), true), (mac(C), false)] {
        let mut fabric = served();
        let reply = Arp {
            operation: Operation::Reply,
            sender_mac: mac(B),
            sender_ip: VIP,
            target_mac,
            target_ip: VIP,
        };
        // Within the lock time, which an announcement overrides.
        fabric.send(B, arp(B, MacAddr::BROADCAST, reply));
        fabric.advance(fabric.now() + Duration::from_micros(100));
        assert_eq!(fabric.neighbour(C, VIP) == Some(mac(B)), moves);
    }
}

/// RFC 5227: who looks whether an address is free asks in nobody's name.
#[test]
fn a_question_in_nobodys_name_is_answered_and_not_learned() {
    let mut fabric = quiet();
    let question = Arp {
        operation: Operation::Request,
        sender_mac: mac(B),
        sender_ip: Ipv4Addr::UNSPECIFIED,
        target_mac: MacAddr::default(),
        target_ip: ip(A),
    };
    let tap = fabric.tap(crate::capture::TapPoint::Nic(B));
    fabric.send(B, arp(B, MacAddr::BROADCAST, question));
    pass(&mut fabric, 1);
    assert_eq!(fabric.captured(tap).len(), 2);
    assert_eq!(fabric.neighbour(A, Ipv4Addr::UNSPECIFIED), None);
}

#[test]
fn a_client_that_was_never_answered_was_without_service_from_its_first_ping() {
    let mut fabric = busy();
    fabric.advance(ms(2_000));
    fabric.finish();
    let outage = (ms(2_000), Duration::from_secs(2));
    assert_eq!(outages(&mut fabric), [outage]);
}

/// The pings of the time without power are not made up for.
#[test]
fn a_client_pings_on_when_its_power_returns() {
    let mut fabric = served();
    fabric.apply(&Fault::PowerOff(C));
    pass(&mut fabric, 1_000);
    fabric.apply(&Fault::PowerOn(C));
    let tap = fabric.tap(crate::capture::TapPoint::Nic(A));
    pass(&mut fabric, 100);
    // Its question, its answer, and ten pings with theirs.
    assert_eq!(fabric.captured(tap).len(), 22);
    let [(_, lasted)] = outages(&mut fabric)[..] else {
        panic!("one outage");
    };
    assert!(lasted < Duration::from_millis(1_020), "{lasted:?}");
}

#[test]
fn an_outage_that_is_still_open_is_recorded_at_the_end() {
    let mut fabric = served();
    apply(&mut fabric, [Fault::Pull(cable_of(A))]);
    fabric.advance(ms(3_000));
    fabric.finish();
    let [(at, lasted)] = outages(&mut fabric)[..] else {
        panic!("one outage");
    };
    assert_eq!(at, ms(3_000));
    assert!(lasted > Duration::from_millis(2_000) && lasted < Duration::from_millis(2_011));
}

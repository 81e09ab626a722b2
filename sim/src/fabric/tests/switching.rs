//! Cables and switches: carrier, learning, and the ways of losing both.

use super::*;
use crate::capture::TapPoint;
use crate::fault::Direction;

/// A frame with another destination than everybody.
fn frame_to(from: HostId, to: HostId) -> Transmit {
    let mut transmit = announcement(from);
    if let Transmit::GratuitousArp { frame, .. } = &mut transmit {
        frame[..6].copy_from_slice(&mac(to).0);
    }
    transmit
}

/// Whether G's NIC sees a frame from A to B: the switch floods what it doesn't know.
fn flooded(fabric: &mut Fabric) -> bool {
    let tap = fabric.tap(TapPoint::Nic(G));
    fabric.send(A, frame_to(A, B));
    pass(fabric, 1);
    !fabric.captured(tap).is_empty()
}

/// The switch knows A and B.
fn acquainted(topology: Topology) -> Fabric {
    let mut fabric = fabric(topology, 1);
    fabric.open(A);
    fabric.open(B);
    shout(&mut fabric, A);
    shout(&mut fabric, B);
    pass(&mut fabric, 1);
    assert!(!flooded(&mut fabric));
    fabric
}

fn reaches(fabric: &mut Fabric, from: HostId, to: HostId) -> bool {
    heard(fabric, to);
    shout(fabric, from);
    pass(fabric, 1);
    match heard(fabric, to).len() {
        0 => false,
        1 => true,
        more => panic!("{more} copies"),
    }
}

fn both_open() -> Fabric {
    let mut fabric = quiet();
    fabric.open(A);
    fabric.open(B);
    fabric
}

#[test]
fn a_switch_forgets_by_age() {
    let mut topology = quiet_topology();
    topology.switches[0].ageing = Duration::from_secs(3);
    let mut fabric = acquainted(topology);
    pass(&mut fabric, 2_997);
    assert!(!flooded(&mut fabric));
    pass(&mut fabric, 5);
    assert!(flooded(&mut fabric));
    // B's traffic keeps it known.
    for _ in 0..5 {
        shout(&mut fabric, B);
        pass(&mut fabric, 1_000);
        assert!(!flooded(&mut fabric));
    }
}

#[test]
fn a_frame_never_leaves_by_the_port_it_came_in() {
    let mut fabric = both_open();
    shout(&mut fabric, A);
    pass(&mut fabric, 1);
    let tap = fabric.tap(TapPoint::Cable(cable_of(A), End::Host(A)));
    fabric.send(A, frame_to(A, A));
    pass(&mut fabric, 1);
    assert_eq!(fabric.captured(tap).len(), 1);
}

#[test]
fn a_port_that_loses_carrier_is_forgotten_if_so_configured() {
    for flush in [true, false] {
        let mut topology = quiet_topology();
        topology.switches[0].flush_on_carrier_loss = flush;
        let mut fabric = acquainted(topology);
        let pull_and_plug = [Fault::Pull(cable_of(B)), Fault::Plug(cable_of(B))];
        apply(&mut fabric, pull_and_plug);
        assert_eq!(flooded(&mut fabric), flush);
    }
}

#[test]
fn a_station_that_moves_is_learned_anew() {
    let mut fabric = both_open();
    fabric.send(A, announcement(A));
    fabric.send(B, announcement(B));
    pass(&mut fabric, 1);
    // B speaks with A's hardware address: frames for it go to B's port now.
    let mut usurper = announcement(B);
    if let Transmit::GratuitousArp { frame, .. } = &mut usurper {
        frame[6..12].copy_from_slice(&mac(A).0);
    }
    fabric.send(B, usurper);
    pass(&mut fabric, 1);
    let taps = [A, B].map(|host| fabric.tap(TapPoint::Nic(host)));
    fabric.send(G, frame_to(G, A));
    pass(&mut fabric, 1);
    assert_eq!(taps.map(|tap| fabric.captured(tap).len()), [0, 1]);
}

#[test]
fn a_pulled_cable_takes_carrier_and_what_was_under_way() {
    let mut fabric = both_open();
    shout(&mut fabric, A);
    fabric.advance(Instant::from_nanos(60_000));
    let out_and_in = [Fault::Pull(cable_of(B)), Fault::Plug(cable_of(B))];
    apply(&mut fabric, out_and_in);
    pass(&mut fabric, 1);
    assert_eq!(heard(&mut fabric, B), []);
    assert!(reaches(&mut fabric, A, B));
    fabric.apply(&Fault::Pull(cable_of(A)));
    assert!(!fabric.has_carrier(A));
    assert!(fabric.has_carrier(B));
    assert!(!reaches(&mut fabric, A, B));
    assert!(!reaches(&mut fabric, B, A));
    fabric.apply(&Fault::Plug(cable_of(A)));
    assert!(reaches(&mut fabric, A, B));
}

#[test]
fn a_dark_cable_keeps_carrier() {
    let mut fabric = both_open();
    fabric.apply(&Fault::Dark(cable_of(A), Direction::Both));
    assert!(fabric.has_carrier(A));
    assert!(!reaches(&mut fabric, A, B));
    assert!(!reaches(&mut fabric, B, A));
    fabric.apply(&Fault::Light(cable_of(A), Direction::AToB));
    assert!(reaches(&mut fabric, A, B));
    assert!(!reaches(&mut fabric, B, A));
    fabric.apply(&Fault::Light(cable_of(A), Direction::BToA));
    assert!(reaches(&mut fabric, B, A));
}

#[test]
fn one_way_is_one_way() {
    let mut fabric = both_open();
    fabric.apply(&Fault::Dark(cable_of(A), Direction::AToB));
    assert!(!reaches(&mut fabric, A, B));
    assert!(reaches(&mut fabric, B, A));
}

#[test]
fn a_partition_parts_two_groups_until_it_heals() {
    let mut fabric = both_open();
    fabric.open(G);
    apply(
        &mut fabric,
        [
            Fault::Partition(vec![A], vec![B]),
            Fault::Partition(vec![G], vec![C]),
        ],
    );
    assert!(fabric.has_carrier(A) && fabric.has_carrier(B));
    assert!(!reaches(&mut fabric, A, B));
    assert!(!reaches(&mut fabric, B, A));
    assert!(reaches(&mut fabric, A, G));
    assert!(reaches(&mut fabric, G, B));
    fabric.apply(&Fault::Heal);
    assert!(reaches(&mut fabric, A, B));
}

#[test]
fn a_switch_that_reboots_comes_back_empty_and_by_itself() {
    let mut fabric = acquainted(quiet_topology());
    records(&mut fabric);
    let start = fabric.now();
    fabric.apply(&Fault::RebootSwitch(SWITCH, Duration::from_secs(2)));
    assert!(!fabric.has_carrier(A));
    assert!(!reaches(&mut fabric, A, B));
    // Another reboot puts the return off.
    pass(&mut fabric, 999);
    fabric.apply(&Fault::RebootSwitch(SWITCH, Duration::from_secs(2)));
    pass(&mut fabric, 1_999);
    assert!(!fabric.has_carrier(A));
    pass(&mut fabric, 1);
    assert!(fabric.has_carrier(A));
    let back = records(&mut fabric).pop().expect("a record");
    assert_eq!(back.what, Observed::SwitchBack(SWITCH));
    assert_eq!(back.at, start + Duration::from_secs(3));
    assert!(flooded(&mut fabric));
    assert!(reaches(&mut fabric, A, B));
}

#[test]
fn a_reboot_clears_the_table_of_a_switch_that_keeps_it_otherwise() {
    let mut topology = quiet_topology();
    topology.switches[0].flush_on_carrier_loss = false;
    let mut fabric = acquainted(topology);
    fabric.apply(&Fault::RebootSwitch(SWITCH, Duration::from_secs(1)));
    pass(&mut fabric, 1_000);
    assert!(flooded(&mut fabric));
}

#[test]
fn a_pulled_cable_stays_pulled_through_a_reboot() {
    let mut fabric = both_open();
    fabric.apply(&Fault::RebootSwitch(SWITCH, Duration::from_secs(1)));
    fabric.apply(&Fault::Pull(cable_of(A)));
    pass(&mut fabric, 1_000);
    assert!(!fabric.has_carrier(A));
    assert!(fabric.has_carrier(B));
}

/// Two switches joined by two cables: a broadcast would circle for ever.
#[test]
fn a_loop_ends_after_a_number_of_hops() {
    let mut topology = quiet_topology();
    topology.switches.push(SwitchSpec {
        name: "sw2".into(),
        ..topology.switches[0].clone()
    });
    for _ in 0..2 {
        topology.cables.push(CableSpec {
            a: End::Switch(SWITCH),
            b: End::Switch(SwitchId(1)),
            a_to_b: Path::default(),
            b_to_a: Path::default(),
        });
    }
    let mut fabric = fabric(topology, 1);
    fabric.open(B);
    shout(&mut fabric, A);
    pass(&mut fabric, 100);
    let copies = heard(&mut fabric, B).len();
    assert!((2..=100).contains(&copies), "{copies} copies");
    let later = fabric.next_event().expect("the client's first ping");
    assert!(later > ms(1_000_000 - 1));
}

#[test]
fn taps_see_both_ends_of_a_cable_and_a_segment_once() {
    let mut fabric = both_open();
    let points = [
        TapPoint::Nic(A),
        TapPoint::Cable(cable_of(A), End::Host(A)),
        TapPoint::Cable(cable_of(A), End::Switch(SWITCH)),
        TapPoint::Segment(SWITCH),
        TapPoint::Nic(B),
    ];
    let taps = points.map(|point| fabric.tap(point));
    shout(&mut fabric, A);
    fabric.apply(&Fault::Dark(cable_of(A), Direction::AToB));
    pass(&mut fabric, 1);
    shout(&mut fabric, A);
    pass(&mut fabric, 1);
    let seen = taps.map(|tap| {
        let frames = fabric.captured(tap).iter();
        frames
            .map(|(at, _)| at.as_nanos() / 1_000)
            .collect::<Vec<_>>()
    });
    assert_eq!(
        seen,
        [
            vec![0, 1_000],
            vec![0, 1_000],
            vec![50],
            vec![50],
            vec![100]
        ]
    );
}

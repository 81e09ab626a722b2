//! Frames that nobody sane sends: kernels and switches survive them, and give daemons nothing that
//! isn't sound.

use proptest::prelude::*;

use super::*;

/// Frames that a kernel looks into: an advert, an announcement, a ping, a TCP SYN.
fn sound() -> Vec<Vec<u8>> {
    let mut fabric = busy();
    let tap = fabric.tap(crate::capture::TapPoint::Segment(SWITCH));
    fabric.add_address(A, &vip(), None);
    fabric.open(A);
    shout(&mut fabric, A);
    fabric.send(A, announcement(A));
    let targets = vec![core::net::SocketAddr::new(ip(G).into(), 80)];
    let probe = locum_engine::probe::Probe {
        kind: locum_engine::probe::ProbeKind::Tcp { targets },
        quorum: 1,
        timeout: Duration::from_secs(1),
    };
    let check = locum_engine::ids::CheckId(0);
    fabric.start_probe(A, check, &probe, Duration::from_secs(1));
    pass(&mut fabric, 5);
    let frames = fabric.captured(tap).iter();
    frames.map(|(_, bytes)| bytes.to_vec()).collect()
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let sound = sound();
    let twisted = (
        prop::sample::select(sound),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        any::<prop::sample::Index>(),
        any::<bool>(),
    );
    let twisted = twisted.prop_map(|(mut frame, changes, end, cut)| {
        for (at, byte) in changes {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        if cut {
            frame.truncate(end.index(frame.len()));
        }
        frame
    });
    prop_oneof![twisted, prop::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #[test]
    fn no_frame_breaks_anything(frames in prop::collection::vec(frame(), 1..20)) {
        let mut fabric = busy();
        fabric.open(A);
        fabric.open(B);
        for frame in frames {
            fabric.transmit(G, frame.into());
            pass(&mut fabric, 1);
        }
        for host in [A, B] {
            for packet in heard(&mut fabric, host) {
                prop_assert_eq!(packet.protocol, 112);
                prop_assert!(packet.payload.len() < 200);
                prop_assert!(packet.destination == wire::GROUP_V4 || packet.destination == ip(host));
            }
        }
        // Whatever it was, the network still carries frames.
        shout(&mut fabric, A);
        pass(&mut fabric, 1);
        prop_assert_eq!(heard(&mut fabric, B).len(), 1);
    }
}

#[test]
fn the_sound_frames_are_the_ones_meant() {
    let kinds: Vec<_> = sound()
        .iter()
        .map(|frame| (frame[12..14].to_vec(), frame[23]))
        .collect();
    for protocol in [1, 6, 112] {
        assert!(
            kinds.contains(&(vec![8, 0], protocol)),
            "protocol {protocol}"
        );
    }
    assert!(kinds.iter().any(|(ethertype, _)| *ethertype == [8, 6]));
}

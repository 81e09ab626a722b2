//! What is written is read back, and bytes that aren't a recording do no harm.

use core::net::IpAddr;
use core::time::Duration;

use proptest::prelude::*;

use super::encode::Encoder;
use super::ring::{self, Layout, Place};
use super::{Decoder, Entry, Packet, Proof, Texts, Told};
use crate::config::ObjectId;
use crate::event::{Event, Reason, StateKind};
use crate::ids::{CheckId, FileId, InstanceId, InterfaceId, MacAddr, Priority, ProcessId};
use crate::input::{Command, Datagram, Input, LinkState, NotRun, Outcome};
use crate::output::Output;
use crate::time::Instant;

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
    ]
}

fn plain() -> impl Strategy<Value = Input<'static>> {
    let link = (
        any::<[bool; 2]>(),
        any::<[u8; 6]>(),
        any::<Option<[u8; 16]>>(),
    )
        .prop_flat_map(|(flags, mac, local)| {
            proptest::option::of(address()).prop_map(move |address| LinkState {
                up: flags[0],
                mac: MacAddr(mac),
                address,
                link_local: local.map(Into::into),
                forwards_ipv6: flags[1],
            })
        });
    let outcome = prop_oneof![
        Just(Outcome::Success),
        Just(Outcome::TimedOut),
        any::<u8>().prop_map(Outcome::Failure),
        proptest::sample::select(&NotRun::ALL[..]).prop_map(Outcome::NotRun)
    ];
    let object = (any::<Option<u16>>(), any::<u16>()).prop_map(|(owner, index)| ObjectId {
        owner: owner.map(InstanceId),
        index,
    });
    prop_oneof![
        Just(Input::Timeout),
        any::<u64>().prop_map(|ns| Input::Utc(Duration::from_nanos(ns))),
        (any::<u16>(), link).prop_map(|(id, state)| Input::Link {
            interface: InterfaceId(id),
            state
        }),
        (any::<u16>(), address()).prop_map(|(id, address)| Input::AddressRemoved {
            interface: InterfaceId(id),
            address
        }),
        (any::<u16>(), address()).prop_map(|(id, address)| Input::AddressRefused {
            instance: InstanceId(id),
            address
        }),
        object.clone().prop_map(Input::ObjectRemoved),
        object.prop_map(Input::ObjectRefused),
        any::<u16>().prop_map(Input::StaticAddressRefused),
        (any::<u16>(), outcome).prop_map(|(id, outcome)| Input::CheckDone {
            check: CheckId(id),
            outcome
        }),
        (any::<u16>(), any::<i32>()).prop_map(|(id, value)| Input::FileValue {
            file: FileId(id),
            value
        }),
        (any::<u16>(), any::<u32>()).prop_map(|(id, count)| Input::ProcessCount {
            process: ProcessId(id),
            count
        }),
        (address(), any::<bool>())
            .prop_map(|(address, present)| Input::Source { address, present }),
        command().prop_map(Input::Command),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let instance = any::<Option<u16>>().prop_map(|id| id.map(InstanceId));
    prop_oneof![
        Just(Command::Start),
        Just(Command::Stop),
        (instance.clone(), any::<u64>()).prop_map(|(instance, ns)| Command::Drain {
            instance,
            within: Duration::from_nanos(ns)
        }),
        instance.prop_map(|instance| Command::Resume { instance }),
        (any::<u16>(), any::<Option<u8>>()).prop_map(|(id, priority)| Command::SetPriority {
            instance: InstanceId(id),
            priority: priority.map(Priority)
        }),
    ]
}

/// Few senders, so that the same often comes again.
fn packet() -> impl Strategy<Value = Packet> {
    let payload = prop_oneof![
        (0..3_u8).prop_map(|n| vec![0x21, n, 100, 1, 0, 1]),
        proptest::collection::vec(any::<u8>(), 0..300),
    ];
    (0..2_u16, 0..2_u8, any::<u8>(), 0..4_u16, payload).prop_map(
        |(interface, source, ttl, id, payload)| Packet {
            interface: InterfaceId(interface),
            source: IpAddr::from([192, 0, 2, source]),
            destination: IpAddr::from([224, 0, 0, 18]),
            ttl: 254 + ttl % 2,
            protocol: 112,
            id,
            payload,
        },
    )
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        plain().prop_map(Told::Plain),
        packet().prop_map(Told::Packet),
        packet().prop_map(Told::Packet),
    ]
}

/// Encodes as [`Tape`](super::Tape) does.
fn encoded(start: Instant, entries: &[(u64, Told, bool)]) -> (Vec<u8>, Vec<Entry>) {
    let mut encoder = Encoder::new(start, 8);
    let (mut out, mut now, mut wanted) = (Vec::new(), start, Vec::new());
    for (passed, told, changes) in entries {
        now = now + Duration::from_nanos(*passed);
        let tag = out.len();
        match told {
            Told::Plain(input) => encoder.input(&mut out, now, input, &[]),
            Told::Packet(packet) => {
                encoder.input(&mut out, now, &Input::Receive(packet.datagram()), &[]);
            }
            Told::Reload { .. } | Told::End(_) => {}
        }
        let mut proof = Proof::default();
        if *changes {
            let (from, to) = (StateKind::Backup, StateKind::Master);
            encoder.output(&Output::Event(Event::StateChanged {
                instance: InstanceId(300),
                from,
                to,
                why: Reason::Started,
            }));
            proof.count = 1;
            proof.changes = vec![(InstanceId(300), from, to)];
        }
        encoder.settle(&mut out, tag);
        wanted.push(Entry {
            now,
            told: told.clone(),
            proof,
        });
    }
    (out, wanted)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        start in 0..1_u64 << 60,
        entries in proptest::collection::vec((0..1_u64 << 40, told(), any::<bool>()), 0..60),
    ) {
        let start = Instant::from_nanos(start);
        let (bytes, wanted) = encoded(start, &entries);
        let mut decoder = Decoder::new(&bytes, start, 8);
        for wanted in wanted {
            let mut entry = decoder.next_entry().expect("it was just written").expect("there is more");
            entry.proof.digest = 0;
            prop_assert_eq!(entry, wanted);
        }
        prop_assert_eq!(decoder.next_entry(), Ok(None));
    }

    #[test]
    fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut decoder = Decoder::new(&bytes, Instant::ZERO, u16::MAX);
        while let Ok(Some(_)) = decoder.next_entry() {}
        let _ = super::Replay::head(&bytes);
        let _ = ring::segments(&bytes);
    }
}

#[test]
fn an_advert_that_comes_again_takes_six_bytes() {
    let mut encoder = Encoder::new(Instant::ZERO, 4096);
    let mut sizes = Vec::new();
    for n in 0..10_u16 {
        let mut out = Vec::new();
        let payload = [
            0x21, 250, 100, 1, 0, 1, 0xba, 0x52, 10, 0, 0, 250, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        let datagram = Datagram {
            interface: InterfaceId(15),
            source: IpAddr::from([192, 0, 2, 1]),
            destination: IpAddr::from([224, 0, 0, 18]),
            ttl: 255,
            protocol: 112,
            id: n,
            payload: &payload,
        };
        let now = Instant::from_nanos(250_000 * u64::from(n));
        encoder.input(&mut out, now, &Input::Receive(datagram), &[]);
        sizes.push(out.len());
    }
    assert_eq!(sizes[1..], [6; 9]);
}

/// A file of two slots of 128 bytes.
struct Slots(Vec<u8>);

impl Slots {
    const LAYOUT: Layout = Layout {
        slots: 2,
        slot_size: 128,
    };

    fn new() -> Self {
        let mut file = Self::LAYOUT.header("0.1.0").to_vec();
        file.resize(ring::HEADER_LEN + 256, 0);
        Self(file)
    }

    fn start(turn: u64) -> usize {
        Self::LAYOUT.offset(Self::LAYOUT.slot_of(turn)) as usize
    }

    fn turn(&mut self, turn: u64) -> Place {
        let start = Self::start(turn);
        self.0[start..start + 16].copy_from_slice(&ring::slot_header(turn));
        Place::first(turn)
    }

    /// Frames, each with whether it begins a segment.
    fn put(&mut self, place: Place, contents: &[(&str, bool)]) -> Place {
        contents.iter().fold(place, |place, (content, begins)| {
            let (frame, next) = place.frame(content.as_bytes(), *begins);
            let start = Self::start(place.turn) + place.offset as usize;
            self.0[start..start + frame.len()].copy_from_slice(&frame);
            next
        })
    }

    fn texts(file: &[u8]) -> Vec<String> {
        let found = ring::segments(file).expect("it is one");
        let text = |s: ring::Segment| String::from_utf8(s.bytes).expect("it is text");
        found.into_iter().map(text).collect()
    }
}

#[test]
fn a_segment_ends_where_it_was_torn() {
    let mut slots = Slots::new();
    let place = slots.turn(6);
    slots.put(place, &[("old", true), ("of the turn before", false)]);
    let place = slots.turn(7);
    let end = slots.put(place, &[("one", true), ("two", false)]);
    let whole = slots.0.clone();
    assert_eq!(Slots::texts(&whole), ["oldof the turn before", "onetwo"]);
    // The last frame is cut off, or a bit of it has changed.
    let last = Slots::start(7) + end.offset as usize;
    assert_eq!(
        Slots::texts(&whole[..last - 1]),
        ["oldof the turn before", "one"]
    );
    let mut flipped = whole;
    flipped[last - 2] ^= 1;
    assert_eq!(Slots::texts(&flipped), ["oldof the turn before", "one"]);
    // What a turn before has left behind doesn't count, although it stands where a frame should.
    let place = slots.turn(8);
    slots.put(place, &[("new", true)]);
    assert_eq!(Slots::texts(&slots.0), ["onetwo", "new"]);
}

#[test]
fn several_segments_lie_in_a_slot() {
    let mut slots = Slots::new();
    let place = slots.turn(1);
    let place = slots.put(place, &[("first", true)]);
    // A run whose second frame was torn off; the third is whole.
    let torn = slots.put(place, &[("second", true)]);
    slots.put(torn, &[("torn", false), ("left behind", false)]);
    let at = Slots::start(1) + torn.offset as usize;
    slots.0[at] ^= 1;
    let (_, end) = ring::read_slot(&slots.0[Slots::start(1)..]).expect("it was written");
    assert_eq!(end, torn);
    // The next one goes on there. As long as what was torn off, it doesn't inherit what is behind.
    slots.put(end, &[("", true)]);
    assert_eq!(Slots::texts(&slots.0), ["first", "second", ""]);
    slots.put(end, &[("third", true), ("!", false)]);
    assert_eq!(Slots::texts(&slots.0), ["first", "second", "third!"]);
}

#[test]
fn what_is_no_recording_is_refused_in_words() {
    use ring::NoRecording::{Damaged, Foreign, OtherFormat};
    assert_eq!(ring::segments(b"hello"), Err(Foreign));
    let mut header = Slots::LAYOUT.header("0.7.1");
    header[8] = 9;
    let format = 9;
    let by = "locum 0.7.1".to_owned();
    let refused = ring::segments(&header).expect_err("it is of another format");
    assert_eq!(refused, OtherFormat { format, by });
    let said = refused.to_string();
    assert!(
        said.contains("format 9, made by locum 0.7.1") && said.contains("use `rehearse` of that"),
        "{said}"
    );
    // The first format didn't say who made it.
    (header[8], header[10]) = (1, 0);
    let by = "another version of locum".to_owned();
    assert_eq!(ring::segments(&header), Err(OtherFormat { format: 1, by }));
    (header[8], header[37]) = (super::VERSION as u8, 0xff);
    assert_eq!(ring::segments(&header), Err(Damaged));
}

#[test]
fn a_configuration_is_read_again_from_what_it_was_told() {
    struct Files(u32);
    impl crate::conf::Sources for Files {
        fn read(&mut self, pattern: &str, _: &str) -> Result<Vec<crate::conf::SourceText>, String> {
            self.0 += 1;
            let text = format!(
                "vrrp_instance {pattern}{} {{\n interface eth0\n virtual_router_id 7\n virtual_ipaddress {{\n 192.0.2.1\n }}\n}}\n",
                self.0
            );
            Ok(vec![crate::conf::SourceText {
                name: pattern.to_owned(),
                text: Ok(text),
            }])
        }
        fn config_id(&self) -> Option<&str> {
            Some("n1")
        }
        fn variable(&self, _: &str) -> Option<String> {
            Some("R".to_owned())
        }
        fn random_seed(&mut self) -> u64 {
            4711
        }
    }
    let text = "global_defs {\n@n1 router_id ${_ENV NAME}${_RANDOM}\n}\ninclude A\n";
    let (reading, texts) = Texts::reading("k.conf", text, &mut Files(0));
    let config = reading.config.as_ref().expect("it can be used");
    assert_eq!(&*config.instances[0].name, "A1");
    assert_eq!(texts.read(), reading);
    assert!(!texts.is_plain());
    let flat = texts.flattened();
    assert!(
        flat.contains("vrrp_instance A1") && !flat.contains("include A"),
        "{flat}"
    );
}

/// A state of another version: the run that is whole is played from its start, any other refused with
/// the name of who made it.
#[test]
fn a_state_of_another_version_is_refused_in_words() {
    use super::{Head, Replay, ReplayError};
    let text = "vrrp_instance V {\n interface e\n virtual_router_id 7\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n";
    let mut sources = crate::conf::NoIncludes;
    let (reading, texts) = Texts::reading("k.conf", text, &mut sources);
    let config = reading.config.expect("it can be used");
    let fingerprint = super::fingerprint(&config);
    let engine = crate::Engine::new(config);
    let mut state = Vec::new();
    engine.checkpoint(&mut state);
    let segment = |fresh, layout, state: &[u8]| {
        let head = Head {
            version: "7.0.3".into(),
            run: 1,
            wall: Duration::ZERO,
            now: Instant::ZERO,
            earlier: 0,
            fresh,
            slots: 8,
            texts: std::borrow::Cow::Owned(super::Packed::new(&texts)),
            config: fingerprint,
            layout,
            state: state.to_vec().into(),
        };
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        bytes
    };
    let (layout, short) = (engine.layout(), &state[..5]);
    assert!(Replay::new(&segment(None, layout, &state)).is_ok());
    for (layout, state) in [(layout + 1, &state[..]), (layout, short)] {
        let start = segment(Some(Duration::ZERO), layout, state);
        assert!(Replay::new(&start).is_ok());
        let refused = Replay::new(&segment(None, layout, state)).expect_err("another version");
        assert!(matches!(
            refused,
            ReplayError::State { .. } | ReplayError::Layout { .. }
        ));
        let said = refused.to_string();
        assert!(
            said.contains("locum 7.0.3 recorded it, use the `rehearse`"),
            "{said}"
        );
    }
}

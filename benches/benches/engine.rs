//! One step of the engine: an advert received, or a timer honoured, with all outputs drained.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use locum_benches::{BACKUP, MASTER, founding_config, founding_payload};
use locum_engine::ids::{InterfaceId, MacAddr};
use locum_engine::wire::GROUP_V4;
use locum_engine::{Command, Datagram, Engine, Input, Instant, LinkState};

fn started(priority: u8) -> Engine {
    let mut engine = Engine::new(founding_config(priority));
    let state = LinkState {
        up: true,
        mac: MacAddr([2, 0, 0, 0, 0, 1]),
        address: Some(IpAddr::V4(BACKUP)),
        ..LinkState::default()
    };
    let link = Input::Link {
        interface: InterfaceId(0),
        state,
    };
    for input in [link, Input::Command(Command::Start)] {
        engine.handle(Instant::ZERO, input);
        drain(&mut engine);
    }
    engine
}

fn drain(engine: &mut Engine) {
    while let Some(output) = engine.poll_output() {
        black_box(output);
    }
}

fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine");
    let payload = founding_payload(100);
    let advert = Input::Receive(Datagram {
        interface: InterfaceId(0),
        source: IpAddr::V4(MASTER),
        destination: IpAddr::V4(GROUP_V4),
        ttl: 255,
        protocol: 112,
        id: 1,
        payload: &payload,
    });
    let mut backup = started(99);
    let mut now = Instant::ZERO;
    group.bench_function("backup hears the master", |b| {
        b.iter(|| {
            now = now + Duration::from_secs(1);
            backup.handle(now, black_box(advert.clone()));
            drain(&mut backup);
            black_box(backup.poll_timeout())
        });
    });
    let mut master = started(100);
    let mut now = Instant::ZERO + Duration::from_secs(4);
    master.handle(now, Input::Timeout);
    drain(&mut master);
    group.bench_function("master advertises", |b| {
        b.iter(|| {
            now = now + Duration::from_secs(1);
            master.handle(now, Input::Timeout);
            drain(&mut master);
            black_box(master.poll_timeout())
        });
    });
    let mut wrong = payload.clone();
    wrong[12..20].copy_from_slice(b"wrong!!!");
    let wrong = Input::Receive(Datagram {
        interface: InterfaceId(0),
        source: IpAddr::V4(MASTER),
        destination: IpAddr::V4(GROUP_V4),
        ttl: 255,
        protocol: 112,
        id: 1,
        payload: &wrong,
    });
    group.bench_function("master refuses a wrong password", |b| {
        b.iter(|| {
            master.handle(now, black_box(wrong.clone()));
            drain(&mut master);
            black_box(master.poll_timeout())
        });
    });
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);

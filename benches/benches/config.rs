//! Reading configurations: text in, a checked configuration and its diagnostics out.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use locum_engine::conf::{self, NoIncludes};

/// Instances: 16 interfaces of 250 virtual routers each.
const INSTANCES: usize = 4_000;

/// One instance as tools write them, with a password, two addresses and a check.
const INSTANCE: &str = "vrrp_instance VI_IF_ID {
    state BACKUP
    interface bondIF
    virtual_router_id ID
    priority 150
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        10.IF.1.ID/16 dev bondIF
        10.IF.2.ID/16 dev bondIF
    }
    track_script {
        gateway
    }
}
";

const CHECK: &str = "vrrp_script gateway {
    script \"locum probe ping 192.0.2.1\"
    interval 1
    timeout 0.4
    weight -60
}
";

fn written_out() -> String {
    let mut text = CHECK.to_owned();
    for n in 0..INSTANCES {
        let (interface, id) = ((n / 250).to_string(), (n % 250 + 1).to_string());
        text += &INSTANCE.replace("IF", &interface).replace("ID", &id);
    }
    text
}

fn repeated() -> String {
    let mut text = format!("{CHECK}$VI= \\\n");
    for line in INSTANCE.lines() {
        let line = line.replace("IF", "${A}").replace("ID", "${B}");
        writeln!(text, "{line} \\").expect("a string takes everything");
    }
    text + "\n~SEQ(A,0,15) ~SEQ(B,1,250) $VI\n"
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("config");
    group.sample_size(20);
    group.throughput(Throughput::Elements(INSTANCES as u64));
    for (name, text) in [("written out", written_out()), ("by ~SEQ", repeated())] {
        let reading = conf::read("k", &text, &mut NoIncludes);
        let config = reading.config.expect("it is sound");
        assert_eq!(config.instances.len(), INSTANCES);
        group.bench_function(format!("{INSTANCES} instances {name}"), |b| {
            b.iter(|| conf::read("k", black_box(&text), &mut NoIncludes));
        });
    }
    let config = conf::read("k", &written_out(), &mut NoIncludes).config;
    let config = config.expect("it is sound");
    group.bench_function(format!("{INSTANCES} instances explained"), |b| {
        b.iter(|| conf::explain(black_box(&config)));
    });
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);

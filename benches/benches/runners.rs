//! Virtual seconds per processor second of both runners on the founding network: two routers, a
//! gateway, and a client that pings the virtual address each second.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use locum_benches::founding_setup;
use locum_sim::run::{Options, Runner};

/// One element is one virtual second.
fn runner(c: &mut Criterion, runner: Runner, seconds: u64) {
    let mut group = c.benchmark_group("virtual seconds");
    group
        .throughput(Throughput::Elements(seconds))
        .sample_size(10);
    let setup = founding_setup(Duration::from_secs(seconds));
    let options = Options {
        keep_records: false,
        ..Options::default()
    };
    group.bench_function(runner.to_string(), |b| {
        b.iter(|| runner.run(&setup, &options))
    });
    group.finish();
}

fn runners(c: &mut Criterion) {
    runner(c, Runner::Event, 100_000);
    runner(c, Runner::Turmoil, 60);
}

criterion_group!(benches, runners);
criterion_main!(benches);

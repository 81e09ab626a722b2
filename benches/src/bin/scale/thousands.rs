//! Thousands of instances: how long a mass takeover takes, and what it costs to stay as one is.

use std::fmt::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::lab::Lab;
use crate::table::{Results, Row};

/// Whoever isn't there by then never is.
const LIMIT: Duration = Duration::from_secs(60);
/// Until second bursts of announcements are over.
const STEADY: Duration = Duration::from_secs(10);
/// For so long the processor is watched.
const WATCHED: Duration = Duration::from_secs(10);

/// VRRPv2, an advert each second, one address each.
fn configuration(interfaces: u32, per: u32, state: &str, priority: u8) -> String {
    let mut text = "global_defs {\n script_user root\n router_id X\n}\n".to_owned();
    for i in 0..interfaces {
        for vrid in 1..=per {
            // A String takes everything.
            let _ = writeln!(
                text,
                "vrrp_instance i{i}_{vrid} {{\n state {state}\n interface e{i}\n \
                 virtual_router_id {vrid}\n priority {priority}\n advert_int 1\n \
                 virtual_ipaddress {{\n  10.{}.{vrid}.1/32\n }}\n}}",
                100 + i
            );
        }
    }
    text
}

/// A starts, B follows, A stops.
pub(crate) fn measure(daemon: &str, interfaces: u32, per: u32) -> Result<Results, String> {
    let all = interfaces * per;
    let mut lab = Lab::new("m", interfaces)?;
    let start = Instant::now();
    lab.start('A', daemon, &configuration(interfaces, per, "MASTER", 200))?;
    let up = lab.await_addresses('A', all, start, LIMIT);
    lab.start('B', daemon, &configuration(interfaces, per, "BACKUP", 100))?;
    sleep(STEADY);
    let (before, since) = ([lab.processor('A'), lab.processor('B')], Instant::now());
    sleep(WATCHED);
    let span = since.elapsed().as_secs_f64();
    let used = [
        lab.processor('A') - before[0],
        lab.processor('B') - before[1],
    ];
    let percent = used.map(|seconds| Some(100.0 * seconds / span));
    let memory = ['A', 'B'].map(|node| Some(lab.memory(node)));
    let held = lab.addresses('B');
    if held > 0 {
        return Err(format!("{daemon}: the backup holds {held} addresses"));
    }
    let stop = Instant::now();
    lab.signal('A', "TERM", false)?;
    let first = lab.await_addresses('B', 1, stop, LIMIT);
    let last = lab.await_addresses('B', all, stop, LIMIT);
    lab.stop();
    Ok(vec![
        (Row::Up, up),
        (Row::MasterProcessor, percent[0]),
        (Row::BackupProcessor, percent[1]),
        (Row::MasterMemory, memory[0]),
        (Row::BackupMemory, memory[1]),
        (Row::FirstAddress, first),
        (Row::LastAddress, last),
    ])
}

/// Both start at once: until A has everything and B nothing, and how often B became master.
pub(crate) fn measure_cold(daemon: &str, interfaces: u32, per: u32) -> Result<Results, String> {
    let all = interfaces * per;
    let mut lab = Lab::new("c", interfaces)?;
    let start = Instant::now();
    lab.start('A', daemon, &configuration(interfaces, per, "MASTER", 200))?;
    lab.start('B', daemon, &configuration(interfaces, per, "BACKUP", 100))?;
    let mut settled = None;
    while settled.is_none() && start.elapsed() < LIMIT {
        if lab.addresses('A') == all && lab.addresses('B') == 0 {
            settled = Some(start.elapsed().as_secs_f64());
        }
        sleep(Duration::from_millis(50));
    }
    sleep(Duration::from_secs(5));
    let log = lab.log('B');
    let became_master =
        |line: &&str| line.contains("-> master") || line.to_uppercase().contains("ENTERING MASTER");
    let needless = log.lines().filter(became_master).count();
    lab.stop();
    Ok(vec![
        (Row::Cold, settled),
        (Row::Needless, u32::try_from(needless).ok().map(f64::from)),
    ])
}

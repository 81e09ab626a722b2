//! One instance: when it takes over, by the wire, and what it needs.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::capture::Capture;
use crate::lab::{Lab, sh};
use crate::table::{Results, Row};

/// A machine that is busy is late now and then; the best of these counts.
const ROUNDS: usize = 5;
/// Three adverts and a skew of (256 - 100) / 256 s after the last advert (RFC 3768 6.1).
const FORMULA: f64 = 3.0 + 156.0 / 256.0;
const LIMIT: Duration = Duration::from_secs(20);

fn configuration(priority: u8) -> String {
    format!(
        "global_defs {{\n script_user root\n router_id X\n}}\nvrrp_instance VI {{\n state BACKUP\n \
         interface e0\n virtual_router_id 51\n priority {priority}\n advert_int 1\n \
         virtual_ipaddress {{\n  10.0.0.1/32\n }}\n}}\n"
    )
}

/// A is stopped without a word, several times over.
pub(crate) fn measure(daemon: &str) -> Result<Results, String> {
    let mut lab = Lab::new("o", 1)?;
    lab.start('A', daemon, &configuration(200))?;
    lab.await_addresses('A', 1, Instant::now(), LIMIT)
        .ok_or_else(|| format!("{daemon}: never master; {}", lab.log('A')))?;
    lab.start('B', daemon, &configuration(100))?;
    sleep(Duration::from_secs(3));
    let idle = lab.memory('A');
    let mut late = Vec::new();
    for _ in 0..ROUNDS {
        late.extend(round(&lab)?);
    }
    lab.stop();
    Ok(vec![
        (Row::Late, late.into_iter().min_by(f64::total_cmp)),
        (Row::IdleMemory, Some(idle)),
        (Row::Binary, stripped(&lab, daemon).ok()),
    ])
}

/// How many milliseconds after its time B's first advert comes.
fn round(lab: &Lab) -> Result<Option<f64>, String> {
    let capture = Capture::start(lab)?;
    // An advert of A's has to be among what was captured.
    capture.hear("172.16.0.1")?;
    lab.signal('A', "STOP", true)?;
    capture.hear("172.16.0.2")?;
    lab.signal('A', "CONT", true)?;
    let adverts = capture.adverts();
    let first = adverts.iter().position(|(_, from)| from == "172.16.0.2");
    let pair = first.and_then(|at| Some((adverts.get(at.checked_sub(1)?)?.0, adverts[at].0)));
    // Until A is master again and B has said its last word.
    sleep(Duration::from_millis(2500));
    Ok(pair.map(|(silent, takes)| (takes - silent - FORMULA) * 1000.0))
}

/// The size of the program without symbols, in MiB. What isn't a program (a script that starts it, say)
/// has none.
fn stripped(lab: &Lab, daemon: &str) -> Result<f64, String> {
    let copy = lab.file("stripped");
    let path = sh(&format!("command -v {daemon}"))?;
    sh(&format!("strip -o {} {}", copy.display(), path.trim()))?;
    let size = fs::metadata(&copy).map_err(|e| e.to_string())?.len();
    let kib = u32::try_from(size / 1024).map_err(|e| e.to_string())?;
    Ok(f64::from(kib) / 1024.0)
}

//! What was on the wire, and when.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::lab::Lab;

/// Who isn't heard by then never is.
const LIMIT: Duration = Duration::from_secs(20);

/// tcpdump at B's end of the cable.
pub(crate) struct Capture {
    child: Child,
    file: PathBuf,
}

impl Capture {
    pub(crate) fn start(lab: &Lab) -> Result<Self, String> {
        let file = lab.file("capture");
        let failed = |e: std::io::Error| format!("tcpdump: {e}");
        let output = File::create(&file).map_err(failed)?;
        let child = Command::new("ip")
            .args(["netns", "exec", &lab.node('B')])
            .args(["tcpdump", "-i", "e0", "-tt", "-n", "-l", "ip proto 112"])
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        Ok(Self { child, file })
    }

    /// Waits for the first advert from there.
    pub(crate) fn hear(&self, source: &str) -> Result<(), String> {
        let since = Instant::now();
        while since.elapsed() < LIMIT {
            if self.adverts().iter().any(|(_, from)| from == source) {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        Err(format!("no advert of {source}"))
    }

    /// When each was seen, and from whom.
    pub(crate) fn adverts(&self) -> Vec<(f64, String)> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let advert = |line: &str| -> Option<(f64, String)> {
            let mut words = line.split_whitespace();
            let at = words.next()?.parse().ok()?;
            let from = words.skip_while(|word| *word != "IP").nth(1)?;
            Some((at, from.to_owned()))
        };
        text.lines().filter_map(advert).collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! What the kernel tells of changes on a node: `ip monitor` writes, the tests read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::SOON;
use crate::tool::{must, run};

/// Links, addresses, routes and rules of one node, from the start of this on.
pub(crate) struct Monitor {
    process: Child,
    namespace: String,
    file: PathBuf,
}

impl Monitor {
    /// Returns when changes are being written down.
    pub(crate) fn start(namespace: &str, folder: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = folder.join(format!("{count}.monitor"));
        let out = File::create(&file).expect("a file");
        let process = Command::new("ip")
            .args([
                "-n", namespace, "monitor", "link", "address", "route", "rule",
            ])
            .stdout(out)
            .stderr(Stdio::null())
            .spawn()
            .expect("ip starts");
        let this = Self {
            process,
            namespace: namespace.to_owned(),
            file,
        };
        this.mark();
        this
    }

    /// Everything that has happened up to now.
    pub(crate) fn seen(&self) -> String {
        self.mark();
        fs::read_to_string(&self.file).unwrap_or_default()
    }

    /// A change of our own, which is waited for: everything before it has been written down.
    fn mark(&self) {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let start = Instant::now();
        loop {
            let table = 100_000 + COUNT.fetch_add(1, Ordering::Relaxed);
            let route = format!("blackhole 10.255.255.255 table {table}");
            must(&format!("ip -n {} route add {route}", self.namespace));
            run(&format!("ip -n {} route del {route}", self.namespace));
            std::thread::sleep(Duration::from_millis(50));
            let text = fs::read_to_string(&self.file).unwrap_or_default();
            if text.contains(&format!("table {table}")) {
                return;
            }
            assert!(start.elapsed() < SOON, "ip monitor writes nothing");
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

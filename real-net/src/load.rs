//! Reading the configuration from files.

use std::cell::RefCell;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use locum_engine::conf::{Reading, Severity, SourceText, Sources};
use locum_engine::config::Config;
use locum_engine::recording::{Packed, Texts, fingerprint};

use crate::cli::RunArgs;
use crate::scripts;

/// No configuration is longer; what is has no end, such as `/dev/zero`. Four thousand instances need
/// about one MiB.
const BYTES_MAX: u64 = 64 << 20;
const NO_FILE: &str = "it is not a file";

/// Reads the file and what it includes. `config_id` names this node in lines such as `@node ...`;
/// the host name up to its first dot when absent.
///
/// # Errors
/// When the file itself can't be read. Includes that can't be are diagnostics.
pub fn load(path: &Path, config_id: Option<&str>) -> io::Result<Reading> {
    read(path, config_id, false)
}

/// The configuration that the daemon's flags name: `-f`, `-i` and `-e`.
///
/// # Errors
/// As [`load`].
pub fn load_for(args: &RunArgs) -> io::Result<Reading> {
    read(&args.use_file, args.config_id.as_deref(), args.all_config)
}

/// As [`load_for`], for a daemon that runs: what isn't a file, such as a pipe, would make it wait for
/// whoever writes to it.
///
/// # Errors
/// As [`load`], and when it isn't a file.
pub fn load_again(args: &RunArgs) -> io::Result<Reading> {
    if !std::fs::metadata(&args.use_file)?.is_file() {
        return Err(io::Error::other(NO_FILE));
    }
    load_for(args)
}

fn read(path: &Path, config_id: Option<&str>, insists: bool) -> io::Result<Reading> {
    let text = bytes(path)?;
    let name = path.display().to_string();
    let text = String::from_utf8_lossy(&text);
    let config_id = config_id.map(str::to_owned).or_else(host_name);
    let (reading, texts) = Texts::reading(&name, &text, &mut Files { config_id, insists });
    if let Some(config) = &reading.config {
        LAST.replace(Some((fingerprint(config), Packed::new(&texts))));
    }
    Ok(reading)
}

thread_local! {
    /// What was read last, for the recording; until it asks.
    static LAST: RefCell<Option<(u64, Packed)>> = const { RefCell::new(None) };
}

/// The texts that a configuration was read from, if it is the one that this thread has read last.
pub fn texts_of(config: &Config) -> Option<Packed> {
    let (read, texts) = LAST.take()?;
    (read == fingerprint(config)).then_some(texts)
}

/// What a reading amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Runs as written; there may be notes.
    Sound,
    /// Runs, and something in it doesn't do what it seems to say.
    Doubtful,
    /// Can't run.
    Unusable,
}

impl Verdict {
    /// Judges a reading.
    pub fn of(reading: &Reading) -> Self {
        if reading.config.is_none() {
            Self::Unusable
        } else if reading.worst() > Some(Severity::Note) {
            Self::Doubtful
        } else {
            Self::Sound
        }
    }

    /// Exit status of `locum check` and `locum -t`; 5 is what keepalived answers for any remark.
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Sound => 0,
            Self::Doubtful => 5,
            Self::Unusable => 2,
        }
    }
}

/// Includes come from the file system, relative to the file that names them.
struct Files {
    config_id: Option<String>,
    insists: bool,
}

/// Wildcards as glob(3) has them.
const WILDCARDS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl Sources for Files {
    fn read(&mut self, pattern: &str, relative_to: &str) -> Result<Vec<SourceText>, String> {
        let folder = Path::new(relative_to)
            .parent()
            .unwrap_or_else(|| Path::new(""));
        let folder = glob::Pattern::escape(&folder.to_string_lossy());
        let pattern = Path::new(&folder).join(pattern);
        // Sorted by name, as glob(3) has it.
        let found = glob::glob_with(&pattern.to_string_lossy(), WILDCARDS);
        let found = found.map_err(|e| e.to_string())?;
        let text = |file: glob::GlobResult| match file {
            Ok(file) => source(&file),
            Err(e) => SourceText {
                name: e.path().display().to_string(),
                text: Err(e.error().to_string()),
            },
        };
        Ok(found.map(text).collect())
    }

    fn secret(&mut self, path: &str, relative_to: &str) -> Result<Vec<u8>, String> {
        let folder = Path::new(relative_to).parent();
        secret(&folder.unwrap_or_else(|| Path::new("")).join(path))
    }

    fn hindrance(
        &self,
        command: &[Arc<str>],
        user: Option<&(Arc<str>, Option<Arc<str>>)>,
        secure: bool,
    ) -> Option<String> {
        scripts::hindrance(command, user, secure)
    }

    fn directory(&self, file: &str) -> Option<String> {
        let file = std::path::absolute(file).ok()?;
        Some(file.parent()?.display().to_string())
    }

    fn random_seed(&mut self) -> u64 {
        RandomState::new().hash_one("a seed that differs each time")
    }

    fn config_id(&self) -> Option<&str> {
        self.config_id.as_deref()
    }

    fn insists(&self) -> bool {
        self.insists
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?
        .take(BYTES_MAX + 1)
        .read_to_end(&mut text)?;
    if text.len() as u64 > BYTES_MAX {
        let sentence = format!("it has more than {} MiB", BYTES_MAX >> 20);
        return Err(io::Error::other(sentence));
    }
    Ok(text)
}

/// The most that is read of a file with a key: enough to see that it is too long.
const LONGEST_SECRET: u64 = 1024;

/// What is in a file with a key. One that everybody may read or write is no secret any more.
fn secret(file: &Path) -> Result<Vec<u8>, String> {
    let name = file.display();
    // Whether it is what it seems to be is asked of what was opened, not of its name. A FIFO would
    // make us wait.
    let mut options = std::fs::OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let opened = options.open(file).map_err(|e| format!("{name}: {e}"))?;
    let kind = opened.metadata().map_err(|e| format!("{name}: {e}"))?;
    if !kind.is_file() {
        return Err(format!("{name} is not a file"));
    }
    if kind.mode() & 0o007 != 0 {
        return Err(format!("everybody may read {name}: `chmod 600 {name}`"));
    }
    let mut bytes = Vec::new();
    let read = opened.take(LONGEST_SECRET).read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(|e| format!("{name}: {e}"))
}

fn host_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    Some(name.split('.').next()?.to_owned())
}

fn source(file: &Path) -> SourceText {
    let text = match std::fs::metadata(file) {
        Ok(kind) if !kind.is_file() => Err(NO_FILE.to_owned()),
        _ => bytes(file).map_err(|e| e.to_string()),
    };
    SourceText {
        name: file.display().to_string(),
        text: text.map(|text| String::from_utf8_lossy(&text).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// A folder with files in it; removed when dropped.
    struct Folder(std::path::PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn folder(files: &[(&str, &str)]) -> Folder {
        let folder = std::env::temp_dir().join(format!(
            "locum-load[1]-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        for (name, text) in files {
            let file = folder.join(name);
            std::fs::create_dir_all(file.parent().expect("it has one")).expect("a folder");
            std::fs::write(file, text).expect("a file");
        }
        Folder(folder)
    }

    #[test]
    fn what_has_no_end_is_not_read_to_its_end() {
        let e = load(Path::new("/dev/zero"), None).expect_err("it is long");
        assert_eq!(e.to_string(), "it has more than 64 MiB");
        let cli = crate::cli::Cli::parse_from(["locum", "-f", "/dev/zero"]);
        let e = load_again(&cli.run).expect_err("no file");
        assert_eq!(e.to_string(), NO_FILE);
    }

    #[test]
    fn includes_are_found_beside_the_file_that_names_them() {
        let main = "include conf.d/*.conf\nincluder conf.d/{a,nowhere}.conf\ninclude conf.d\n";
        let folder = folder(&[
            ("k.conf", main),
            ("conf.d/b.conf", "include ../last\n"),
            ("conf.d/a.conf", "global_defs {\nrouter_id ${_PWD}\n"),
            ("conf.d/.hidden.conf", "includea nowhere\n"),
            ("last", "}\n@n1 vrrp_instance {\n"),
        ]);
        let reading = load(&folder.0.join("k.conf"), Some("n2")).expect("it can be read");
        let config = reading.config.as_ref().expect("it can be used");
        let expected = folder.0.join("conf.d").display().to_string();
        assert_eq!(config.router_id.as_deref(), Some(&*expected));
        let said: Vec<String> = reading
            .diagnostics
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            said.iter()
                .any(|d| d.contains("conf.d` is not included: it is not a file")),
            "{said:?}"
        );
        assert!(
            said.iter().any(|d| d.contains("1 of 2 names have no file")),
            "{said:?}"
        );
        let other = load(&folder.0.join("k.conf"), Some("n1")).expect("it can be read");
        assert_eq!(Verdict::of(&other), Verdict::Unusable);
    }

    #[test]
    fn a_key_s_file_is_read_unless_everybody_may() {
        use std::os::unix::fs::PermissionsExt;

        let digits = "9f2c41d7e6b8035a1c4e7790ab35df62088172c6fe5b94d3a06d21b47ce8f915";
        let main = "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nversion 3\n\
                    auth_hmac {\nkey 7 file:keys/7\nactive_key 7\n}\n\
                    virtual_ipaddress {\n192.0.2.1/24\n}\n}\n";
        let text = format!("hex:{digits}\n");
        let folder = folder(&[("k.conf", main), ("keys/7", &text)]);
        let read = |mode: u32| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.0.join("keys/7"), mode).expect("it is ours");
            load(&folder.0.join("k.conf"), Some("n1")).expect("it can be read")
        };
        let config = read(0o600).config.expect("it can be used");
        let hmac = config.instances[0].hmac.as_ref().expect("it has a key");
        assert_eq!(
            (hmac.active, hmac.keys[0].bytes()[..2].to_vec()),
            (7, vec![0x9f, 0x2c])
        );
        assert!(read(0o640).config.is_some(), "a group's business");
        let said = |reading: &Reading| {
            let all: Vec<String> = reading
                .diagnostics
                .iter()
                .map(ToString::to_string)
                .collect();
            all.join("\n")
        };
        let open = read(0o604);
        assert_eq!(open.config, None);
        assert!(
            said(&open).contains("keys/7: `chmod 600 "),
            "{}",
            said(&open)
        );
        assert!(!said(&open).contains("9f2c"), "{}", said(&open));
        std::fs::write(folder.0.join("keys/7"), "hex:9f2c").expect("it is ours");
        let short = read(0o600);
        assert!(said(&short).contains("this one has 2"), "{}", said(&short));
        assert!(!said(&short).contains("9f2c"), "{}", said(&short));
        std::fs::remove_file(folder.0.join("keys/7")).expect("it is ours");
        let missing = load(&folder.0.join("k.conf"), Some("n1")).expect("it can be read");
        assert_eq!(missing.config, None);
        assert!(
            said(&missing).contains("keys/7: No such file"),
            "{}",
            said(&missing)
        );
        assert_eq!(
            said(&missing).matches("error:").count(),
            1,
            "{}",
            said(&missing)
        );
    }
}

//! The words after `locum probe`, on the command line and in a `script` line.
//!
//! `ping ADDR...`, `arp ADDR... [--interface IF]`, `tcp ADDR:PORT...`, `http URL... [--status N]`,
//! each with `[--quorum any|all|N] [--timeout SECONDS]`. Options may stand anywhere, as `--x V` or
//! `--x=V`. Names are not resolved: a check that depends on the name service fails with it.

#[cfg(test)]
mod tests;

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use super::{HttpTarget, Probe, ProbeKind};

/// Why the words don't describe a probe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProbeError {
    /// The position of the word at fault; the number of words when one is missing at the end.
    pub word: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl ProbeError {
    fn new(word: usize, message: impl Into<String>) -> Self {
        Self {
            word,
            message: message.into(),
            help: None,
        }
    }

    fn hint(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }
}

const USAGE: &str = "ping ADDRESS..., arp ADDRESS..., tcp ADDRESS:PORT... or http URL...";

/// Reads the words after `probe`.
///
/// Without `--quorum` one answering target is enough; without `--timeout` a target has 1 s.
///
/// # Errors
/// A sentence about the first word that isn't understood, with its position.
pub fn parse_probe(words: &[&str]) -> Result<Probe, ProbeError> {
    let Some(&kind) = words.first() else {
        return Err(ProbeError::new(0, "a probe needs a kind and targets").hint(USAGE));
    };
    if !["ping", "arp", "tcp", "http"].contains(&kind) {
        return Err(ProbeError::new(0, format!("`{kind}` is not a kind of probe")).hint(USAGE));
    }
    let mut options = Options::default();
    let mut targets: Vec<(usize, &str)> = Vec::new();
    let mut at = 1;
    while at < words.len() {
        if words[at].starts_with("--") {
            at = options.read(kind, words, at)?;
        } else {
            targets.push((at, words[at]));
            at += 1;
        }
    }
    if targets.is_empty() {
        let message = format!("`{kind}` needs at least one target");
        return Err(ProbeError::new(words.len(), message).hint(USAGE));
    }
    let quorum = options.quorum(targets.len())?;
    Ok(Probe {
        kind: with_targets(kind, &targets, &options)?,
        quorum,
        timeout: options.timeout.unwrap_or(Duration::from_secs(1)),
    })
}

fn with_targets(
    kind: &str,
    targets: &[(usize, &str)],
    options: &Options,
) -> Result<ProbeKind, ProbeError> {
    let targets = targets.iter().copied();
    Ok(match kind {
        "ping" => ProbeKind::Ping {
            targets: targets.map(address).collect::<Result<_, _>>()?,
        },
        "arp" => ProbeKind::Arp {
            targets: targets.map(ipv4).collect::<Result<_, _>>()?,
            interface: options.interface.clone(),
        },
        "tcp" => ProbeKind::Tcp {
            targets: targets.map(socket).collect::<Result<_, _>>()?,
        },
        _ => ProbeKind::Http {
            targets: targets.map(url).collect::<Result<_, _>>()?,
            status: options.status.unwrap_or(200),
        },
    })
}

/// The options given so far.
#[derive(Default)]
struct Options {
    /// Zero for all of them.
    quorum: Option<(u32, usize)>,
    timeout: Option<Duration>,
    interface: Option<Arc<str>>,
    status: Option<u16>,
}

impl Options {
    /// Reads the option at `at`; returns the position after it and its value.
    fn read(&mut self, kind: &str, words: &[&str], at: usize) -> Result<usize, ProbeError> {
        let (name, value_at, value) = match words[at].split_once('=') {
            Some((name, value)) => (name, at, Some(value)),
            None => (words[at], at + 1, words.get(at + 1).copied()),
        };
        let known = match name {
            "--quorum" | "--timeout" => true,
            "--interface" => kind == "arp",
            "--status" => kind == "http",
            _ => false,
        };
        if !known {
            let message = format!("`{kind}` has no option `{name}`");
            return Err(ProbeError::new(at, message).hint(
                "--quorum any|all|NUMBER, --timeout SECONDS; --interface NAME for arp; --status CODE for http",
            ));
        }
        let Some(value) = value else {
            return Err(ProbeError::new(at, format!("`{name}` needs a value")));
        };
        let wrong = |what: &str| ProbeError::new(value_at, format!("`{name}` is {what}"));
        match name {
            "--quorum" => {
                let quorum =
                    quorum(value).ok_or_else(|| wrong("any, all or a number of targets"))?;
                self.quorum = Some((quorum, value_at));
            }
            "--timeout" => {
                let span = span(value);
                self.timeout = Some(span.ok_or_else(|| wrong("a number of seconds above zero"))?);
            }
            "--interface" => self.interface = Some(value.into()),
            _ => {
                let status = value.parse().ok().filter(|code| (100..=599).contains(code));
                self.status = Some(status.ok_or_else(|| wrong("a status code from 100 to 599"))?);
            }
        }
        Ok(value_at + 1)
    }

    /// How many of `targets` must answer.
    fn quorum(&self, targets: usize) -> Result<u32, ProbeError> {
        let targets = u32::try_from(targets).unwrap_or(u32::MAX);
        match self.quorum {
            None => Ok(1),
            Some((0, _)) => Ok(targets),
            Some((quorum, at)) if quorum > targets => {
                let message = format!("a quorum of {quorum} can't be reached by {targets} targets");
                Err(ProbeError::new(at, message))
            }
            Some((quorum, _)) => Ok(quorum),
        }
    }
}

/// A number of targets; zero stands for all.
fn quorum(text: &str) -> Option<u32> {
    match text {
        "any" => Some(1),
        "all" => Some(0),
        number => number.parse().ok().filter(|&number| number > 0),
    }
}

/// Seconds with decimals, above zero, at most a day.
fn span(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds: u64 = whole.parse().ok().filter(|&seconds| seconds <= 86_400)?;
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    let span = Duration::new(seconds, nanos);
    (!span.is_zero()).then_some(span)
}

fn address((at, text): (usize, &str)) -> Result<IpAddr, ProbeError> {
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.parse()
        .map_err(|_| not_an_address(at, text, "192.168.0.1"))
}

fn ipv4(target: (usize, &str)) -> Result<Ipv4Addr, ProbeError> {
    match address(target)? {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(ProbeError::new(
            target.0,
            "ARP asks for IPv4 addresses only",
        )),
    }
}

fn socket((at, text): (usize, &str)) -> Result<SocketAddr, ProbeError> {
    if let Some(address) = text
        .parse()
        .ok()
        .filter(|address: &SocketAddr| address.port() != 0)
    {
        return Ok(address);
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        let message = format!("`{text}` has no port");
        return Err(ProbeError::new(at, message).hint("write ADDRESS:PORT, as in 192.168.0.1:80"));
    };
    let host = address((at, host)).map_err(|_| not_an_address(at, host, "192.168.0.1:80"))?;
    let port = port.parse().ok().filter(|&port| port != 0);
    let port = port.ok_or_else(|| ProbeError::new(at, format!("`{text}` has no valid port")))?;
    Ok(SocketAddr::new(host, port))
}

fn url((at, text): (usize, &str)) -> Result<HttpTarget, ProbeError> {
    let example = "http://192.168.0.1:8080/health";
    let Some(rest) = text.strip_prefix("http://") else {
        let message = if text.starts_with("https://") {
            "only plain http is asked: TLS is not supported".to_owned()
        } else {
            format!("`{text}` is not an http URL")
        };
        return Err(ProbeError::new(at, message).hint(&format!("write it like {example}")));
    };
    if text.bytes().any(|b| b.is_ascii_control() || b == b' ') {
        let message = "a URL holds neither blanks nor control characters";
        return Err(ProbeError::new(at, message));
    }
    let (authority, path) = match rest.find(['/', '?']) {
        Some(end) => rest.split_at(end),
        None => (rest, "/"),
    };
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let bare = authority
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let has_port = bare.is_none() && authority.contains(':');
    let address = if has_port {
        socket((at, authority))?
    } else {
        let host = bare.unwrap_or(authority);
        let host = address((at, host)).map_err(|_| not_an_address(at, host, example))?;
        SocketAddr::new(host, 80)
    };
    Ok(HttpTarget {
        address,
        host: authority.into(),
        path: path.into(),
    })
}

fn not_an_address(at: usize, text: &str, example: &str) -> ProbeError {
    let message = format!("`{text}` is not an address: names are not resolved in a probe");
    ProbeError::new(at, message).hint(&format!(
        "write the address itself, as in {example}; `localhost` stands for 127.0.0.1"
    ))
}

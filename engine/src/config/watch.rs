//! Files and processes that instances follow.

use core::time::Duration;
use std::sync::Arc;

use super::Weight;
use crate::ids::{FileId, ProcessId};

/// One entry of `track_file` in an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackFile {
    /// The file.
    pub file: FileId,
    /// What its number is multiplied by. Zero: any number but 0 puts the instance in fault.
    pub weight: Weight,
}

/// One entry of `track_process` in an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackProcess {
    /// The process.
    pub process: ProcessId,
    /// Its weight for this instance, as that of a check.
    pub weight: Weight,
}

/// One `track_file` block that some instance follows: a file with a whole number in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConfig {
    /// The block's name.
    pub name: Arc<str>,
    /// Where the file is. It may come and go; while it is missing its number is 0.
    pub path: Arc<str>,
    /// `init_file`: what is written into it at the start.
    pub init: Option<InitFile>,
}

/// What is written into a tracked file when the daemon starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitFile {
    /// The number.
    pub value: i32,
    /// Also when the file is there already.
    pub overwrite: bool,
}

/// One `track_process` block that some instance follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessConfig {
    /// The block's name.
    pub name: Arc<str>,
    /// Which processes are counted.
    pub pattern: ProcessPattern,
    /// `quorum`: so many are enough.
    pub quorum: u32,
    /// `quorum_max`: more than so many are a failure.
    pub quorum_max: u32,
    /// `fork_delay`: the count must have been right for this long to count as good again.
    pub fork_delay: Duration,
    /// `terminate_delay`: the count must have been wrong for this long to count as failed.
    pub terminate_delay: Duration,
}

impl ProcessConfig {
    /// Whether so many are what is wanted.
    pub const fn is_good(&self, count: u32) -> bool {
        self.quorum <= count && count <= self.quorum_max
    }
}

/// How a process is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessPattern {
    /// The program's name, or its path.
    pub command: Arc<str>,
    /// Its parameters.
    pub parameters: Vec<Arc<str>>,
    /// How the parameters are compared.
    pub parameter_match: ParameterMatch,
    /// `full_command`: the command is compared with the first word of the command line, otherwise
    /// with the name the kernel has for the process, which is cut off after 15 bytes.
    pub full_command: bool,
}

/// How parameters are compared (`param_match`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParameterMatch {
    /// None are given: any will do.
    #[default]
    Any,
    /// All of them, and no more.
    Exact,
    /// `initial`: the command line begins like that; its last word may go on.
    Initial,
    /// `partial`: the first ones are these; others may follow.
    Partial,
}

/// What the kernel's name of a process holds at most.
const COMM_LEN: usize = 15;

impl ProcessPattern {
    /// Whether a process is one of these. `comm` is the kernel's name for it (`/proc/PID/comm`),
    /// `arguments` its command line, the program first; a kernel thread has none.
    pub fn matches(&self, comm: &[u8], arguments: &[&[u8]]) -> bool {
        self.is_program(comm, arguments) && self.has_parameters(arguments.get(1..).unwrap_or(&[]))
    }

    /// A path can only be found in the command line.
    fn is_program(&self, comm: &[u8], arguments: &[&[u8]]) -> bool {
        let wanted = self.command.as_bytes();
        if self.full_command || wanted.contains(&b'/') {
            arguments.first() == Some(&wanted)
        } else {
            comm == &wanted[..wanted.len().min(COMM_LEN)]
        }
    }

    fn has_parameters(&self, given: &[&[u8]]) -> bool {
        let wanted: Vec<&[u8]> = self.parameters.iter().map(|p| p.as_bytes()).collect();
        match self.parameter_match {
            ParameterMatch::Any => true,
            ParameterMatch::Exact => given == wanted,
            ParameterMatch::Partial => given.starts_with(&wanted),
            ParameterMatch::Initial => match wanted.split_last() {
                None => given.is_empty(),
                Some((last, before)) => {
                    given.starts_with(before)
                        && given.get(before.len()).is_some_and(|g| g.starts_with(last))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(words: &str, parameter_match: ParameterMatch) -> ProcessPattern {
        let mut words = words.split(' ').map(Arc::from);
        ProcessPattern {
            command: words.next().expect("a program"),
            parameters: words.collect(),
            parameter_match,
            full_command: false,
        }
    }

    fn matches(pattern: &ProcessPattern, comm: &str, line: &str) -> bool {
        let arguments: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        pattern.matches(comm.as_bytes(), &arguments)
    }

    #[test]
    fn names_are_the_kernels_and_paths_the_command_lines() {
        use ParameterMatch::Any;
        assert!(matches(
            &pattern("nginx", Any),
            "nginx",
            "nginx: master process"
        ));
        assert!(!matches(&pattern("nginx", Any), "nginx-debug", "nginx"));
        let long = pattern("systemd-networkd", Any);
        assert!(matches(
            &long,
            "systemd-network",
            "/usr/lib/systemd/systemd-networkd"
        ));
        let path = pattern("/usr/sbin/nginx", Any);
        assert!(matches(&path, "anything", "/usr/sbin/nginx -g"));
        assert!(!matches(&path, "nginx", "/opt/nginx -g"));
        let full = ProcessPattern {
            full_command: true,
            ..pattern("nginx", Any)
        };
        assert!(matches(&full, "anything", "nginx"));
        assert!(!full.matches(b"nginx", &[]));
    }

    #[test]
    fn parameters_are_compared_as_the_mode_says() {
        use ParameterMatch::{Any, Exact, Initial, Partial};
        let rows = [
            ("p a bc", [true, true, true]),
            ("p a bc d", [false, false, true]),
            ("p a bcd", [false, true, false]),
            ("p a", [false, false, false]),
            ("p x bc", [false, false, false]),
        ];
        for (line, [exact, initial, partial]) in rows {
            let test = |mode| matches(&pattern("p a bc", mode), "p", line);
            assert!(test(Any), "{line}");
            assert_eq!(test(Exact), exact, "exact: {line}");
            // A last parameter that goes on, or more parameters, depending on the mode.
            assert_eq!(test(Initial), initial || partial, "initial: {line}");
            assert_eq!(test(Partial), partial, "partial: {line}");
        }
        assert!(!matches(&pattern("p", Exact), "p", "p a"));
        assert!(!matches(&pattern("p", Initial), "p", "p a"));
        assert!(matches(&pattern("p", Partial), "p", "p a"));
    }
}

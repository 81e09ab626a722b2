//! Every recording of keepalived beside this crate (`keepalived/`), and what is known about it: how it
//! differs from us on purpose, and whether a simulation of its scenario comes to the same.

use std::path::PathBuf;

use crate::Deviation;

/// A recording that a simulation reproduces to the byte.
#[derive(Clone, Copy, Debug)]
pub struct Recording {
    /// Its folder.
    pub name: &'static str,
    /// What is otherwise on purpose, and at how many places.
    pub deviations: &'static [(Deviation, usize)],
    /// How often a master yields; said with priority 0 unless the configurations have `quiet_yield`.
    pub yields: usize,
    /// Its configurations tune announcements or yields, or differ; so an audible yield is another there.
    pub tuned: bool,
}

impl Recording {
    /// Where it lies, in the source tree.
    pub fn folder(&self) -> PathBuf {
        folder().join(self.name)
    }
}

/// Where all of them lie.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("keepalived")
}

/// Those that are reproduced.
pub const REPRODUCED: &[Recording] = &[
    Recording {
        name: "founding-cable-pull",
        deviations: &[(Deviation::SilentWithoutCarrier, 1)],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "graceful-stop",
        deviations: &[],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "nopreempt",
        deviations: &[(Deviation::BurstBeforeAdvert, 1)],
        yields: 0,
        tuned: false,
    },
    Recording {
        name: "split-and-heal",
        deviations: &[],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "three-nodes",
        deviations: &[(Deviation::SilentWithoutCarrier, 1)],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "track-script-fault",
        deviations: &[(Deviation::SinglePriorityZero, 1)],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "track-script-weight",
        deviations: &[],
        yields: 2,
        tuned: false,
    },
    Recording {
        name: "unicast",
        deviations: &[
            (Deviation::SilentWithoutCarrier, 1),
            (Deviation::AdvertWaitsForArp, 1),
            (Deviation::SourceUnannounced, 1),
        ],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "v3-centiseconds",
        deviations: &[
            (Deviation::SilentWithoutCarrier, 1),
            (Deviation::DueAdvertSent, 1),
        ],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "preempt-delay",
        deviations: &[(Deviation::SilentWithoutCarrier, 1)],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "nopreempt-return",
        deviations: &[(Deviation::SilentWithoutCarrier, 1)],
        yields: 0,
        tuned: false,
    },
    Recording {
        name: "owner",
        deviations: &[],
        yields: 2,
        tuned: false,
    },
    Recording {
        name: "garp-tuning",
        deviations: &[],
        yields: 1,
        tuned: true,
    },
    Recording {
        name: "three-nodes-tie",
        deviations: &[],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "excluded-addresses",
        deviations: &[],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "kill-and-return",
        deviations: &[],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "slow-adverts",
        deviations: &[(Deviation::SilentWithoutCarrier, 1)],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "higher-prio-send-advert",
        deviations: &[],
        yields: 1,
        tuned: true,
    },
    Recording {
        name: "lower-prio-no-advert",
        deviations: &[],
        yields: 1,
        tuned: true,
    },
    Recording {
        name: "strict",
        deviations: &[],
        yields: 1,
        tuned: true,
    },
    Recording {
        name: "track-interface-weight",
        deviations: &[],
        yields: 2,
        tuned: false,
    },
    Recording {
        name: "vip-list-mismatch",
        deviations: &[(Deviation::OtherAddressesBelieved, 1)],
        yields: 1,
        tuned: true,
    },
    Recording {
        name: "sync-group",
        deviations: &[(Deviation::SinglePriorityZero, 1)],
        yields: 1,
        tuned: true,
    },
    Recording {
        name: "v3-ipv6",
        deviations: &[(Deviation::FlowUnlabelled, 12)],
        yields: 0,
        tuned: false,
    },
    Recording {
        name: "auth-ah",
        deviations: &[],
        yields: 1,
        tuned: true,
    },
    Recording {
        name: "ipv6-unicast",
        deviations: &[
            (Deviation::AdvertWaitsForArp, 1),
            (Deviation::FlowUnlabelled, 13),
            (Deviation::FullHopLimit, 13),
        ],
        yields: 0,
        tuned: false,
    },
    Recording {
        name: "priority-change",
        deviations: &[],
        yields: 0,
        tuned: false,
    },
    Recording {
        name: "track-file",
        deviations: &[],
        yields: 2,
        tuned: false,
    },
    Recording {
        name: "reload",
        deviations: &[],
        yields: 0,
        tuned: true,
    },
    Recording {
        name: "vmac",
        deviations: &[],
        yields: 1,
        tuned: false,
    },
    Recording {
        name: "priority-change-of-master",
        deviations: &[(Deviation::PriorityInPlace, 2)],
        yields: 2,
        tuned: false,
    },
    Recording {
        name: "auth-hmac",
        deviations: &[],
        yields: 1,
        tuned: true,
    },
    Recording {
        name: "auth-hmac-v2",
        deviations: &[],
        yields: 1,
        tuned: true,
    },
    Recording {
        name: "auth-hmac-ipv6",
        deviations: &[(Deviation::FlowUnlabelled, 12)],
        yields: 0,
        tuned: true,
    },
];

/// Those that no simulation reproduces.
pub const NOT_REPRODUCED: &[&str] = &[];

//! What `global_defs` says for all instances, for those who ask. Instances have it already, where it
//! applies to them.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use super::{GarpConfig, Tuning, Version};
use crate::wire::{GROUP_V4, GROUP_V6};

/// Settings that instances without one of their own have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// `default_interface`: of static addresses.
    pub interface: Option<Arc<str>>,
    /// `notification_email`, whether mail is asked for or not.
    pub mail_to: Vec<Arc<str>>,
    /// `notification_email_from`.
    pub mail_from: Option<Arc<str>>,
    /// `smtp_server`, with its port.
    pub mail_server: Option<(Arc<str>, u16)>,
    /// `smtp_helo_name`.
    pub mail_helo: Option<Arc<str>>,
    /// `smtp_connect_timeout`.
    pub mail_timeout: Option<Duration>,
    /// `no_email_faults`.
    pub no_mail_of_faults: bool,
    /// `smtp_alert`, if it is given.
    pub alert: Option<bool>,
    /// `smtp_alert_vrrp`, if it is given.
    pub alert_vrrp: Option<bool>,
    /// `vrrp_mcast_group4`.
    pub group_v4: IpAddr,
    /// `vrrp_mcast_group6`.
    pub group_v6: IpAddr,
    /// `vrrp_garp_master_delay` and the like.
    pub garp: GarpConfig,
    /// `vrrp_garp_extra_if` has `all`: not only for virtual MACs.
    pub garp_all: bool,
    /// `vrrp_garp_interval`.
    pub garp_interval: Duration,
    /// `vrrp_gna_interval`.
    pub gna_interval: Duration,
    /// `vrrp_lower_prio_no_advert`.
    pub lower_prio_no_advert: bool,
    /// `vrrp_down_timer_adverts` and the like.
    pub tuning: Tuning,
    /// `vrrp_version`.
    pub version: Version,
    /// `vrrp_check_unicast_src`.
    pub check_unicast_src: bool,
    /// `vrrp_strict`.
    pub strict: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            interface: None,
            mail_to: Vec::new(),
            mail_from: None,
            mail_server: None,
            mail_helo: None,
            mail_timeout: None,
            no_mail_of_faults: false,
            alert: None,
            alert_vrrp: None,
            group_v4: GROUP_V4.into(),
            group_v6: GROUP_V6.into(),
            garp: GarpConfig::default(),
            garp_all: false,
            garp_interval: Duration::ZERO,
            gna_interval: Duration::ZERO,
            lower_prio_no_advert: false,
            tuning: Tuning::default(),
            version: Version::V2,
            check_unicast_src: false,
            strict: false,
        }
    }
}

//! Keywords of keepalived that have no effect here, and what that means for whoever wrote them.
//!
//! A warning where the running system differs from what the text asks for; a note where nobody
//! would notice. The list follows keepalived 2.4.3.

use super::Context;
use crate::conf::diag::Severity;
use crate::conf::source::Report;
use crate::conf::tree::Item;

/// One keyword.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ignored {
    pub(super) name: &'static str,
    severity: Severity,
    /// Has a block, which is skipped.
    pub(super) block: bool,
    /// What its absence means.
    effect: &'static str,
}

impl Ignored {
    /// The one remark about it.
    pub(super) fn report(&self, item: &Item, report: &mut Report) {
        let skipped = if item.block.is_some() {
            "skipped"
        } else {
            "ignored"
        };
        let message = format!("`{}` is {skipped}: {}", self.name, self.effect);
        report.add(self.severity, item.keyword.span, message);
    }

    const fn block(self) -> Self {
        Self {
            block: true,
            ..self
        }
    }
}

/// The ignored keywords of one kind of block.
pub(super) fn of(context: Context) -> &'static [Ignored] {
    match context {
        Context::Root => ROOT,
        Context::Global => GLOBAL,
        Context::Instance => INSTANCE,
        Context::Group => GROUP,
        _ => &[],
    }
}

/// The ignored keyword of that name.
pub(super) fn find(context: Context, name: &str) -> Option<&'static Ignored> {
    of(context).iter().find(|ignored| ignored.name == name)
}

const fn warn(name: &'static str, effect: &'static str) -> Ignored {
    Ignored {
        name,
        severity: Severity::Warning,
        block: false,
        effect,
    }
}

const fn note(name: &'static str, effect: &'static str) -> Ignored {
    Ignored {
        name,
        severity: Severity::Note,
        block: false,
        effect,
    }
}

const BALANCER: &str = "load balancing is not part of this daemon";
const BFD: &str = "no BFD session is kept, and nothing tracks it: the adverts themselves find a \
     dead peer, with `advert_int` below a second as fast";
const IPVLAN: &str = "the addresses go on the interface itself, whose MAC address an ipvlan device has \
     anyway; an address in this line is not used: `static_ipaddress` sets one up, and `mcast_src_ip` \
     makes it the source of adverts";
const PROCESS: &str = "how the daemon's processes are run is not set here";
const FIREWALL: &str = "what `no_accept` needs is in the nftables table `locum`";
const SNMP: &str = "there is no SNMP agent";
const DBUS: &str = "there is no D-Bus service";
const FILES: &str = "this file is not written or used";
const LINKBEAT: &str = "link state comes from the kernel";
const RELOAD: &str = "a file that can't be used leaves the running configuration in place, always";
const RX_BUFFER: &str = "receive buffers have the kernel's size";

const ROOT: &[Ignored] = &[
    warn("bfd_instance", BFD).block(),
    note("linkbeat_use_polling", LINKBEAT),
    note("linkbeat_interfaces", LINKBEAT).block(),
    warn("net_namespace_ipvs", BALANCER),
    note("namespace_with_ipsets", FIREWALL),
    note("instance", "the daemon has no instance name"),
    note("use_pid_dir", FILES),
    note("child_wait_time", PROCESS),
    note("virtual_server", BALANCER).block(),
    note("virtual_server_group", BALANCER).block(),
    note("SSL", BALANCER).block(),
];

const GLOBAL: &[Ignored] = &[
    note(
        "lvs_id",
        "it is the old name of `router_id`, which keepalived no longer knows",
    ),
    note(
        "set_supplementary_groups",
        "scripts run with the user's own group only",
    ),
    warn("startup_script", "no script is run at start"),
    warn("startup_script_timeout", "no script is run at start"),
    warn("shutdown_script", "no script is run at the end"),
    warn("shutdown_script_timeout", "no script is run at the end"),
    note(
        "disable_local_igmp",
        "the kernel reports its group memberships as usual",
    ),
    note("dynamic_interfaces", "it isn't needed here"),
    note("max_auto_priority", PROCESS),
    note("min_auto_priority_delay", PROCESS),
    note("vrrp_priority", PROCESS),
    note("vrrp_no_swap", PROCESS),
    note("vrrp_rt_priority", PROCESS),
    note("vrrp_cpu_affinity", PROCESS),
    note("vrrp_rlimit_rttime", PROCESS),
    note("checker_priority", PROCESS),
    note("checker_no_swap", PROCESS),
    note("checker_rt_priority", PROCESS),
    note("checker_cpu_affinity", PROCESS),
    note("checker_rlimit_rttime", PROCESS),
    note("bfd_priority", PROCESS),
    note("bfd_no_swap", PROCESS),
    note("bfd_rt_priority", PROCESS),
    note("bfd_cpu_affinity", PROCESS),
    note("bfd_rlimit_rttime", PROCESS),
    note("vrrp_netlink_cmd_rcv_bufs", RX_BUFFER),
    note("vrrp_netlink_cmd_rcv_bufs_force", RX_BUFFER),
    note("vrrp_netlink_monitor_rcv_bufs", RX_BUFFER),
    note("vrrp_netlink_monitor_rcv_bufs_force", RX_BUFFER),
    note("process_monitor_rcv_bufs", RX_BUFFER),
    note("process_monitor_rcv_bufs_force", RX_BUFFER),
    note("vrrp_rx_bufs_policy", RX_BUFFER),
    note("vrrp_rx_bufs_multiplier", RX_BUFFER),
    note("vrrp_iptables", FIREWALL),
    note("vrrp_ipsets", FIREWALL),
    note("nftables", FIREWALL),
    note("nftables_priority", FIREWALL),
    note("nftables_counters", FIREWALL),
    note("nftables_ifindex", FIREWALL),
    note("enable_dbus", DBUS),
    note("dbus_service_name", DBUS),
    note("dbus_no_interface_name", DBUS),
    note("enable_snmp_vrrp", SNMP),
    note("enable_snmp_keepalived", SNMP),
    note("enable_snmp_checker", SNMP),
    note("enable_snmp_rfc", SNMP),
    note("enable_snmp_rfcv2", SNMP),
    note("enable_snmp_rfcv3", SNMP),
    note("enable_traps", SNMP),
    note("snmp_socket", SNMP),
    note("process_names", PROCESS),
    note("process_name", PROCESS),
    note("vrrp_process_name", PROCESS),
    note("checker_process_name", PROCESS),
    note("bfd_process_name", PROCESS),
    note("reload_check_config", RELOAD),
    note("reload_time_file", FILES),
    note("reload_repeat", FILES),
    note("reload_file", FILES),
    note("config_save_dir", FILES),
    note("tmp_config_directory", FILES),
    note("use_symlink_paths", FILES),
    note("data_use_instance", FILES),
    note("iproute_usr_dir", FILES),
    note("iproute_etc_dir", FILES),
    note("lvs_sync_daemon", BALANCER),
    note("lvs_timeouts", BALANCER),
    note("lvs_flush", BALANCER),
    note("lvs_flush_on_stop", BALANCER),
    note("smtp_alert_checker", BALANCER),
    note("lvs_notify_fifo", BALANCER),
    note("lvs_netlink_cmd_rcv_bufs", BALANCER),
    note("lvs_netlink_cmd_rcv_bufs_force", BALANCER),
    note("lvs_netlink_monitor_rcv_bufs", BALANCER),
    note("lvs_netlink_monitor_rcv_bufs_force", BALANCER),
    note("nftables_ipvs", BALANCER),
    note("nftables_ipvs_priority", BALANCER),
    note("nftables_ipvs_start_fwmark", BALANCER),
    note("no_checker_emails", BALANCER),
    note("rs_init_notifies", BALANCER),
    note("lvs_notify_fifo_script", BALANCER),
    note("checker_log_all_failures", BALANCER),
];

const INSTANCE: &[Ignored] = &[
    warn(
        "vrf",
        "adverts leave through the instance's interface, whatever its VRF",
    ),
    note("kernel_rx_buf_size", RX_BUFFER),
    note("linkbeat_use_polling", LINKBEAT),
    note("lvs_sync_daemon_interface", BALANCER),
    note(
        "promote_secondaries",
        "the interface's sysctl is left as it is",
    ),
    warn("use_ipvlan", IPVLAN),
    warn("track_bfd", BFD).block(),
    note("debug", "it has no effect in keepalived either"),
];

const GROUP: &[Ignored] = &[warn("track_bfd", BFD).block()];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_listed_twice_or_also_acted_on() {
        for context in super::super::KEYWORD_CONTEXTS {
            let mut names: Vec<&str> = of(context).iter().map(|ignored| ignored.name).collect();
            names.extend(context.keywords());
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{context:?}");
        }
    }
}

//! What is rarely changed about the protocol.

use crate::ids::Priority;

/// Deviations from the protocol as everybody runs it; all of an instance's routers should agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// `down_timer_adverts`, 1 to 100: so many adverts must be missing before a backup takes over.
    pub down_timer_adverts: u8,
    /// `v3_checksum_as_v2`: VRRPv3 over IPv4 is sent with a checksum of the message alone, as RFC
    /// 9568 5.2.8 has it, instead of keepalived's, which includes a pseudo-header. Both are
    /// understood, always.
    pub v3_checksum_as_v2: bool,
    /// `higher_prio_send_advert`: a master that loses to a higher advert sends one last advert with
    /// its own priority, before it lets go, instead of a priority-0 one after. The winner answers
    /// it and announces itself again.
    pub higher_prio_send_advert: bool,
    /// `owner_ignore_adverts`: an owner of the addresses (priority 255) hears no adverts, not even
    /// of another owner.
    pub owner_ignore_adverts: bool,
    /// `skip_check_adv_addr`: the addresses in an advert are compared with ours only when another
    /// router than before advertises them.
    pub skip_check_adv_addr: bool,
    /// `timer_expired_backup`, with `nopreempt` only: a master that was held up for so long that a
    /// backup of this priority, the highest among its peers, may have replaced it becomes backup.
    /// Otherwise it advertises and announces itself again.
    pub timer_expired_backup: Option<Priority>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            down_timer_adverts: 3,
            v3_checksum_as_v2: false,
            higher_prio_send_advert: false,
            owner_ignore_adverts: false,
            skip_check_adv_addr: false,
            timer_expired_backup: None,
        }
    }
}

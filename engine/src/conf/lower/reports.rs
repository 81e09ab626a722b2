//! Pipes and mail.

use core::time::Duration;

use super::Lowering;
use crate::conf::schema::script::User;
use crate::config::{Fifo, Hook, Mail, Notify, Reports};

/// keepalived's defaults.
const SERVER: &str = "127.0.0.1";
const PORT: u16 = 25;
const TIMEOUT: Duration = Duration::from_secs(30);

impl Lowering<'_> {
    /// What `global_defs` says about pipes and mail.
    pub(super) fn reports(&mut self) -> Reports {
        let draft = &self.drafts.global.reports;
        let mut fifos = Vec::new();
        for (fifo, is_global) in draft.fifos.iter().zip([true, false]) {
            match (&fifo.path, &fifo.script) {
                (Some((path, _)), script) => fifos.push(Fifo {
                    is_global,
                    path: path.clone(),
                    script: script.as_ref().map(|(hook, _)| {
                        let mut hook = hook.clone();
                        belongs_to(&mut hook, &self.drafts.global.script_user);
                        hook
                    }),
                }),
                (None, Some((_, span))) => {
                    let message = "this script reads a pipe that isn't configured: it is not run";
                    let help = "name the pipe with `notify_fifo` or `vrrp_notify_fifo`";
                    self.report.warning(*span, message).hint(help);
                }
                (None, None) => {}
            }
        }
        Reports {
            fifos,
            priority_changes: draft.priority_changes,
            states_on_reload: draft.states_on_reload,
            mail: self.mail(),
        }
    }

    fn mail(&mut self) -> Option<Mail> {
        let draft = &self.drafts.global.reports;
        let on = |notify: &Notify| notify.mail == Some(true);
        let global = draft.alert_vrrp.or(draft.alert).unwrap_or(false);
        let instances = self.drafts.instances.iter();
        let groups = self.drafts.groups.iter();
        let all = instances.map(|i| (&i.notify, i.name.span));
        let all = all.chain(groups.map(|g| (&g.notify, g.name.span)));
        let mut asking = all.filter(|(notify, _)| on(notify)).map(|(_, span)| span);
        // The sample file configures a server that nobody uses; that is no reason for a remark.
        let asked = draft.asked.filter(|_| global).or_else(|| asking.next())?;
        if draft.to.is_empty() {
            let message = "mail is asked for and there is nobody to write to: none is sent";
            let help = "name the recipients in a block: `notification_email {`, an address on each \
                        line, `}`";
            self.report.warning(asked, message).hint(help);
            return None;
        }
        let server = draft.server.clone();
        let (server, port) = server.unwrap_or_else(|| (SERVER.into(), PORT));
        Some(Mail {
            to: draft.to.clone(),
            from: draft.from.clone(),
            server,
            port,
            timeout: draft.timeout.unwrap_or(TIMEOUT),
            helo: draft.helo.clone(),
            alert: global,
            faults: !draft.no_faults,
        })
    }
}

/// What isn't said at all takes no room. Scripts without a user of their own have `script_user`.
pub(super) fn notify(draft: &Notify, script_user: &Option<User>) -> Option<std::sync::Arc<Notify>> {
    if *draft == Notify::default() {
        return None;
    }
    let mut notify = draft.clone();
    let hooks = [
        &mut notify.master,
        &mut notify.backup,
        &mut notify.fault,
        &mut notify.stop,
        &mut notify.deleted,
        &mut notify.any,
        &mut notify.contested,
    ];
    for hook in hooks.into_iter().flatten() {
        belongs_to(hook, script_user);
    }
    Some(notify.into())
}

fn belongs_to(hook: &mut Hook, script_user: &Option<User>) {
    if hook.user.is_none() {
        hook.user.clone_from(script_user);
    }
}

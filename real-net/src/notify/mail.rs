//! Mail about state changes (`smtp_alert`), with keepalived's subjects.
//!
//! Plain SMTP, as keepalived speaks it. One letter at a time, in order; when the server is slower than
//! the changes, letters wait, and beyond a limit they are lost, which is said.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use locum_engine::config::{Config, Mail};
use locum_engine::event::StateKind;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

/// Letters that wait, at most.
const WAITING_MAX: usize = 256;

/// The way to the mail server; without a configuration, none.
#[derive(Debug, Default)]
pub(super) struct Post {
    office: Option<Office>,
}

#[derive(Debug)]
struct Office {
    mail: Mail,
    from: Mailbox,
    to: Vec<Mailbox>,
    router: String,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    waiting: Arc<Mutex<Waiting>>,
    worker: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Waiting {
    letters: VecDeque<Message>,
    carried: bool,
}

impl Post {
    /// Checks addresses; those that can't be used are said and left out.
    pub(super) fn new(config: &Config) -> Self {
        let office = config.reports.mail.as_ref().and_then(|mail| {
            let name = host_name();
            let router = config.router_id.as_deref().unwrap_or(&name).to_owned();
            Office::new(mail, &name, router)
        });
        Self { office }
    }

    /// Writes about a change, if this subject wants it.
    pub(super) fn state_changed(
        &mut self,
        kind: &str,
        name: &str,
        to: StateKind,
        asked: Option<bool>,
    ) {
        let Some(office) = &mut self.office else {
            return;
        };
        let fault = to == StateKind::Fault;
        if !asked.unwrap_or(office.mail.alert) || (fault && !office.mail.faults) {
            return;
        }
        let Some((subject, body)) = words(&office.router, kind, name, to) else {
            return;
        };
        office.post(&subject, body);
    }

    /// Waits for what is on its way.
    pub(super) async fn finish(&mut self, limit: Duration) {
        let worker = self.office.as_mut().and_then(|office| office.worker.take());
        if let Some(worker) = worker
            && tokio::time::timeout(limit, worker).await.is_err()
        {
            warn!("mail is still on its way after {limit:?}: it is lost");
        }
    }
}

impl Office {
    fn new(mail: &Mail, host: &str, router: String) -> Option<Self> {
        let address = |text: &str| {
            let parsed = text.parse::<Mailbox>();
            parsed
                .map_err(|e| warn!(address = text, "no mail goes here: {e}"))
                .ok()
        };
        let to: Vec<Mailbox> = mail.to.iter().filter_map(|to| address(to)).collect();
        let default = format!("keepalived@{host}");
        let from = address(mail.from.as_deref().unwrap_or(&default))?;
        if to.is_empty() {
            return None;
        }
        let helo = mail.helo.as_deref().unwrap_or(host).to_owned();
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&*mail.server)
            .port(mail.port)
            .hello_name(ClientId::Domain(helo))
            .timeout(Some(mail.timeout))
            .build();
        Some(Self {
            mail: mail.clone(),
            from,
            to,
            router,
            transport,
            waiting: Arc::default(),
            worker: None,
        })
    }

    fn post(&mut self, subject: &str, body: String) {
        let mut letter = Message::builder().from(self.from.clone()).subject(subject);
        for to in &self.to {
            letter = letter.to(to.clone());
        }
        let letter = match letter.body(body) {
            Ok(letter) => letter,
            Err(e) => return warn!(subject, "no mail can be made of this: {e}"),
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.letters.len() >= WAITING_MAX {
            return warn!(
                subject,
                "a letter is lost: {WAITING_MAX} are waiting already"
            );
        }
        waiting.letters.push_back(letter);
        if !std::mem::replace(&mut waiting.carried, true) {
            let carry = carry(Arc::clone(&self.waiting), self.transport.clone());
            self.worker = Some(tokio::spawn(carry));
        }
    }
}

async fn carry(waiting: Arc<Mutex<Waiting>>, transport: AsyncSmtpTransport<Tokio1Executor>) {
    loop {
        let next = {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let next = waiting.letters.pop_front();
            waiting.carried = next.is_some();
            next
        };
        let Some(letter) = next else { return };
        match transport.send(letter).await {
            Ok(_) => debug!("mail sent"),
            Err(e) => warn!("mail not sent: {e}"),
        }
    }
}

/// Subject and text. `None` for a state that nobody writes about.
fn words(router: &str, kind: &str, name: &str, to: StateKind) -> Option<(String, String)> {
    let (kind, state, text) = match (kind, to) {
        (_, StateKind::Init) => return None,
        ("GROUP", StateKind::Master) => (
            "Group",
            "MASTER",
            "All its instances are in MASTER state now",
        ),
        ("GROUP", StateKind::Backup) => (
            "Group",
            "BACKUP",
            "All its instances are in BACKUP state now",
        ),
        ("GROUP", StateKind::Fault) => {
            ("Group", "FAULT", "All its instances are in FAULT state now")
        }
        (_, StateKind::Master) => ("Instance", "MASTER", "It holds the virtual addresses now"),
        (_, StateKind::Backup) => (
            "Instance",
            "BACKUP",
            "It no longer holds the virtual addresses",
        ),
        (_, StateKind::Fault) => ("Instance", "FAULT", "It can't serve"),
    };
    let subject = format!("[{router}] VRRP {kind} {name} - Entering {state} STATE");
    Some((subject, format!("{text}\r\n")))
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok();
    let name = name.and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_keepaliveds() {
        let (subject, _) = words("gw1", "INSTANCE", "VI_1", StateKind::Master).expect("a change");
        assert_eq!(subject, "[gw1] VRRP Instance VI_1 - Entering MASTER STATE");
        let (subject, _) = words("gw1", "GROUP", "G", StateKind::Fault).expect("a change");
        assert_eq!(subject, "[gw1] VRRP Group G - Entering FAULT STATE");
        assert_eq!(words("gw1", "GROUP", "G", StateKind::Init), None);
    }
}

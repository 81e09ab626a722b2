//! Who is told of changes, as the configuration says: scripts, pipes and mail.
//!
//! The formats are keepalived's to the byte. What differs is how they are delivered: for each
//! instance and group one script at a time, in the order of the changes, and when changes come faster
//! than scripts run, the latest state is told and the ones in between are left out. keepalived starts
//! every script at once, so that they may end in any order.

mod fifo;
mod mail;
mod queue;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use locum_engine::Event;
use locum_engine::config::{Config, Hook, Notify};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{GroupId, InstanceId, Priority};

use fifo::Pipes;
use mail::Post;
use queue::{Job, Queues};
use stream::Stream;

/// How long scripts that are under way may still run when the daemon ends.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long readers of the event stream may take over their last lines.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Tells others what the engine reports.
#[derive(Debug)]
pub struct Notifier {
    config: Arc<Config>,
    /// Effective priorities and states, by instance.
    instances: Vec<(Priority, StateKind)>,
    queues: Queues,
    pipes: Pipes,
    post: Post,
    stream: Stream,
}

/// What a line or a script is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Instance(InstanceId),
    Group(GroupId),
}

impl Notifier {
    /// Makes the pipes. What can't be made is said in the log, and goes without. Must be called
    /// inside a tokio runtime.
    pub fn new(config: Arc<Config>) -> Self {
        let mut stream = Stream::default();
        stream.open(config.operation.event_stream.as_deref());
        Self {
            stream,
            instances: initially(&config),
            queues: Queues::new(config.operation.script_security),
            pipes: Pipes::open(&config.reports.fifos, config.operation.script_security),
            post: Post::new(&config),
            config,
        }
    }

    /// Tells what there is to tell about an event. Never waits.
    pub fn event(&mut self, event: &Event) {
        self.stream.event(&self.config, event);
        match *event {
            Event::StateChanged {
                instance,
                from,
                to,
                why,
            } if from != to => {
                self.instances[instance.index()].1 = to;
                self.changed(Subject::Instance(instance), to, why);
            }
            Event::GroupChanged {
                group,
                from,
                to,
                why,
            } if from != to => self.changed(Subject::Group(group), to, why),
            Event::PriorityChanged { instance, to, .. } => {
                self.instances[instance.index()].0 = to;
                self.priority_changed(instance);
            }
            Event::Contested { instance, .. } => self.contested(instance),
            _ => {}
        }
    }

    /// Another configuration applies from now on: what goes is told as deleted, or in fault.
    pub fn reload(
        &mut self,
        config: Arc<Config>,
        moved: impl Fn(InstanceId) -> Option<InstanceId>,
    ) {
        let mut instances = initially(&config);
        for (i, told) in self.instances.clone().into_iter().enumerate() {
            let old = InstanceId(u16::try_from(i).expect("as many as the configuration has"));
            match moved(old) {
                Some(new) => instances[new.index()] = told,
                None => self.deleted(old),
            }
        }
        if self.config.reports.fifos != config.reports.fifos {
            self.pipes.close();
            let security = config.operation.script_security;
            self.pipes = Pipes::open(&config.reports.fifos, security);
        }
        if self.config.operation.event_stream != config.operation.event_stream {
            self.stream.open(config.operation.event_stream.as_deref());
        }
        self.post = Post::new(&config);
        self.queues.forget(config.operation.script_security);
        (self.config, self.instances) = (config, instances);
        if self.config.reports.states_on_reload {
            self.tell_all();
        }
    }

    fn deleted(&mut self, instance: InstanceId) {
        let subject = Subject::Instance(instance);
        let notify = self.settings(subject);
        let deleted = notify.is_some_and(|n| n.tells_deleted);
        let (word, script) = match notify {
            Some(n) if deleted => ("DELETED", n.deleted.clone()),
            Some(n) => ("FAULT", n.fault.clone()),
            None => ("FAULT", None),
        };
        self.line(subject, word);
        self.run(subject, script, word);
    }

    /// Writes every state into the pipes once more.
    fn tell_all(&mut self) {
        for i in 0..self.instances.len() {
            let id = InstanceId(u16::try_from(i).expect("as many as the configuration has"));
            if let Some(word) = word(self.instances[i].1, Reason::Started) {
                self.line(Subject::Instance(id), word);
            }
        }
    }

    /// Tells of a new priority, to those who asked.
    fn priority_changed(&mut self, instance: InstanceId) {
        let subject = Subject::Instance(instance);
        let asked = self.settings(subject).and_then(|n| n.priority_changes);
        if !asked.unwrap_or(self.config.reports.priority_changes) {
            return;
        }
        match self.instances[instance.index()].1 {
            StateKind::Master => self.line(subject, "MASTER_PRIORITY"),
            StateKind::Backup | StateKind::Fault => self.line(subject, "BACKUP_PRIORITY"),
            StateKind::Init => {}
        }
    }

    /// Waits for the scripts under way, for a while, and takes the pipes away.
    pub async fn finish(mut self) {
        self.queues.finish(LAST_WORDS).await;
        self.post.finish(LAST_WORDS).await;
        self.stream.finish(LAST_LINES).await;
        self.pipes.close();
    }

    fn changed(&mut self, subject: Subject, to: StateKind, why: Reason) {
        let Some(word) = word(to, why) else { return };
        self.line(subject, word);
        let Some(notify) = self.settings(subject) else {
            self.mail(subject, to);
            return;
        };
        let specific = match to {
            StateKind::Master => notify.master.clone(),
            StateKind::Backup => notify.backup.clone(),
            StateKind::Fault => notify.fault.clone(),
            StateKind::Init => notify.stop.clone(),
        };
        self.run(subject, specific, word);
        self.mail(subject, to);
    }

    fn contested(&mut self, instance: InstanceId) {
        let subject = Subject::Instance(instance);
        let script = self.settings(subject).and_then(|n| n.contested.clone());
        self.line(subject, "MASTER_RX_LOWER_PRI");
        if let Some(script) = script {
            let words = script.words.to_vec();
            self.queues.post_beside(
                subject,
                Job {
                    runs: vec![(words, script.user)],
                },
            );
        }
    }

    /// The script of the state, then the one for all states.
    fn run(&mut self, subject: Subject, specific: Option<Hook>, word: &str) {
        let (kind, name, priority) = self.describe(subject);
        let any = self.settings(subject).and_then(|n| n.any.clone());
        let mut runs = Vec::new();
        if let Some(hook) = specific {
            runs.push((hook.words, hook.user));
        }
        if let Some(Hook { mut words, user }) = any {
            words.extend([kind.into(), name, word.into(), priority.to_string().into()]);
            runs.push((words, user));
        }
        if !runs.is_empty() {
            self.queues.post(subject, Job { runs });
        }
    }

    fn line(&mut self, subject: Subject, word: &str) {
        let (kind, name, priority) = self.describe(subject);
        self.pipes.write(&line(kind, &name, word, priority));
    }

    fn mail(&mut self, subject: Subject, to: StateKind) {
        let asked = self.settings(subject).and_then(|n| n.mail);
        let (kind, name, _) = self.describe(subject);
        self.post.state_changed(kind, &name, to, asked);
    }

    fn settings(&self, subject: Subject) -> Option<&Notify> {
        match subject {
            Subject::Instance(id) => self.config.instance(id).notify.as_deref(),
            Subject::Group(id) => self.config.group(id).notify.as_deref(),
        }
    }

    /// Kind, name and priority, which groups don't have.
    fn describe(&self, subject: Subject) -> (&'static str, Arc<str>, u8) {
        match subject {
            Subject::Instance(id) => {
                let name = Arc::clone(&self.config.instance(id).name);
                ("INSTANCE", name, self.instances[id.index()].0.get())
            }
            Subject::Group(id) => ("GROUP", Arc::clone(&self.config.group(id).name), 0),
        }
    }
}

/// Before anything is heard of them.
fn initially(config: &Config) -> Vec<(Priority, StateKind)> {
    let instances = config.instances.iter();
    instances.map(|i| (i.priority, StateKind::Init)).collect()
}

/// keepalived's word for a state. `None` for one that nobody is told of: waiting for a first result.
fn word(state: StateKind, why: Reason) -> Option<&'static str> {
    match state {
        StateKind::Master => Some("MASTER"),
        StateKind::Backup => Some("BACKUP"),
        StateKind::Fault => Some("FAULT"),
        StateKind::Init => (why == Reason::Stopping).then_some("STOP"),
    }
}

/// A line of a pipe.
fn line(kind: &str, name: &str, word: &str, priority: u8) -> String {
    format!("{kind} \"{name}\" {word} {priority}\n")
}

#[cfg(test)]
mod tests;

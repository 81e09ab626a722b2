//! A route or a rule of a node, as the timeline names it: a route by its destination, or either in the
//! words of the log.

use locum_engine::config::{Config, Object, ObjectId};
use locum_engine::ids::InstanceId;

use super::fields::Fields;

/// The first that has the verb's value for its name.
pub(super) fn route(entry: &Fields<'_, '_>, config: &Config) -> Option<ObjectId> {
    let word = entry.word("remove_route")?;
    find(config, word.text).or_else(|| {
        let known: Vec<String> = all(config).map(|id| name(config, id)).collect();
        let help = match known.is_empty() {
            true => "it has no routes or rules".to_owned(),
            false => format!("it has {}", known.join(", ")),
        };
        let message = format!("this node has no route or rule `{}`", word.text);
        entry.sink.error(word.span, message, help)
    })
}

/// What the timeline calls it: the destination, unless another one comes before it with that.
pub(crate) fn name(config: &Config, object: ObjectId) -> String {
    let short = destination(config, object);
    short
        .filter(|to| find(config, to) == Some(object))
        .unwrap_or_else(|| words(config, object))
}

/// The first that is so called.
fn find(config: &Config, name: &str) -> Option<ObjectId> {
    let to = all(config).find(|id| destination(config, *id).is_some_and(|to| to == name));
    to.or_else(|| all(config).find(|id| words(config, *id) == name))
}

/// By instance, then what is static.
fn all(config: &Config) -> impl Iterator<Item = ObjectId> {
    let owners = (0_u16..).map(InstanceId).zip(&config.instances);
    let owned = owners.map(|(id, instance)| (Some(id), instance.objects.len()));
    let owners = owned.chain([(None, config.statics.objects.len())]);
    owners.flat_map(|(owner, count)| {
        (0_u16..)
            .take(count)
            .map(move |index| ObjectId { owner, index })
    })
}

fn destination(config: &Config, object: ObjectId) -> Option<String> {
    match config.object(object) {
        Object::Route(route) => Some(route.destination.to_string()),
        Object::Rule(_) => None,
    }
}

/// As the log has it.
pub(crate) fn words(config: &Config, object: ObjectId) -> String {
    config.object(object).display(config).to_string()
}

/// The one that the log calls so.
pub(crate) fn in_words(config: &Config, text: &str) -> Option<ObjectId> {
    all(config).find(|id| words(config, *id) == text)
}

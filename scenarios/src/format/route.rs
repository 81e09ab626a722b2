//! A virtual route, as the timeline names it: by its destination.

use locum_engine::config::{Config, Object, ObjectId};
use locum_engine::ids::InstanceId;

use super::fields::Fields;

/// The route whose destination is the verb's value, the first of several.
pub(super) fn route(entry: &Fields<'_, '_>, config: &Config) -> Option<ObjectId> {
    let word = entry.word("remove_route")?;
    let instances = (0_u16..).map(InstanceId).zip(&config.instances);
    let routes = instances.flat_map(|(id, instance)| {
        let objects = (0_u16..).zip(&instance.objects);
        objects.filter_map(move |(index, object)| match object {
            Object::Route(route) => {
                let owner = Some(id);
                Some((ObjectId { owner, index }, route.destination.to_string()))
            }
            Object::Rule(_) => None,
        })
    });
    let routes: Vec<(ObjectId, String)> = routes.collect();
    let found = routes.iter().find(|(_, to)| to == word.text);
    found.map(|(id, _)| *id).or_else(|| {
        let known: Vec<&str> = routes.iter().map(|(_, to)| &**to).collect();
        let help = match known.is_empty() {
            true => "it has no virtual_routes".to_owned(),
            false => format!("it has {}", known.join(", ")),
        };
        let message = format!("this node has no virtual route to `{}`", word.text);
        entry.sink.error(word.span, message, help)
    })
}

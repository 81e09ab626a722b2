//! Routes and rules: the interfaces they name, priorities, and what is static.

use super::Lowering;
use crate::conf::schema::route::RouteDraft;
use crate::conf::schema::rule::RuleDraft;
use crate::conf::source::Span;
use crate::config::{NextHop, Object, Route, Rule, StaticItem, StaticTrack, Statics};
use crate::ids::InstanceId;

/// keepalived's first choice for a rule without a priority; each further one gets one less.
const FIRST_PRIORITY: u32 = 16384;

impl Lowering<'_> {
    /// An instance's routes, then its rules; `None` when an interface's name is impossible.
    pub(super) fn objects(
        &mut self,
        routes: &[RouteDraft],
        rules: &[RuleDraft],
    ) -> Option<Vec<Object>> {
        let mut objects = Vec::new();
        for draft in routes {
            objects.push(Object::Route(self.route(draft)?.into()));
        }
        for draft in rules {
            objects.push(Object::Rule(self.rule(draft).into()));
        }
        if objects.len() > usize::from(u16::MAX) {
            let span = routes.first().map(|r| r.span);
            let span = span.or_else(|| rules.first().map(|r| r.span))?;
            let message = "there are more than 65,535 routes and rules in one place";
            self.report.fatal(span, message);
            return None;
        }
        Some(objects)
    }

    fn route(&mut self, draft: &RouteDraft) -> Option<Route> {
        let mut route = draft.route.clone();
        for hop in &draft.hops {
            let interface = match &hop.interface {
                Some(word) => Some(self.interface(word)?),
                None => None,
            };
            route.hops.push(NextHop {
                gateway: hop.gateway,
                interface,
                weight: hop.weight.max(1),
                on_link: hop.on_link,
            });
        }
        Some(route)
    }

    fn rule(&mut self, draft: &RuleDraft) -> Rule {
        let mut rule = draft.rule.clone();
        if draft.no_priority {
            rule.priority = FIRST_PRIORITY.saturating_sub(self.chosen_priorities);
            self.chosen_priorities += 1;
            let message = format!("a rule without a priority gets {}", rule.priority);
            self.report
                .warning(draft.span, message)
                .hint("say where it belongs among the others: add `priority NUMBER`");
        }
        rule
    }

    /// What belongs to no instance. Called when the instances are known, for `track_group`.
    pub(super) fn statics(&mut self, names: &[&str]) -> Option<Statics> {
        let drafts = &self.drafts.statics;
        let mut statics = Statics::default();
        let default = self.drafts.global.default_interface.as_ref();
        let without = drafts.addresses.list.iter().find(|a| a.interface.is_none());
        let interface = match (default, without) {
            (_, None) => None,
            (Some(word), Some(_)) => Some(self.interface(word)?),
            (None, Some(first)) => {
                let message = "without `dev` a static address goes on eth0";
                self.report
                    .note(first.span, message)
                    .hint("add `dev INTERFACE`, or `default_interface` to `global_defs`");
                Some(self.interface_named("eth0", first.span)?)
            }
        };
        for (index, line) in drafts.addresses.list.iter().enumerate() {
            let interface = match (&line.interface, interface) {
                (Some(word), _) => self.interface(word)?,
                (None, Some(default)) => default,
                (None, None) => continue,
            };
            statics
                .addresses
                .push(super::addresses::lowered(line, interface));
            let item = StaticItem::Address(u16::try_from(index).ok()?);
            self.track_static(&mut statics, item, line.group.as_ref(), names);
        }
        statics.objects = self.objects(&drafts.routes, &drafts.rules)?;
        let routes = drafts.routes.iter().map(|draft| &draft.group);
        let groups = routes.chain(drafts.rules.iter().map(|draft| &draft.group));
        for (index, group) in groups.enumerate() {
            let item = StaticItem::Object(u16::try_from(index).ok()?);
            self.track_static(&mut statics, item, group.as_ref(), names);
        }
        Some(statics)
    }

    fn track_static(
        &mut self,
        statics: &mut Statics,
        what: StaticItem,
        group: Option<&crate::conf::lexer::Word>,
        names: &[&str],
    ) {
        let Some(group) = group else { return };
        let Some(draft) = self.drafts.statics.group(&group.text) else {
            return self.nothing_tracked(group.span, &group.text);
        };
        let mut instances = Vec::new();
        for member in &draft.members {
            match names.iter().position(|name| *name == member.text) {
                Some(place) => instances.extend(u16::try_from(place).ok().map(InstanceId)),
                None => {
                    let message = format!("there is no instance `{}`", member.text);
                    self.report.warning(member.span, message);
                }
            }
        }
        statics.tracked.push(StaticTrack { what, instances });
    }

    fn nothing_tracked(&mut self, span: Span, name: &str) {
        let message = format!("there is no `track_group {name}`: no instance depends on this line");
        self.report.warning(span, message);
    }
}

//! Options of a cable: latency, loss, duplication, reordering, corruption.

use locum_sim::topology::{Burst, Path};

use super::fields::Fields;

/// The shortest latency a cable can have: frames take time, so that no two things that depend on
/// each other happen at one instant.
const LATENCY_MIN: core::time::Duration = core::time::Duration::from_micros(1);

/// Reads the options of a cable's table onto what holds without them.
pub(super) fn read_path(fields: &Fields<'_, '_>, base: Path) -> Path {
    let mut path = base;
    if let Some(latency) = fields.span_of_time("latency") {
        path.latency = latency;
        if latency < LATENCY_MIN {
            fields.error::<()>("no cable is faster than 1us", None);
        }
    }
    path.loss_ppm = fields.rate("loss").unwrap_or(path.loss_ppm);
    path.burst = read_burst(fields).or(path.burst);
    path.duplicate_ppm = fields.rate("duplicate").unwrap_or(path.duplicate_ppm);
    path.reorder_ppm = fields.rate("reorder").unwrap_or(path.reorder_ppm);
    path.reorder_by = fields.span_of_time("reorder_by").unwrap_or(path.reorder_by);
    path.corrupt_ppm = fields.rate("corrupt").unwrap_or(path.corrupt_ppm);
    path
}

/// Reads bursty loss: how often a burst begins, and how often it ends, per frame.
pub(super) fn read_burst(fields: &Fields<'_, '_>) -> Option<Burst> {
    match (fields.rate("burst_begins"), fields.rate("burst_ends")) {
        (Some(enter_ppm), Some(leave_ppm)) => Some(Burst {
            enter_ppm,
            leave_ppm,
        }),
        (None, None) => None,
        _ => fields.error(
            "`burst_begins` and `burst_ends` belong together",
            "write burst_begins = \"1%\", burst_ends = \"30%\"".to_owned(),
        ),
    }
}

//! Tests that are rows of a table, run side by side: most of their time is waiting.

use std::thread;

/// Runs every row in a thread of its own; fails with the names of all that failed.
pub(crate) fn side_by_side<R: Sync>(
    rows: &[R],
    name: impl Fn(&R) -> String,
    run: impl Fn(&R) + Sync,
) {
    let failed: Vec<String> = thread::scope(|scope| {
        let spawn = |row| {
            let name = name(row);
            let builder = thread::Builder::new().name(name.clone());
            let run = &run;
            let thread = builder.spawn_scoped(scope, move || run(row));
            (name, thread.expect("a thread"))
        };
        // All of them are started before the first one is waited for.
        let threads: Vec<_> = rows.iter().map(spawn).collect();
        let ended = threads
            .into_iter()
            .map(|(name, thread)| (name, thread.join()));
        ended
            .filter(|(_, end)| end.is_err())
            .map(|(name, _)| name)
            .collect()
    });
    assert!(failed.is_empty(), "failed: {failed:?}");
}

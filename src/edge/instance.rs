//! The tasks of this wasm instance, and its clock.

use std::future::Future;

use js_sys::Date;
use wasm_bindgen::prelude::wasm_bindgen;

use super::tasks::{Progress, TaskId, Tasks};
use crate::time::UnixMillis;

#[wasm_bindgen(module = "portcullis/instance.js")]
extern "C" {
    /// Reports the result of a task that waited.
    fn finished(task: TaskId, result: &str);

    /// Reports that a task that waited was dropped without a result.
    fn forgotten(task: TaskId);
}

thread_local! {
    static TASKS: Tasks = Tasks::default();
}

/// Starts a request's task.
pub(super) fn begin(work: impl Future<Output = String> + 'static) -> Progress {
    TASKS.with(|tasks| {
        let progress = tasks.begin(work, now);
        tasks.run(finished);
        if let Progress::Waits(_) = progress {
            tasks.sweep(now(), forgotten);
        }
        progress
    })
}

/// Starts a background task, and runs all tasks that are ready.
pub(super) fn begin_in_background(work: impl Future<Output = String> + 'static) -> TaskId {
    TASKS.with(|tasks| {
        let task = tasks.spawn(work, now());
        tasks.run(finished);
        tasks.sweep(now(), forgotten);
        task
    })
}

/// Queues a background task.
pub(super) fn spawn(work: impl Future<Output = ()> + 'static) -> TaskId {
    let work = async {
        work.await;
        String::new()
    };
    TASKS.with(|tasks| tasks.spawn(work, now()))
}

/// Runs all tasks that are ready.
pub(super) fn run() {
    TASKS.with(|tasks| tasks.run(finished));
}

/// Whether there is memory for one more request to wait.
pub(super) fn has_room() -> bool {
    TASKS.with(Tasks::has_room)
}

/// How many requests wait for something.
pub(super) fn waiting() -> usize {
    TASKS.with(Tasks::waiting_requests)
}

/// The time. In Workers the clock stands still while code runs.
pub(super) fn now() -> UnixMillis {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clocks are past 1970")]
    let milliseconds = Date::now() as u64;
    UnixMillis(milliseconds)
}

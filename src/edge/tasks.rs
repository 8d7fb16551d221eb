//! Tasks: futures that wait for the platform and continue when it answers. A small executor, for three reasons:
//!
//! - Everything runs inside a call from outside ([`Tasks::run`]), which sees every panic and trap.
//! - A task can be dropped from outside ([`Tasks::sweep`]): workerd never resolves the promises of a cancelled request,
//!   so a task that only waits for one would stay in memory forever.
//! - Waiting tasks are counted, so that their number can be limited ([`Tasks::has_room`]).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::numbered::Numbered;
use crate::time::UnixMillis;

/// A request's task that has waited for this many milliseconds will never continue: it waits for another request's
/// flight and for its own, and for each half a minute at most.
const MAX_WAIT_MS: u64 = 120_000;

/// Maximum duration of a background task in milliseconds: as long as Cloudflare lets a scheduled one run.
const MAX_WORK_MS: u64 = 15 * 60_000;

/// Minimum time in milliseconds between two sweeps.
const SWEEP_EVERY_MS: u64 = 1000;

/// How many requests may wait. An isolate has 128 MB; a request with its head takes about 10 kB, but an attacker's
/// takes as much as the platform allows, 128 kB of headers.
const MAX_WAITING: usize = 1000;

/// Identifies a task. Numbers are reused only after billions of other tasks.
pub type TaskId = u32;

/// The tasks of one wasm instance: those that wait, and those that are ready to be polled.
#[derive(Default)]
pub struct Tasks {
    last: Cell<TaskId>,
    waiting: RefCell<Numbered<Task>>,
    waiting_requests: Cell<usize>,
    swept_at: Cell<Option<UnixMillis>>,
    ready: Arc<ReadyQueue>,
}

/// The tasks that are ready, in the order in which they were woken.
#[derive(Default)]
struct ReadyQueue(Mutex<VecDeque<TaskId>>);

type Work = Pin<Box<dyn Future<Output = String>>>;

struct Task {
    /// `None` while it runs.
    work: Option<Work>,
    since: UnixMillis,
    is_request: bool,
}

/// The state of a task after its first poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is done, with this result.
    Done(String),
    /// It waits, under this number.
    Waits(TaskId),
}

impl Tasks {
    /// Starts a request's task. `now` is called only if the task has to wait.
    pub fn begin(&self, work: impl Future<Output = String> + 'static, now: impl FnOnce() -> UnixMillis) -> Progress {
        let id = self.next_id();
        let mut work: Work = Box::pin(work);
        match self.poll(id, &mut work) {
            Poll::Ready(result) => Progress::Done(result),
            Poll::Pending => {
                self.park(id, Task { work: Some(work), since: now(), is_request: true });
                Progress::Waits(id)
            }
        }
    }

    /// Queues a background task.
    pub fn spawn(&self, work: impl Future<Output = String> + 'static, now: UnixMillis) -> TaskId {
        let id = self.next_id();
        self.park(id, Task { work: Some(Box::pin(work)), since: now, is_request: false });
        self.ready.push(id);
        id
    }

    /// Runs all tasks that are ready; `done` receives the result of each that ends.
    pub fn run(&self, done: impl Fn(TaskId, &str)) {
        while let Some(id) = self.ready.pop() {
            let work = self.waiting.borrow_mut().get_mut(id).and_then(|task| task.work.take());
            let Some(mut work) = work else { continue };
            match self.poll(id, &mut work) {
                Poll::Ready(result) => {
                    self.leave(id);
                    done(id, &result);
                }
                Poll::Pending => {
                    if let Some(task) = self.waiting.borrow_mut().get_mut(id) {
                        task.work = Some(work);
                    }
                }
            }
        }
    }

    /// Drops the tasks that have waited too long, and reports each to `gone`; at most once a second. A task that began
    /// ahead of the clock, because the clock was set back, counts as begun now.
    pub fn sweep(&self, now: UnixMillis, gone: impl Fn(TaskId)) {
        if self.swept_at.get().is_some_and(|at| (at..at.plus(SWEEP_EVERY_MS)).contains(&now)) {
            return;
        }
        self.swept_at.set(Some(now));
        let is_overdue = |task: &mut Task| {
            task.since = task.since.min(now);
            now.since(task.since) >= if task.is_request { MAX_WAIT_MS } else { MAX_WORK_MS }
        };
        let overdue: Vec<TaskId> =
            self.waiting.borrow_mut().iter_mut().filter_map(|(id, task)| is_overdue(task).then_some(*id)).collect();
        for id in overdue {
            self.leave(id);
            gone(id);
        }
    }

    /// Whether there is memory for one more request to wait.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.waiting_requests.get() < MAX_WAITING
    }

    /// How many requests wait, without the one that is going on right now.
    #[must_use]
    pub fn waiting_requests(&self) -> usize {
        self.waiting.borrow_mut().iter_mut().filter(|(_, task)| task.is_request && task.work.is_some()).count()
    }

    fn next_id(&self) -> TaskId {
        self.last.set(self.last.get().wrapping_add(1));
        self.last.get()
    }

    fn poll(&self, id: TaskId, work: &mut Work) -> Poll<String> {
        let waker = Waker::from(Arc::new(TaskWaker { id, queue: Arc::clone(&self.ready) }));
        work.as_mut().poll(&mut Context::from_waker(&waker))
    }

    fn park(&self, id: TaskId, task: Task) {
        self.waiting_requests.set(self.waiting_requests.get() + usize::from(task.is_request));
        self.waiting.borrow_mut().insert(id, task);
    }

    fn leave(&self, id: TaskId) {
        // The task is dropped when nothing is borrowed anymore: its drop may wake others.
        let task = self.waiting.borrow_mut().remove(id);
        let requests = usize::from(task.is_some_and(|task| task.is_request));
        self.waiting_requests.set(self.waiting_requests.get() - requests);
    }
}

/// Queues a task when it is woken.
struct TaskWaker {
    id: TaskId,
    queue: Arc<ReadyQueue>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.queue.push(self.id);
    }
}

impl ReadyQueue {
    fn push(&self, id: TaskId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(id);
    }

    fn pop(&self) -> Option<TaskId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use futures_channel::oneshot;

    use super::*;

    const START: UnixMillis = UnixMillis(0);

    /// A task that waits for the sender, and sets the counter when it is dropped.
    fn waits(drops: &Rc<Cell<u32>>) -> (oneshot::Sender<&'static str>, impl Future<Output = String> + 'static) {
        struct Tell(Rc<Cell<u32>>);
        impl Drop for Tell {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let tell = Tell(Rc::clone(drops));
        let (sender, receiver) = oneshot::channel();
        let work = async move {
            let _tell = tell;
            receiver.await.map_or_else(|_| "gone".to_owned(), str::to_owned)
        };
        (sender, work)
    }

    fn ended(tasks: &Tasks) -> Vec<(TaskId, String)> {
        let ended = RefCell::default();
        tasks.run(|id, result| Vec::push(&mut ended.borrow_mut(), (id, result.to_owned())));
        ended.into_inner()
    }

    #[test]
    fn what_waits_for_nothing_is_done_at_once() {
        assert_eq!(Tasks::default().begin(async { "x".to_owned() }, || START), Progress::Done("x".to_owned()));
    }

    #[test]
    fn a_task_goes_on_when_it_is_woken_and_only_then() {
        let (tasks, drops) = (Tasks::default(), Rc::default());
        let (one, work) = waits(&drops);
        assert_eq!(tasks.begin(work, || START), Progress::Waits(1));
        let (other, work) = waits(&drops);
        assert_eq!(tasks.begin(work, || START), Progress::Waits(2));
        assert_eq!(ended(&tasks), []);
        other.send("b").unwrap();
        assert_eq!(ended(&tasks), [(2, "b".to_owned())]);
        one.send("a").unwrap();
        assert_eq!(ended(&tasks), [(1, "a".to_owned())]);
        assert_eq!(drops.get(), 2);
    }

    #[test]
    fn a_background_task_begins_with_the_next_run() {
        let tasks = Tasks::default();
        let id = tasks.spawn(async { "done".to_owned() }, START);
        assert_eq!(ended(&tasks), [(id, "done".to_owned())]);
    }

    #[test]
    fn a_task_that_wakes_itself_goes_on() {
        let (tasks, polls) = (Tasks::default(), Cell::new(0));
        let work = std::future::poll_fn(move |context| {
            polls.set(polls.get() + 1);
            context.waker().wake_by_ref();
            if polls.get() < 3 { Poll::Pending } else { Poll::Ready(polls.get().to_string()) }
        });
        assert_eq!(tasks.begin(work, || START), Progress::Waits(1));
        assert_eq!(ended(&tasks), [(1, "3".to_owned())]);
    }

    #[test]
    fn what_waited_too_long_is_given_up_and_a_late_answer_finds_nobody() {
        let (tasks, drops, gone) = (Tasks::default(), Rc::default(), RefCell::new(Vec::new()));
        let (late, work) = waits(&drops);
        tasks.begin(work, || START);
        let (_background, work) = waits(&drops);
        tasks.spawn(work, START);
        assert_eq!(ended(&tasks), []);
        for (now, expected) in [
            (MAX_WAIT_MS - 1, 0),
            (MAX_WAIT_MS, 0), // swept a moment ago
            (MAX_WAIT_MS - 1 + SWEEP_EVERY_MS, 1),
            (MAX_WORK_MS - 1, 1),
            (MAX_WORK_MS + SWEEP_EVERY_MS, 2),
        ] {
            tasks.sweep(UnixMillis(now), |id| gone.borrow_mut().push(id));
            assert_eq!((drops.get() as usize, gone.borrow().len()), (expected, expected), "{now}");
        }
        assert_eq!(*gone.borrow(), [1, 2]);
        assert!(late.send("late").is_err());
        assert_eq!(ended(&tasks), []);
    }

    #[test]
    fn a_clock_that_goes_back_keeps_nothing_that_waited_too_long() {
        const AHEAD_MS: u64 = 3_600_000;
        let (tasks, drops) = (Tasks::default(), Rc::default());
        let (_request, work) = waits(&drops);
        tasks.begin(work, || UnixMillis(AHEAD_MS));
        let (_background, work) = waits(&drops);
        tasks.spawn(work, UnixMillis(AHEAD_MS));
        assert_eq!(ended(&tasks), []);
        for (now, expected) in [
            (AHEAD_MS, 0),
            (0, 0),
            (MAX_WAIT_MS - 1, 0),
            (MAX_WAIT_MS - 1 + SWEEP_EVERY_MS, 1),
            (MAX_WORK_MS - 1, 1),
            (MAX_WORK_MS - 1 + SWEEP_EVERY_MS, 2),
        ] {
            tasks.sweep(UnixMillis(now), |_| {});
            assert_eq!(drops.get(), expected, "{now}");
        }
    }

    #[test]
    fn what_waits_is_bounded_and_leaves_its_room_when_it_ends_or_is_given_up() {
        let (tasks, drops) = (Tasks::default(), Rc::default());
        let senders: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                assert!(tasks.has_room());
                let (sender, work) = waits(&drops);
                tasks.begin(work, || START);
                sender
            })
            .collect();
        assert!(!tasks.has_room());
        senders.into_iter().next().unwrap().send("x").unwrap(); // the others are dropped, which wakes as well
        assert!(!tasks.has_room());
        assert_eq!(ended(&tasks).len(), MAX_WAITING);
        assert!(tasks.has_room());
        assert_eq!(tasks.waiting_requests.get(), 0);

        let senders: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let (sender, work) = waits(&drops);
                tasks.spawn(async { "in the background".to_owned() }, START);
                tasks.begin(work, || START);
                sender
            })
            .collect();
        assert!(!tasks.has_room());
        assert_eq!(ended(&tasks).len(), MAX_WAITING);
        assert!(!tasks.has_room(), "background tasks do not count");
        drop(senders);
        tasks.sweep(UnixMillis(MAX_WAIT_MS), |_| {});
        assert!(tasks.has_room());
    }
}

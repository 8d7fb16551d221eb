//! Policies under random histories: requests, time, good and bad policies, a store that fails or forgets, new instances
//! and new isolates, in any order. A small model says what must hold after each step.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, missing_docs, reason = "a test that panics has failed")]

mod support;

use portcullis::platform::Runtime;
use portcullis::rollout::plan::{EMPTY_RETRY_MS, FAILURE_MS, FRESH_MS, MAX_STALE_MS, RETRY_MS};
use portcullis::rollout::{LAST_GOOD_KEY, POLICY_KEY};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use serde_json::json;
use support::World;
use support::isolate::Isolate;

/// The policies that are put: odd ones are wrong.
const POLICIES: usize = 6;

/// What a read of the store may take.
const SLACK_MS: u64 = 1000;

#[derive(Clone, Debug)]
enum Event {
    Request,
    /// Several at once.
    Burst,
    /// Milliseconds pass.
    Pass(u64),
    /// An operator puts a policy.
    Put(usize),
    /// The key is taken away.
    Delete,
    /// The store has lost everything.
    Lose,
    /// The store fails, or works again.
    Fail(bool),
    /// The store takes its time.
    Slow(u64),
    /// The cron.
    Scheduled,
    /// Another instance of the same isolate.
    Renew,
    /// Another isolate.
    Restart,
    /// The clock is set so many seconds ahead, or behind.
    Jump(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => Just(Event::Request),
        2 => Just(Event::Burst),
        6 => prop_oneof![0..2000_u64, 0..90_000_u64, 0..400_000_u64].prop_map(Event::Pass),
        3 => (0..POLICIES).prop_map(Event::Put),
        1 => Just(Event::Delete),
        1 => Just(Event::Lose),
        2 => any::<bool>().prop_map(Event::Fail),
        1 => (0..900_u64).prop_map(Event::Slow),
        1 => Just(Event::Scheduled),
        1 => Just(Event::Renew),
        1 => Just(Event::Restart),
        2 => prop_oneof![Just(0), -3600..=3600_i64].prop_map(Event::Jump),
    ]
}

fn text(policy: usize) -> String {
    let access = if policy.is_multiple_of(2) { "public" } else { "publik" };
    let name = policy.to_string();
    json!({"version": 1, "origin": "https://o", "routes": [{"path": "/", "access": access, "name": name}]}).to_string()
}

fn variable() -> String {
    text(100)
}

/// What anyone can know of the policies.
struct Model {
    world: World,
    isolate: Isolate,
    /// What the key holds, and since when.
    at_key: (Option<usize>, u64),
    /// Since when the store works, as far as anyone noticed.
    works_since: Option<u64>,
    /// When the clock was set last.
    jumped_at: u64,
    /// By how many seconds the clock is ahead of the time, or behind it.
    ahead: i64,
    /// By how many milliseconds the clock was set back since the last request. Where it has caught up by the next one, an
    /// isolate cannot know, and takes what it checked for so much younger.
    unnoticed_ms: u64,
    /// The good ones that ever were at the key.
    ever_good: Vec<usize>,
    elapsed: u64,
}

impl Model {
    fn new() -> Self {
        let world = World::new(&variable());
        let isolate = Isolate::new(Some(&variable()));
        let (now, ever_good) = (world.time_ms(), Vec::new());
        Self {
            world,
            isolate,
            at_key: (None, now),
            works_since: Some(now),
            jumped_at: now,
            ahead: 0,
            unnoticed_ms: 0,
            ever_good,
            elapsed: 0,
        }
    }

    fn now(&self) -> u64 {
        self.world.time_ms()
    }

    fn step(&mut self, event: &Event) {
        let before = self.now();
        match event {
            Event::Request => self.requests(1),
            Event::Burst => self.requests(4),
            Event::Pass(milliseconds) => {
                let (platform, milliseconds) = (self.world.platform(), u32::try_from(*milliseconds).unwrap());
                self.world.run(async move { platform.sleep(milliseconds).await });
            }
            Event::Put(policy) => {
                self.at_key = (Some(*policy), before);
                self.ever_good.extend(Some(*policy).filter(|policy| policy.is_multiple_of(2)));
                self.world.shared.policies.borrow_mut().insert(POLICY_KEY.to_owned(), text(*policy));
            }
            Event::Delete => {
                self.at_key = (None, before);
                self.world.shared.policies.borrow_mut().remove(POLICY_KEY);
            }
            Event::Lose => {
                self.at_key = (None, before);
                self.world.shared.policies.borrow_mut().clear();
            }
            Event::Fail(fails) => {
                self.world.shared.policies_fail.set(*fails);
                self.works_since = if *fails { None } else { self.works_since.or(Some(before)) };
            }
            Event::Slow(milliseconds) => self.world.shared.policies_reply_ms.set(*milliseconds),
            Event::Scheduled => {
                let (isolate, platform) = (self.isolate.clone(), self.world.platform());
                self.world.run(async move { isolate.check(&platform).await });
            }
            Event::Renew => self.isolate = Isolate::after(Some(&variable()), self.in_force().as_deref()),
            Event::Restart => self.isolate = Isolate::new(Some(&variable())),
            Event::Jump(ahead) => {
                self.world.set_ahead(*ahead);
                self.jumped_at = before;
                self.unnoticed_ms += u64::try_from(1000 * (self.ahead - ahead)).unwrap_or(0);
                self.ahead = *ahead;
            }
        }
        self.world.settle();
        self.elapsed += self.now() - before;
    }

    fn in_force(&self) -> Option<String> {
        self.isolate.rollout.in_force().map(|edition| edition.text().to_owned())
    }

    fn requests(&mut self, count: usize) {
        let (began, in_force) = (self.now(), self.in_force());
        let requests: Vec<_> = (0..count).map(|_| self.isolate.start(&self.world, "/", &[])).collect();
        for answer in self.world.run(futures_util::future::join_all(requests)) {
            self.check(&answer, began, in_force.as_deref());
        }
        self.unnoticed_ms = 0;
    }

    /// `in_force` is what was in force when the request began.
    fn check(&self, answer: &str, began: u64, in_force: Option<&str>) {
        let (at_key, since) = self.at_key;
        // By the isolate's clock: what that said before it was set counts for nothing.
        let had = |since: u64, time| began >= since.max(self.jumped_at) + time + self.unnoticed_ms + SLACK_MS;
        let had_time = |recovery, age| self.works_since.is_some_and(|works| had(works, recovery) && had(since, age));
        if answer == "none" {
            assert_eq!(in_force, None, "never without a policy once one was good");
            assert!(
                !had_time(EMPTY_RETRY_MS, 0) || at_key.is_some_and(|policy| policy % 2 == 1),
                "there is one to be had"
            );
            return;
        }
        let is_variable = answer == "100";
        assert!(
            is_variable || self.ever_good.contains(&answer.parse().unwrap()),
            "a policy that was never good: {answer}"
        );
        if let Some(policy) = at_key.filter(|policy| policy.is_multiple_of(2)) {
            let is_current = answer == policy.to_string();
            assert!(
                is_current || !had_time(FAILURE_MS, MAX_STALE_MS),
                "{policy} is at the key since {since}, {answer} decides"
            );
            assert!(is_current || in_force.is_some() || self.works_since.is_none(), "a first request reads");
        }
        if is_variable && in_force != Some(variable().as_str()) {
            let never_kept = !self.world.shared.policies.borrow().contains_key(LAST_GOOD_KEY);
            assert!(never_kept && self.works_since.is_some(), "the variable comes back");
        }
    }

    /// One read per minute, ten seconds or second and for each start; a good policy is compared with what is kept.
    fn most_reads(&self, steps: usize) -> usize {
        let looks = usize::try_from(self.elapsed / RETRY_MS.min(FRESH_MS) + 1).unwrap() + steps * 4;
        looks * 3
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_invariants_hold_over_any_history(events in proptest::collection::vec(event(), 1..60)) {
        let mut model = Model::new();
        for (steps, event) in events.iter().enumerate() {
            model.step(event);
            let reads = model.world.shared.policy_reads.get();
            assert!(reads <= model.most_reads(steps + 1), "{reads} reads in {} ms", model.elapsed);
        }
        let count = |what: fn(&Event) -> bool| events.iter().filter(|event| what(event)).count();
        let puts = count(|event| matches!(event, Event::Put(policy) if policy % 2 == 1));
        let starts = count(|event| matches!(event, Event::Restart | Event::Renew));
        let lines = model.world.shared.log.borrow().iter().filter(|line| line.contains("is rejected")).count();
        assert!(lines <= puts + starts, "a bad policy is logged once: {lines}");
    }
}

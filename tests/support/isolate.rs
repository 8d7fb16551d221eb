//! An isolate whose policy is in a store, as the edge runs one.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use portcullis::decision::Decision;
use portcullis::platform::Runtime;
use portcullis::request::Request;
use portcullis::rollout::plan::PolicyAction;
use portcullis::rollout::{Edition, Rollout};
use portcullis::route::url::Url;

use super::world::Platform;
use super::{World, outcome};

#[derive(Clone)]
pub struct Isolate {
    pub rollout: Rc<Rollout<Platform>>,
    /// The text of the policy that was told last.
    told: Rc<RefCell<Option<String>>>,
}

impl Isolate {
    pub fn new(variable: Option<&str>) -> Self {
        Self::after(variable, None)
    }

    /// An instance that follows one in which this policy was in force.
    pub fn after(variable: Option<&str>, kept: Option<&str>) -> Self {
        let rollout = Rollout::new(variable.map(str::to_owned), kept.map(str::to_owned));
        Self { rollout: Rc::new(rollout), told: Rc::default() }
    }

    pub fn get(&self, world: &mut World, path: &str, headers: &[(&str, &str)]) -> String {
        let request = self.start(world, path, headers);
        world.run(request)
    }

    /// The name of the route that a request takes, else its status and code.
    pub fn start(&self, world: &World, path: &str, headers: &[(&str, &str)]) -> impl Future<Output = String> + use<> {
        let (isolate, platform, path) = (self.clone(), world.platform(), path.to_owned());
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        async move {
            match isolate.rollout.plan(platform.now()) {
                PolicyAction::Use => {}
                PolicyAction::Check => isolate.check(&platform).await,
                PolicyAction::UseAndCheck => {
                    let (isolate, in_background) = (isolate.clone(), platform.clone());
                    platform.spawn(async move { isolate.check(&in_background).await });
                }
            }
            let Some(edition) = isolate.rollout.in_force() else { return "none".to_owned() };
            assert_eq!(isolate.told.borrow().as_deref(), Some(edition.text()), "told before it decides");
            let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let url = format!("https://api.example.com{path}");
            let request = Request { method: "GET", url: Url::split(&url), headers };
            let gateway = edition.gateway(&platform).await.unwrap();
            gateway.decide(&request, &platform, |decision, _, _| route_or_refusal(&decision)).await
        }
    }

    pub async fn check(&self, platform: &Platform) {
        let tell = |edition: Option<&Rc<Edition<_>>>, _| {
            // Who is told asks for the candidate too, which judges beside this edition or not at all.
            drop(self.rollout.candidate());
            *self.told.borrow_mut() = edition.map(|edition| edition.text().to_owned());
        };
        self.rollout.check(platform, tell).await;
    }
}

fn route_or_refusal(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Allow(forward) => forward.route.to_string(),
        _ => outcome(decision),
    }
}

//! Documents of one scheduled run: what several issuers have in common is fetched once.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use futures_channel::oneshot;

use crate::platform::{Fault, Fetch, Fetched, Get};

/// The platform's documents, each fetched once. For the issuers of one run only: they all end with its event, so one
/// may wait for what another started.
pub(super) struct SharedFetch<'p, F> {
    fetch: &'p F,
    /// The URLs that several issuers name. Their cached copies can differ, so these are fetched without an entity tag.
    common: HashSet<&'p str>,
    documents: RefCell<HashMap<(String, Option<String>), Document>>,
}

type Outcome = Result<Fetched, Fault>;

/// A document by its URL and the entity tag that was sent.
enum Document {
    /// It is being fetched, and these wait for it.
    Pending(Vec<oneshot::Sender<Outcome>>),
    Done(Outcome),
}

/// What there is to do for a document.
enum Turn {
    Fetch,
    Wait(oneshot::Receiver<Outcome>),
}

impl<'p, F: Fetch> SharedFetch<'p, F> {
    pub(super) fn new(fetch: &'p F, common: HashSet<&'p str>) -> Self {
        Self { fetch, common, documents: RefCell::default() }
    }

    /// Takes the document if it is there.
    fn turn(&self, key: &(String, Option<String>)) -> Result<Outcome, Turn> {
        let mut documents = self.documents.borrow_mut();
        match documents.get_mut(key) {
            Some(Document::Done(outcome)) => Ok(outcome.clone()),
            Some(Document::Pending(waiting)) => {
                let (sender, receiver) = oneshot::channel();
                waiting.push(sender);
                Err(Turn::Wait(receiver))
            }
            None => {
                documents.insert(key.clone(), Document::Pending(Vec::new()));
                Err(Turn::Fetch)
            }
        }
    }
}

impl<F: Fetch> Fetch for SharedFetch<'_, F> {
    async fn get(&self, request: Get<'_>) -> Outcome {
        let etag = request.etag.filter(|_| !self.common.contains(request.url));
        let key = (request.url.to_owned(), etag.map(str::to_owned));
        match self.turn(&key) {
            Ok(outcome) => outcome,
            Err(Turn::Wait(receiver)) => {
                receiver.await.unwrap_or_else(|_| Err(Fault("the fetch was abandoned".to_owned())))
            }
            Err(Turn::Fetch) => {
                let outcome = match self.fetch.get(Get { etag, ..request }).await {
                    Ok(Fetched::NotModified { .. }) if etag.is_none() => {
                        Err(Fault("304 without a conditional request".to_owned()))
                    }
                    outcome => outcome,
                };
                let done = Document::Done(outcome.clone());
                if let Some(Document::Pending(waiting)) = self.documents.borrow_mut().insert(key, done) {
                    for waits in waiting {
                        // An issuer that no longer waits needs nothing.
                        let _ = waits.send(outcome.clone());
                    }
                }
                outcome
            }
        }
    }
}

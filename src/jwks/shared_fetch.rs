//! Documents of issuers. What several issuers have in common is fetched once in a scheduled run.

use std::cell::RefCell;

use futures_channel::oneshot;

use crate::platform::{Fault, Fetch, Fetched, Get};

/// The platform's documents; in a scheduled run, each is fetched once. (One type for both, so that the code that asks
/// issuers is there once.)
pub(super) struct Documents<'p, F> {
    pub(super) fetch: &'p F,
    pub(super) run: Option<&'p Run<'p>>,
}

/// What one scheduled run has fetched. Its issuers all end with its event, so one may wait for what another started.
pub(super) struct Run<'p> {
    /// The URLs that several issuers name, and the longest of their timeouts. Their cached copies can differ, so these are
    /// fetched without an entity tag.
    common: Vec<(&'p str, u32)>,
    /// By URL and entity tag; as few as a run may fetch.
    documents: RefCell<Vec<(Key, Document)>>,
}

type Key = (String, Option<String>);
type Outcome = Result<Fetched, Fault>;

/// A document of a run.
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

impl<'p> Run<'p> {
    pub(super) fn new(common: Vec<(&'p str, u32)>) -> Self {
        Self { common, documents: RefCell::default() }
    }

    /// Takes the document if it is there.
    fn turn(&self, key: &Key) -> Result<Outcome, Turn> {
        let mut documents = self.documents.borrow_mut();
        match documents.iter_mut().find(|(known, _)| known == key).map(|(_, document)| document) {
            Some(Document::Done(outcome)) => Ok(outcome.clone()),
            Some(Document::Pending(waiting)) => {
                let (sender, receiver) = oneshot::channel();
                waiting.push(sender);
                Err(Turn::Wait(receiver))
            }
            None => {
                documents.push((key.clone(), Document::Pending(Vec::new())));
                Err(Turn::Fetch)
            }
        }
    }

    /// Keeps a document, and passes it on to those that wait for it.
    fn finish(&self, key: &Key, outcome: &Outcome) {
        let mut documents = self.documents.borrow_mut();
        let Some((_, document)) = documents.iter_mut().find(|(known, _)| known == key) else { return };
        if let Document::Pending(waiting) = std::mem::replace(document, Document::Done(outcome.clone())) {
            for waits in waiting {
                // An issuer that no longer waits needs nothing.
                let _ = waits.send(outcome.clone());
            }
        }
    }
}

impl<F: Fetch> Fetch for Documents<'_, F> {
    async fn get(&self, request: Get<'_>) -> Outcome {
        let Some(run) = self.run else { return self.fetch.get(request).await };
        let common = run.common.iter().find(|(url, _)| *url == request.url);
        let etag = request.etag.filter(|_| common.is_none());
        let timeout_ms = common.map_or(request.timeout_ms, |(_, timeout_ms)| *timeout_ms);
        let key = (request.url.to_owned(), etag.map(str::to_owned));
        match run.turn(&key) {
            Ok(outcome) => outcome,
            Err(Turn::Wait(receiver)) => {
                receiver.await.unwrap_or_else(|_| Err(Fault("the fetch was abandoned".to_owned())))
            }
            Err(Turn::Fetch) => {
                let outcome = match self.fetch.get(Get { etag, timeout_ms, ..request }).await {
                    Ok(Fetched::NotModified { .. }) if etag.is_none() => {
                        Err(Fault("304 without a conditional request".to_owned()))
                    }
                    outcome => outcome,
                };
                run.finish(&key, &outcome);
                outcome
            }
        }
    }
}

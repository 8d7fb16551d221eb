//! Calls that JavaScript answers later. A call holds no JavaScript object: when the future that waits for it is
//! dropped, nothing remains, and an answer that still arrives is discarded.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use wasm_bindgen::JsValue;

use super::numbered::Numbered;
use crate::platform::Fault;

thread_local! {
    static CALLS: RefCell<Calls> = RefCell::default();
}

#[derive(Default)]
struct Calls {
    last: u32,
    open: Numbered<CallState>,
}

enum CallState {
    Asked(Option<Waker>),
    Answered(Result<JsValue, Fault>),
}

/// A call in progress. Its output is the answer, or the error's message.
pub(super) struct Call(u32);

impl Call {
    /// Makes a call. `ask` receives the number under which JavaScript answers, and must not wait for the answer.
    pub(super) fn make(ask: impl FnOnce(u32)) -> Self {
        let id = CALLS.with_borrow_mut(|calls| {
            calls.last = calls.last.wrapping_add(1);
            calls.open.insert(calls.last, CallState::Asked(None));
            calls.last
        });
        let call = Self(id);
        ask(id);
        call
    }
}

/// Passes an answer to the task that waits for it.
pub(super) fn answer(id: u32, answer: Result<JsValue, Fault>) {
    let known = CALLS.with_borrow_mut(|calls| {
        calls.open.get_mut(id).map(|state| std::mem::replace(state, CallState::Answered(answer)))
    });
    if let Some(CallState::Asked(Some(waker))) = known {
        waker.wake();
    }
}

impl Future for Call {
    type Output = Result<JsValue, Fault>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        CALLS.with_borrow_mut(|calls| match calls.open.remove(self.0) {
            Some(CallState::Answered(answer)) => Poll::Ready(answer),
            _ => {
                calls.open.insert(self.0, CallState::Asked(Some(context.waker().clone())));
                Poll::Pending
            }
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // The removed state may be a waker, whose drop may drop a task and its calls: not while the table is borrowed.
        let _state = CALLS.with_borrow_mut(|calls| calls.open.remove(self.0));
    }
}

//! Faults on demand, for tests of what happens when an instance breaks. Only a build with the feature `faults` has
//! this; it is never deployed.

use crate::platform::Runtime;
use crate::request::Request;

pub(super) const HEADER: &str = "x-fault";

/// Does what the header `x-fault` says: `panic`, `memory` or `stack`; with ` later`, after an await.
pub(super) async fn strike(request: &Request<'_>, runtime: &impl Runtime) {
    let Some(fault) = request.header(HEADER) else { return };
    let (fault, when) = fault.split_once(' ').unwrap_or((fault, "now"));
    if when == "later" {
        runtime.sleep(20).await;
    }
    match fault {
        "panic" => panic(request),
        "memory" => exhaust_memory(),
        "stack" => drop(exhaust_stack(u64::MAX)),
        _ => {}
    }
}

/// Panics where a request might be forwarded by a grant, if its URL contains the header's name.
#[expect(clippy::panic, reason = "that is what it is for")]
pub(super) fn strike_again(url: &str) {
    if url.contains(HEADER) {
        panic!("as the URL asked");
    }
}

/// Exhausts memory for a policy that contains the header's name.
pub(super) fn strike_at(policy: Option<&str>) {
    if policy.is_some_and(|text| text.contains(HEADER)) {
        exhaust_memory();
    }
}

#[expect(clippy::panic, reason = "that is what it is for")]
fn panic(request: &Request<'_>) {
    panic!("as {:?} asked", request.header("authorization"));
}

/// Ends in a trap without a panic: there is no memory left to report one.
fn exhaust_memory() {
    // wasm32 has 4 GiB of addresses.
    let held: [Vec<u8>; 3] = std::array::from_fn(|_| Vec::with_capacity(isize::MAX.unsigned_abs()));
    std::hint::black_box(held);
}

/// Ends in a JavaScript error, since wasm runs on JavaScript's stack.
fn exhaust_stack(depth: u64) -> [u64; 64] {
    let mut frame = std::hint::black_box([depth; 64]);
    if depth > 0 {
        frame = exhaust_stack(std::hint::black_box(depth - 1));
    }
    std::hint::black_box(frame)
}

//! What goes wrong, and when: planned by a test for the n-th request that matches.

use std::sync::Arc;

use tokio::sync::watch;

use super::audit::Call;

/// Which request something is planned for: the n-th, counted from the planning on, of those that match.
#[derive(Debug, Clone)]
pub struct When {
    nth: u64,
    account: Option<String>,
    method: Option<String>,
    path: Option<String>,
}

impl When {
    /// The n-th request, counted from 1.
    pub fn nth(nth: u64) -> Self {
        Self {
            nth,
            account: None,
            method: None,
            path: None,
        }
    }

    /// The next request with this method and path. In the path `*` stands for anything.
    pub fn next(method: &str, path: &str) -> Self {
        Self::nth(1).method(method).path(path)
    }

    /// Only requests of this account count.
    #[must_use]
    pub fn of(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// Only requests with this method count.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only requests with this path count; `*` stands for anything.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    fn matches(&self, call: &Call) -> bool {
        self.account
            .as_ref()
            .is_none_or(|account| *account == call.account)
            && self.method.as_ref().is_none_or(|method| *method == call.method)
            && self.path.as_ref().is_none_or(|path| fits(path, &call.path))
    }
}

/// Does a text fit a pattern in which `*` stands for anything?
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection is cut before anything happens.
    LostRequest,
    /// It is carried out, and the connection is cut before the answer.
    LostReply,
    /// It is refused with a status, and not carried out.
    Refused {
        /// 400 to 599.
        code: u16,
        /// Sent as `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// It is carried out, and answered with an error all the same.
    AppliedAndRefused {
        /// 400 to 599.
        code: u16,
    },
    /// It waits at a gate before it is carried out. A client that is gone when the gate opens is not served.
    HeldBefore(Gate),
    /// It is carried out, and its answer waits at a gate.
    HeldAfter(Gate),
}

/// Where a request waits. The test is told when it is there; a gate that is never opened is the end of whoever asked.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<Sides>);

#[derive(Debug, Default)]
struct Sides {
    reached: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

impl Gate {
    /// A closed one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until a request stands before it.
    pub async fn reached(&self) {
        let mut reached = self.0.reached.subscribe();
        // The sender lives as long as this gate does.
        let _there = reached.wait_for(|there| *there).await;
    }

    /// Does a request stand before it, or has one passed?
    pub fn is_reached(&self) -> bool {
        *self.0.reached.borrow()
    }

    /// Opens it for good.
    pub fn open(&self) {
        self.0.open.send_replace(true);
    }

    pub(super) async fn pass(&self) {
        self.0.reached.send_replace(true);
        let mut open = self.0.open.subscribe();
        let _opened = open.wait_for(|open| *open).await;
    }
}

/// What is planned.
pub(super) struct Plan {
    when: When,
    fault: Fault,
    counted: u64,
}

impl Plan {
    pub(super) fn new(when: When, fault: Fault) -> Self {
        Self {
            when,
            fault,
            counted: 0,
        }
    }
}

/// What is planned for a request. Each plan strikes once; of several for one request the first does.
pub(super) fn strike(plans: &mut Vec<Plan>, call: &Call) -> Option<Fault> {
    let mut struck = None;
    for (at, plan) in plans.iter_mut().enumerate() {
        if plan.when.matches(call) {
            plan.counted += 1;
            if plan.counted >= plan.when.nth && struck.is_none() {
                struck = Some(at);
            }
        }
    }
    struck.map(|at| plans.remove(at).fault)
}

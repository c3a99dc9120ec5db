//! What a test does to the cluster and asks of it, past the API.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::audit::Call;
use super::fault::{Fault, Plan, When};
use super::kind::Kind;
use super::object::{has, set, text};
use super::request::TOKEN;
use super::rights::Rule;
use super::state::State;
use super::store::{Change, Key};
use super::{Cluster, Forgotten, server};
use crate::clock::StepClock;

/// The server on a socket, for as long as this is kept.
pub struct Listening {
    /// Where it listens, on loopback.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listening {
    /// A kubeconfig of an account.
    pub fn kubeconfig(&self, account: &str) -> String {
        kubeconfig(&format!("http://{}", self.address), account)
    }
}

/// A kubeconfig of an account for a server at some address, with the namespace `shop`.
pub fn kubeconfig(server: &str, account: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{ "name": "c", "cluster": { "server": server } }],
        "users": [{ "name": "u", "user": { "token": format!("{TOKEN}{account}") } }],
        "contexts": [{ "name": "test", "context": { "cluster": "c", "user": "u", "namespace": "shop" } }],
    })
    .to_string()
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new()
    }
}

/// The kind that a test names.
///
/// # Panics
/// When there is none.
pub(super) fn kind(named: &str) -> &'static Kind {
    Kind::named(named).unwrap_or_else(|| panic!("the cluster has no kind {named}"))
}

impl Cluster {
    /// A cluster with the namespaces that every cluster has.
    pub fn new() -> Self {
        let clock = StepClock::fixed();
        let cluster = Self {
            state: Arc::new(Mutex::new(State::new(clock.clone()))),
            clock,
        };
        for namespace in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            cluster.add_namespace(namespace);
        }
        cluster
    }

    /// The clock that everything in it goes by.
    pub fn clock(&self) -> StepClock {
        self.clock.clone()
    }

    /// A client of an account, over a pipe in memory. It repeats nothing by itself.
    pub fn client(&self, account: &str) -> kube::Client {
        server::client(self, account)
    }

    /// Serves other processes on a socket; a bearer token is `token-of:` and the name of an account.
    ///
    /// # Panics
    /// When loopback cannot be listened on.
    pub async fn listen(&self) -> Listening {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        Listening {
            address,
            task: tokio::spawn(server::listen(listener, self.clone())),
        }
    }

    /// Lets time pass, and nothing else happen.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.state().store.tell();
    }

    /// Puts an object there as it is, with its status, or changes the one that is there, as kubelets and controllers
    /// do. A namespace that it needs is made. Returns it as it is stored.
    ///
    /// # Panics
    /// When the cluster has no such kind, or the server would refuse the object.
    pub fn put(&self, object: &Value) -> Value {
        let kind = Kind::of(text(object, "/apiVersion"), text(object, "/kind"));
        let kind = kind.unwrap_or_else(|| panic!("the cluster has no kind of {object}"));
        let mut object = object.clone();
        if kind.namespaced && !has(&object, "/metadata/namespace") {
            set(&mut object, "/metadata/namespace", "default");
        }
        let key = Key::of(kind, &object);
        self.add_namespace(&key.namespace);
        let mut state = self.state();
        let mut stored = match state.store.get(&key) {
            Some(_) => object,
            None => {
                let made = state.store.create(kind, &key.namespace, &object, false);
                let mut made = made.unwrap_or_else(|refused| panic!("put {}: {}", key.name, refused.message));
                match object.get("status") {
                    Some(status) => set(&mut made, "/status", status.clone()),
                    None => return made,
                }
                made
            }
        };
        if let Some(old) = state.store.get(&key) {
            for field in ["uid", "creationTimestamp", "generation"] {
                let path = format!("/metadata/{field}");
                super::object::copy(&mut stored, old, &path);
            }
        }
        state.store.commit(&key, Some(stored))
    }

    fn add_namespace(&self, name: &str) {
        let key = Key::new(kind("namespaces"), "", name);
        let mut state = self.state();
        if !name.is_empty() && state.store.get(&key).is_none() {
            let object = json!({ "metadata": { "name": name } });
            let made = state.store.create(key.kind, "", &object, false);
            made.unwrap_or_else(|refused| panic!("namespace {name}: {}", refused.message));
        }
    }

    /// An object as it is; none when it is not there. The kind by its plural: `deployments`, `events.events.k8s.io`.
    pub fn get(&self, named: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = Key::new(kind(named), namespace, name);
        self.state().store.get(&key).cloned()
    }

    /// The objects of a kind, of all namespaces, by namespace and name.
    pub fn all(&self, named: &str) -> Vec<Value> {
        let objects = self.state().store.all(kind(named), None);
        objects.iter().map(|(_, object)| Value::clone(object)).collect()
    }

    /// Changes an object past all rules, as a controller of the cluster does: `edit` is given it to change.
    ///
    /// # Panics
    /// When it is not there.
    pub fn edit(&self, named: &str, namespace: &str, name: &str, edit: impl FnOnce(&mut Value)) -> Value {
        let key = Key::new(kind(named), namespace, name);
        let mut state = self.state();
        let mut object = state.store.get(&key).cloned();
        let object = object
            .as_mut()
            .unwrap_or_else(|| panic!("there is no {named} {namespace}/{name}"));
        edit(object);
        state.store.commit(&key, Some(object.clone()))
    }

    /// Takes an object away at once, past finalizers and grace.
    pub fn vanish(&self, named: &str, namespace: &str, name: &str) {
        let key = Key::new(kind(named), namespace, name);
        let mut state = self.state();
        if state.store.get(&key).is_some() {
            state.store.commit(&key, None);
        }
    }

    /// Every request so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The requests of an account.
    pub fn calls_of(&self, account: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.account == account);
        calls
    }

    /// The requests that asked to change something of a resource, `deployments` with all its subresources, and were
    /// carried out.
    pub fn writes_to(&self, plural: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| {
            call.is_write() && call.applied && call.resource.split('/').next() == Some(plural)
        });
        calls
    }

    /// Every change of every object of a kind so far, in order.
    pub fn changes(&self, named: &str) -> Vec<Change> {
        self.state().store.changes(0, kind(named)).cloned().collect()
    }

    /// Every state that an object had, in order, over all objects that had its name.
    pub fn states(&self, named: &str, namespace: &str, name: &str) -> Vec<Value> {
        let key = Key::new(kind(named), namespace, name);
        let changes = self.changes(named).into_iter();
        let changes = changes.filter(|change| change.key == key);
        changes.map(|change| Value::clone(&change.object)).collect()
    }

    /// Plans a fault for a request to come.
    pub fn plan(&self, when: When, fault: Fault) {
        self.state().plans.push(Plan::new(when, fault));
    }

    /// How many of the planned faults have not struck.
    pub fn planned(&self) -> usize {
        self.state().plans.len()
    }

    /// Cuts every watch of a kind.
    pub fn cut_watches(&self, named: &str) {
        let mut state = self.state();
        state.watches.cut(kind(named));
        state.store.tell();
    }

    /// Holds the events of a kind back from watches, those to come and those that are not delivered yet: caches get
    /// stale.
    pub fn hold_watches(&self, named: &str) {
        let mut state = self.state();
        let revision = state.store.revision();
        state.watches.hold(kind(named), revision);
    }

    /// Lets watches of a kind have what was held back.
    pub fn release_watches(&self, named: &str) {
        let mut state = self.state();
        state.watches.release(kind(named));
        state.store.tell();
    }

    /// Sends a bookmark to every watch that takes bookmarks.
    pub fn send_bookmarks(&self) {
        let mut state = self.state();
        state.watches.mark();
        state.store.tell();
    }

    /// Forgets every version but the newest: watches and pages that begin earlier are told so.
    pub fn forget(&self, how: Forgotten) {
        let mut state = self.state();
        state.store.horizon = state.store.revision();
        state.watches.forgotten = how;
    }

    /// From now on an account may do no more than this. Requests and reviews go by it.
    pub fn restrict(&self, account: &str, rules: Vec<Rule>) {
        self.state().rights.restrict(account, rules);
    }

    /// From now on an account may not do this, whatever else it may do. Requests and reviews go by it.
    pub fn deny(&self, account: &str, rule: Rule) {
        self.state().rights.deny(account, rule);
    }

    /// Adds to the log of a pod, which need not be there yet.
    pub fn write_log(&self, namespace: &str, pod: &str, text: &str) {
        let mut state = self.state();
        state.logs.add(namespace, pod, text);
        state.store.tell();
    }

    /// What an eviction that a budget refuses is told to wait, in seconds: 10 where nothing is said, 0 for no word of
    /// it.
    pub fn evictions_retry_after(&self, seconds: u64) {
        self.state().eviction_retry = seconds;
    }
}

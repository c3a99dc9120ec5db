//! One request from its arrival to its answer.

use axum::body::Body;
use hyper::Response;
use serde_json::Value;

use super::Cluster;
use super::audit::Call;
use super::delete::Deletion;
use super::fault::{self, Fault};
use super::patch::patched;
use super::read::metadata_of;
use super::refused::Refused;
use super::request::{Asked, Place};
use super::rights;
use super::server::{Answer, Cut};
use super::state::State;
use super::store::Key;
use super::watch::Watching;
use super::write::{Part, check_same};

impl Cluster {
    /// Answers a request, with whatever is planned to go wrong.
    ///
    /// # Errors
    /// When the connection is to be cut.
    pub(super) async fn handle(&self, asked: Asked) -> Result<Response<Body>, Cut> {
        let place = Place::read(&asked.path);
        let (number, fault) = self.arrived(&asked, place.as_ref());
        match &fault {
            Some(Fault::LostRequest) => return Err(Cut),
            Some(Fault::HeldBefore(gate)) => gate.pass().await,
            Some(Fault::Refused { code, retry_after }) => {
                let mut refused = Refused::of_code(*code);
                if let Some(seconds) = retry_after {
                    refused = refused.after(*seconds);
                }
                return Ok(self.answered(number, Err(refused), false));
            }
            _ => {}
        }
        let answer = self.apply(&asked, place.as_ref());
        match fault {
            Some(Fault::LostReply) => {
                drop(self.answered(number, answer, true));
                self.state().called(number).status = None;
                Err(Cut)
            }
            Some(Fault::AppliedAndRefused { code }) => {
                let refused = Err(Refused::of_code(code));
                Ok(self.answered(number, refused, answer.is_ok()))
            }
            Some(Fault::HeldAfter(gate)) => {
                let response = self.answered(number, answer, true);
                gate.pass().await;
                Ok(response)
            }
            _ => Ok(self.answered(number, answer, true)),
        }
    }

    /// Writes a request down, and looks up what is planned for it.
    fn arrived(&self, asked: &Asked, place: Option<&Place>) -> (u64, Option<Fault>) {
        let mut state = self.state();
        let number = state.calls.len() as u64 + 1;
        let call = written_down(number, asked, place);
        let fault = fault::strike(&mut state.plans, &call);
        state.calls.push(call);
        (number, fault)
    }

    fn answered(&self, number: u64, answer: Result<Answer, Refused>, applied: bool) -> Response<Body> {
        let applied = applied && answer.is_ok();
        let response = Answer::of(answer);
        let mut state = self.state();
        let call = state.called(number);
        call.status = Some(response.status().as_u16());
        call.applied = applied;
        response
    }

    /// Carries a request out, whole.
    fn apply(&self, asked: &Asked, place: Option<&Place>) -> Result<Answer, Refused> {
        let Some(account) = &asked.account else {
            return Err(Refused::of_code(401));
        };
        let mut state = self.state();
        let Some(place) = place else {
            return state.elsewhere(asked, account);
        };
        state.rights.check(account, asked, place)?;
        if place.verb(asked) == "watch" {
            let watching = Watching::begin(self, &state, place, asked)?;
            return Ok(Answer::Stream(watching.into_body()));
        }
        if let (Some("log"), Some(key)) = (place.subresource.as_deref(), place.key())
            && place.kind.plural == "pods"
        {
            return super::log::answer(self, &state, asked, &key);
        }
        let answer = state.answer(asked, place)?;
        Ok(match answer {
            Answer::Json(code, object) if asked.wants_metadata() && object.get("items").is_none() => {
                Answer::Json(code, metadata_of(&object))
            }
            answer @ (Answer::Json(..) | Answer::Text(_) | Answer::Stream(_)) => answer,
        })
    }
}

impl State {
    pub(super) fn called(&mut self, number: u64) -> &mut Call {
        let at = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        self.calls.get_mut(at).expect("every number is of a call")
    }

    fn answer(&mut self, asked: &Asked, place: &Place) -> Result<Answer, Refused> {
        let dry = asked.is_dry();
        let Some(key) = place.key() else {
            return self.collection(asked, place, dry);
        };
        let part = match (place.subresource.as_deref(), place.kind.plural) {
            (None, _) => Part::Main,
            (Some("status"), _) if place.kind.status => Part::Status,
            (Some("scale"), "deployments") => return super::scale::answer(&mut self.store, asked, &key),
            (Some("eviction"), "pods") => return self.evict(asked, &key),
            (Some(_), _) => return Err(Refused::of_code(404)),
        };
        match asked.method.as_str() {
            "GET" => Ok(Answer::Json(200, self.store.found(&key)?.clone())),
            "PUT" => {
                let body = asked.json()?;
                Ok(Answer::Json(200, self.store.replace(&key, &body, part, dry)?))
            }
            "PATCH" => self.patch(asked, &key, part, dry),
            "DELETE" if part == Part::Main => {
                let mut how = Deletion::read(&asked.json()?);
                how.dry |= dry;
                Ok(Answer::Json(200, self.store.delete(&key, &how)?))
            }
            _ => Err(not_allowed()),
        }
    }

    fn collection(&mut self, asked: &Asked, place: &Place, dry: bool) -> Result<Answer, Refused> {
        match asked.method.as_str() {
            "GET" => Ok(Answer::Json(200, self.store.list(place, asked)?)),
            "POST" if place.namespace.is_some() || !place.kind.namespaced => {
                let namespace = place.namespace.as_deref().unwrap_or_default();
                let object = self.store.create(place.kind, namespace, &asked.json()?, dry)?;
                Ok(Answer::Json(201, object))
            }
            _ => Err(not_allowed()),
        }
    }

    fn patch(&mut self, asked: &Asked, key: &Key, part: Part, dry: bool) -> Result<Answer, Refused> {
        let applies = asked.content_type.starts_with("application/apply-patch");
        if applies && self.store.get(key).is_none() && part == Part::Main {
            let body = asked.json()?;
            let object = self.store.create(key.kind, &key.namespace, &body, dry)?;
            return Ok(Answer::Json(201, object));
        }
        let old = self.store.found(key)?;
        let new = patched(key.kind, old, &asked.content_type, &asked.body)?;
        check_same(key, old, &new)?;
        Ok(Answer::Json(200, self.store.write(key, new, part, dry)?))
    }

    /// What is no collection of objects.
    fn elsewhere(&mut self, asked: &Asked, account: &str) -> Result<Answer, Refused> {
        if rights::is_review(&asked.path) && asked.method == "POST" {
            return Ok(Answer::Json(201, self.rights.review(account, &asked.json()?)));
        }
        match asked.path.as_str() {
            "/apis/authentication.k8s.io/v1/tokenreviews" if asked.method == "POST" => {
                Ok(Answer::Json(201, rights::token_review(&asked.json()?)))
            }
            "/version" => Ok(Answer::Json(
                200,
                serde_json::json!({
                    "major": "1", "minor": "33", "gitVersion": "v1.33.0", "gitCommit": "", "gitTreeState": "clean",
                    "buildDate": "", "goVersion": "", "compiler": "gc", "platform": "linux/amd64",
                }),
            )),
            "/healthz" | "/livez" | "/readyz" => Ok(Answer::Text("ok".to_owned())),
            _ => Err(Refused::of_code(404)),
        }
    }
}

fn not_allowed() -> Refused {
    let message = "the server does not allow this method on the requested resource";
    Refused::new(405, "MethodNotAllowed", message)
}

fn written_down(number: u64, asked: &Asked, place: Option<&Place>) -> Call {
    let of = |text: Option<&String>| text.cloned().unwrap_or_default();
    Call {
        number,
        account: asked.account.clone().unwrap_or_default(),
        agent: asked.agent.clone(),
        method: asked.method.clone(),
        path: asked.path.clone(),
        query: asked.query.clone(),
        body: serde_json::from_slice(&asked.body).unwrap_or(Value::Null),
        verb: place.map_or("unknown", |place| place.verb(asked)).to_owned(),
        group: place
            .map_or(group_of(&asked.path), |place| place.kind.group)
            .to_owned(),
        resource: place.map(Place::resource).unwrap_or_default(),
        namespace: of(place.and_then(|place| place.namespace.as_ref())),
        name: of(place.and_then(|place| place.name.as_ref())),
        dry_run: asked.is_dry(),
        status: None,
        applied: false,
    }
}

/// The group that a path names.
fn group_of(path: &str) -> &str {
    let rest = path.strip_prefix("/apis/").unwrap_or_default();
    rest.split('/').next().unwrap_or_default()
}

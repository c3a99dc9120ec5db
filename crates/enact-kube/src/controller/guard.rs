//! Who may read the metrics, where the operator wants it asked: whose bearer token the API server knows (`TokenReview`), and who may
//! `get` the path `/metrics` (`SubjectAccessReview`). Without an answer nobody may.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::Semaphore;

/// How many are asked about at once: whoever sends tokens must not keep the API server busy.
const MOST_ASKED: usize = 4;

/// The longest token, in bytes.
const MOST_TOKEN: usize = 8 * 1024;

/// How long both answers may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the API server about whoever wants the metrics.
pub(super) struct Guard {
    client: Client,
    asking: Semaphore,
}

/// Why somebody is not given the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// No token, or none that the cluster knows.
    #[error("a bearer token of this cluster is needed")]
    Unknown,
    /// The token is of somebody who may not.
    #[error("this account may not get /metrics")]
    Forbidden,
    /// Too many ask, or the API server does not answer.
    #[error("whether this may be read cannot be found out now; try again")]
    Unanswered,
}

impl Refused {
    /// The status code.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Unknown => 401,
            Self::Forbidden => 403,
            Self::Unanswered => 503,
        }
    }
}

impl Guard {
    /// One that asks with this client.
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            asking: Semaphore::new(MOST_ASKED),
        }
    }

    /// May whoever sent these headers read the metrics?
    ///
    /// # Errors
    /// Why not.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let token = bearer(headers).ok_or(Refused::Unknown)?;
        let _turn = self.asking.try_acquire().map_err(|_| Refused::Unanswered)?;
        let asked = tokio::time::timeout(PATIENCE, self.ask(token)).await;
        asked.unwrap_or(Err(Refused::Unanswered))
    }

    async fn ask(&self, token: &str) -> Result<(), Refused> {
        let user = self.user(token).await?.ok_or(Refused::Unknown)?;
        if self.may(user).await? {
            Ok(())
        } else {
            Err(Refused::Forbidden)
        }
    }

    /// Whose token it is.
    async fn user(&self, token: &str) -> Result<Option<UserInfo>, Refused> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: Some(token.to_owned()),
                ..TokenReviewSpec::default()
            },
            ..TokenReview::default()
        };
        let api: Api<TokenReview> = Api::all(self.client.clone());
        let answer = api.create(&PostParams::default(), &review).await;
        let status = answer
            .map_err(|error| unanswered(&error))?
            .status
            .unwrap_or_default();
        Ok(status.user.filter(|_| status.authenticated == Some(true)))
    }

    async fn may(&self, user: UserInfo) -> Result<bool, Refused> {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: user.username,
                groups: user.groups,
                uid: user.uid,
                extra: user.extra,
                non_resource_attributes: Some(NonResourceAttributes {
                    path: Some("/metrics".to_owned()),
                    verb: Some("get".to_owned()),
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = api.create(&PostParams::default(), &review).await;
        let status = answer.map_err(|error| unanswered(&error))?.status;
        Ok(status.is_some_and(|status| status.allowed && status.denied != Some(true)))
    }
}

/// The token stays out of the log.
fn unanswered(error: &kube::Error) -> Refused {
    let why = crate::catalog::describe(error);
    tracing::warn!(why, "who may read the metrics cannot be asked; nobody may");
    Refused::Unanswered
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let is_token = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= MOST_TOKEN;
    is_token.then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use enact_testkit::cluster::{Cluster, Fault, Gate, Rule, When};

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        headers
    }

    fn guarded() -> (Cluster, Guard) {
        let cluster = Cluster::new();
        cluster.restrict("scraper", vec![Rule::new("", "/metrics", &["get"])]);
        cluster.restrict("nobody", Vec::new());
        let guard = Guard::new(cluster.client("kubernetes-executor"));
        (cluster, guard)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_may_get_the_path_reads_the_metrics_and_nobody_else_does() {
        let (cluster, guard) = guarded();
        let cases = [
            ("Bearer token-of:scraper", Ok(())),
            ("bearer token-of:scraper", Ok(())),
            ("Bearer token-of:nobody", Err(Refused::Forbidden)),
            ("Bearer made-up", Err(Refused::Unknown)),
            ("Bearer ", Err(Refused::Unknown)),
            ("Basic token-of:scraper", Err(Refused::Unknown)),
        ];
        for (value, expected) in cases {
            assert_eq!(guard.admit(&headers(value)).await, expected, "{value}");
        }
        assert_eq!(guard.admit(&HeaderMap::new()).await, Err(Refused::Unknown));
        let long = format!("Bearer {}", "x".repeat(MOST_TOKEN + 1));
        let before = cluster.calls().len();
        assert_eq!(guard.admit(&headers(&long)).await, Err(Refused::Unknown));
        assert_eq!(cluster.calls().len(), before, "nobody was asked about it");
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_answer_nobody_may() {
        for path in ["*tokenreviews", "*subjectaccessreviews"] {
            for fault in [
                Fault::LostRequest,
                Fault::LostReply,
                Fault::Refused {
                    code: 403,
                    retry_after: None,
                },
                Fault::HeldBefore(Gate::new()),
            ] {
                let (cluster, guard) = guarded();
                cluster.plan(When::next("POST", path), fault);
                let refused = guard.admit(&headers("Bearer token-of:scraper")).await;
                assert_eq!(refused, Err(Refused::Unanswered), "{path}");
                assert_eq!(cluster.planned(), 0);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_at_once_do_not_keep_the_api_server_busy() {
        let (cluster, guard) = guarded();
        for _ in 0..MOST_ASKED {
            cluster.plan(
                When::next("POST", "*tokenreviews"),
                Fault::HeldBefore(Gate::new()),
            );
        }
        let headers = headers("Bearer token-of:scraper");
        let asked: Vec<_> = (0..20).map(|_| guard.admit(&headers)).collect();
        let answers = futures_util::future::join_all(asked).await;
        assert!(answers.iter().all(|answer| *answer == Err(Refused::Unanswered)));
        assert_eq!(cluster.calls().len(), MOST_ASKED);
        assert_eq!(guard.admit(&headers).await, Ok(()), "afterwards it is as before");
    }
}

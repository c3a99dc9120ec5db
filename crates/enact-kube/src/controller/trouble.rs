//! What goes wrong between controller and API server, by what to do about it.

use std::time::Duration;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Somebody else wrote first. Everything is decided again on what is there now.
    #[error("somebody else wrote first")]
    Conflict,
    /// The server is not there, or has too much to do; it is asked again, after this long where it said so.
    #[error("the API server: {message}")]
    Passing {
        /// In words.
        message: String,
        /// How long the server wants to be left alone.
        after: Option<Duration>,
    },
    /// The server says no, and will say it again.
    #[error("{message} ({code})")]
    Refused {
        /// The status code.
        code: u16,
        /// In words.
        message: String,
    },
    /// It is not there.
    #[error("it is not there")]
    Gone,
}

impl Trouble {
    /// An error of the client.
    pub fn of(error: &kube::Error) -> Self {
        let kube::Error::Api(status) = error else {
            return Self::Passing {
                message: crate::catalog::describe(error),
                after: None,
            };
        };
        let message = status.message.clone();
        match status.code {
            404 => Self::Gone,
            409 if status.reason == "AlreadyExists" => Self::Refused { code: 409, message },
            409 => Self::Conflict,
            408 | 429 | 500 | 502 | 503 | 504 => {
                let seconds = status
                    .details
                    .as_ref()
                    .map_or(0, |details| details.retry_after_seconds);
                Self::Passing {
                    message,
                    after: (seconds > 0).then(|| Duration::from_secs(u64::from(seconds))),
                }
            }
            code => Self::Refused { code, message },
        }
    }
}

impl From<kube::Error> for Trouble {
    fn from(error: kube::Error) -> Self {
        Self::of(&error)
    }
}

//! Where requests go: a base URL taken apart by the HTTP client's own parser, so that what is checked is what is used.

use reqwest::Url;

/// Why a text is no base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It cannot be read as an absolute URL with a host.
    #[error("{url:?} is not a URL: {problem}")]
    NotAUrl {
        /// What was given.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// It names a user, perhaps with a password, so the text is not repeated.
    #[error("the URL names a user; a token is the only credential")]
    User,
    /// It goes on after the path.
    #[error("{url:?} holds a query or a fragment; a base URL is scheme, host and path")]
    Rest {
        /// What was given.
        url: String,
    },
}

/// A base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The URL in its normal form, without a final slash: `https://eu.api.konghq.com`.
    pub url: String,
    /// The host alone, in lower case; IPv6 addresses without brackets.
    pub host: String,
    /// Is it `https`?
    pub is_secure: bool,
    /// Is it plain `http`?
    pub is_plain: bool,
}

impl Endpoint {
    /// Takes a base URL apart.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let not_a_url = |problem: String| EndpointError::NotAUrl {
            url: text.to_owned(),
            problem,
        };
        let url = Url::parse(text).map_err(|error| not_a_url(error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::User);
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| not_a_url("it has no host".to_owned()))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Rest { url: text.to_owned() });
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            is_secure: url.scheme() == "https",
            is_plain: url.scheme() == "http",
            url: url.as_str().trim_end_matches('/').to_owned(),
        })
    }

    /// Is it this machine, which no network lies in between?
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(url: &str) -> String {
        Endpoint::parse(url).unwrap().host
    }

    #[test]
    fn the_host_is_what_the_request_goes_to() {
        assert_eq!(host("https://eu.api.konghq.com/v3"), "eu.api.konghq.com");
        assert_eq!(host("https://EU.api.konghq.com:443/"), "eu.api.konghq.com");
        assert_eq!(host("https://evil.example\\@eu.api.konghq.com"), "evil.example");
        assert_eq!(host("http://[::1]:8080/x"), "::1");
        assert_eq!(
            Endpoint::parse("https://eu.api.konghq.com@evil.example/"),
            Err(EndpointError::User)
        );
    }

    #[test]
    fn one_place_has_one_form() {
        let form = |url: &str| Endpoint::parse(url).unwrap().url;
        assert_eq!(
            form("HTTPS://EU.api.konghq.com:443//"),
            "https://eu.api.konghq.com"
        );
        assert_eq!(form("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(
            form("https://example.com/konnect/"),
            "https://example.com/konnect"
        );
    }

    #[test]
    fn loopback_is_this_machine_only() {
        let loopback = |url: &str| Endpoint::parse(url).unwrap().is_loopback();
        for url in [
            "http://127.0.0.1",
            "http://[::1]:9",
            "http://localhost:1",
            "http://127.9.9.9",
        ] {
            assert!(loopback(url), "{url}");
        }
        for url in [
            "http://10.0.0.1",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
        ] {
            assert!(!loopback(url), "{url}");
        }
    }
}

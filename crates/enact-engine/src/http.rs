//! Where HTTP clients are built, and how their errors read. Domains share it: one TLS stack, the same bounds.

use std::time::Duration;

/// The one place where HTTP clients are built: bounds on time, no redirects, one TLS provider.
///
/// # Errors
/// When the TLS configuration cannot be built; in words.
pub fn http_client(url: &str, timeout: Duration, no_proxy: bool) -> Result<reqwest::Client, String> {
    // Fails only when somebody installed a provider before; then that one serves.
    install_tls();
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10).min(timeout))
        .timeout(timeout)
        .user_agent(concat!("enact/", env!("CARGO_PKG_VERSION")));
    if no_proxy {
        builder = builder.no_proxy();
    }
    if url.starts_with("http://") {
        // Without TLS there is no need to read the machine's certificates, which takes a while.
        builder = builder.tls_certs_only(std::iter::empty());
    }
    builder.build().map_err(|error| chain(&error))
}

/// Makes ring the one provider of TLS in this process. Whoever is second finds it done.
pub fn install_tls() {
    let _installed = rustls::crypto::ring::default_provider().install_default();
}

/// An error with its causes, without the URL, which could hold what does not belong in a message.
pub fn chain(error: &reqwest::Error) -> String {
    use std::error::Error as _;
    let mut text = if error.is_timeout() {
        "the time ran out".to_owned()
    } else {
        String::new()
    };
    let mut cause = error.source();
    while let Some(error) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if text.is_empty() {
        "the connection failed".to_owned()
    } else {
        text
    }
}

//! Connecting to Konnect: which host, with which token; the local Konnect in this process where that is wanted.

use std::time::Duration;

use clap::Args;
use enact_core::plan::Target;
use enact_core::secret::Secret;
use enact_engine::retry::RetryPolicy;
use enact_konnect::auth::Credentials;
use enact_konnect::client::{Client, ClientOptions};
use enact_konnect::local::RunningKonnect;

use crate::config::Settings;
use crate::error::CommandError;
use crate::state;

/// Regions of Konnect.
const REGIONS: [&str; 6] = ["us", "eu", "au", "me", "in", "sg"];

/// Requests under way at once, unless somebody says otherwise.
const CONCURRENCY: usize = 10;

/// Which Konnect to talk to.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Konnect")]
pub(crate) struct KonnectFlags {
    /// `local` for the Konnect built into enact, a region (us, eu, au, me, in, sg), or a URL
    #[arg(long, value_name = "TARGET")]
    pub(crate) konnect: Option<String>,
    /// The region [env: ENACT_KONNECT_REGION, KONGCTL_DEFAULT_KONNECT_REGION]
    #[arg(long, value_name = "REGION", conflicts_with = "konnect")]
    pub(crate) region: Option<String>,
    /// The API's URL
    #[arg(long, value_name = "URL", conflicts_with_all = ["konnect", "region"])]
    pub(crate) base_url: Option<String>,
    /// A host outside of Konnect that may be sent the token; repeatable
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_host: Vec<String>,
    /// The most requests under way at once, 1 to 200 [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=200))]
    pub(crate) max_concurrency: Option<u16>,
    /// Seconds that one request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) http_timeout: u64,
}

impl KonnectFlags {
    /// The flags that name the target, to be repeated in advice: ` --konnect local`; empty when they were not used.
    pub(crate) fn as_arguments(&self) -> String {
        let named = [
            ("konnect", &self.konnect),
            ("region", &self.region),
            ("base-url", &self.base_url),
        ];
        let given = named
            .iter()
            .filter_map(|(flag, value)| Some(format!(" --{flag} {}", value.as_ref()?)));
        given.collect()
    }
}

/// A connection, and the local server behind it where there is one.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// What plans made over this connection are for; the organisation is filled in when it is known.
    pub(crate) target: Target,
    _local: Option<RunningKonnect>,
}

/// Where to connect.
enum Place {
    Local,
    Url(String),
}

/// Connects. No request is sent yet.
pub(crate) async fn connect(settings: &Settings, flags: &KonnectFlags) -> Result<Connection, CommandError> {
    match place(settings, flags)? {
        Place::Local => connect_local(settings, flags).await,
        Place::Url(url) => {
            check_host(&url, settings, flags)?;
            let credentials = credentials(settings)?;
            let target = target(&url, region_of(&url));
            Ok(Connection {
                client: client(&url, flags, settings, credentials)?,
                target,
                _local: None,
            })
        }
    }
}

/// What a plan made here is for, without connecting: for checks that must send no request.
pub(crate) fn planned_target(settings: &Settings, flags: &KonnectFlags) -> Result<Target, CommandError> {
    Ok(match place(settings, flags)? {
        Place::Local => target("local", None),
        Place::Url(url) => target(&url, region_of(&url)),
    })
}

fn target(base_url: &str, region: Option<String>) -> Target {
    Target {
        kind: "konnect".to_owned(),
        base_url: Some(base_url.to_owned()),
        context: None,
        organization: None,
        region,
    }
}

async fn connect_local(settings: &Settings, flags: &KonnectFlags) -> Result<Connection, CommandError> {
    state::prepare(&settings.state_dir)?;
    let database = settings.state_dir.join("konnect-local.db");
    let server = enact_konnect::local::spawn(
        &database,
        std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        enact_konnect::local::LocalOptions::default(),
    )
    .await
    .map_err(|error| CommandError::from_error(enact_core::exit::ExitCode::Failed, &error))?;
    let credentials = Credentials::token(Secret::new("local".to_owned()));
    let client = client(&server.base_url(), flags, settings, credentials)?;
    Ok(Connection {
        client,
        target: target("local", None),
        _local: Some(server),
    })
}

fn client(
    base_url: &str,
    flags: &KonnectFlags,
    settings: &Settings,
    credentials: Credentials,
) -> Result<Client, CommandError> {
    let concurrency = flags
        .max_concurrency
        .map(usize::from)
        .or(settings.profile.max_concurrency);
    let options = ClientOptions {
        base_url: base_url.to_owned(),
        concurrency: concurrency.unwrap_or(CONCURRENCY).clamp(1, 200),
        timeout: Duration::from_secs(flags.http_timeout),
        retry: RetryPolicy::default(),
        no_proxy: is_loopback(host_of(base_url)),
    };
    Client::new(options, credentials)
        .map_err(|error| CommandError::from_error(enact_core::exit::ExitCode::Failed, &error))
}

fn credentials(settings: &Settings) -> Result<Credentials, CommandError> {
    if let Some(token) = settings.token() {
        return Ok(Credentials::token(token));
    }
    let file = settings.token_file()?;
    Credentials::stored(file).map_err(|error| {
        CommandError::from_error(enact_core::exit::ExitCode::InvalidInput, &error)
            .hint("log in with `enact login`, or set ENACT_KONNECT_TOKEN to a personal access token")
            .hint("to try without an account: --konnect local")
    })
}

/// Flag, environment, profile; never a silent default.
fn place(settings: &Settings, flags: &KonnectFlags) -> Result<Place, CommandError> {
    let environment = &settings.environment;
    let named = flags
        .konnect
        .clone()
        .or_else(|| flags.base_url.clone())
        .or_else(|| flags.region.clone())
        .or_else(|| environment.get("ENACT_KONNECT").map(ToOwned::to_owned))
        .or_else(|| settings.profile.base_url.clone())
        .or_else(|| settings.region());
    match named.as_deref() {
        Some("local") => Ok(Place::Local),
        Some(region) if REGIONS.contains(&region) => {
            Ok(Place::Url(format!("https://{region}.api.konghq.com")))
        }
        Some(url) if url.contains("://") => Ok(Place::Url(url.trim_end_matches('/').to_owned())),
        Some(other) => Err(CommandError::invalid(format!(
            "{other:?} is neither `local`, a region nor a URL"
        ))
        .hint(format!("regions: {}", REGIONS.join(", ")))),
        None => Err(CommandError::invalid("no Konnect is named")
            .hint("to try without an account: --konnect local")
            .hint(
                "for Konnect: --region eu (or us, au, me, in, sg), or `region` in a profile of enact.toml",
            )),
    }
}

/// A token goes to Konnect over TLS, to this machine, or where somebody said it may.
fn check_host(url: &str, settings: &Settings, flags: &KonnectFlags) -> Result<(), CommandError> {
    let host = host_of(url);
    let konnect = ["konghq.com", "konghq.tech"]
        .iter()
        .any(|domain| host == *domain || host.ends_with(&format!(".{domain}")));
    let allowed = flags
        .allow_host
        .iter()
        .chain(&settings.profile.allow_hosts)
        .any(|name| name == host);
    let secure = url.starts_with("https://");
    if is_loopback(host) || (secure && (konnect || allowed)) {
        return Ok(());
    }
    let refused = CommandError::invalid(format!("the token is not sent to {url}"));
    Err(if secure {
        refused.hint(format!(
            "{host} is not a host of Konnect; to trust it: --allow-host {host}"
        ))
    } else {
        refused.hint("use https://; plain http is for loopback addresses only")
    })
}

/// The host of a URL, without user, port and path.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn region_of(url: &str) -> Option<String> {
    let region = host_of(url).strip_suffix(".api.konghq.com")?;
    Some(region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_what_the_request_goes_to() {
        assert_eq!(host_of("https://eu.api.konghq.com/v3"), "eu.api.konghq.com");
        assert_eq!(host_of("https://eu.api.konghq.com@evil.example/"), "evil.example");
        assert_eq!(host_of("http://[::1]:8080/x"), "::1");
        assert!(is_loopback("127.0.0.1") && is_loopback("::1") && !is_loopback("10.0.0.1"));
    }
}

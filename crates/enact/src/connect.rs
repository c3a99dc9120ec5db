//! Connecting to Konnect: which host, with which token; the local Konnect in this process where that is wanted.

use std::time::Duration;

use clap::Args;
use enact_core::plan::Target;
use enact_core::secret::Secret;
use enact_engine::retry::RetryPolicy;
use enact_konnect::auth::Credentials;
use enact_konnect::client::{Client, ClientOptions};
use enact_konnect::endpoint::{Endpoint, EndpointError};
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
    Url(Endpoint),
}

/// Connects. No request is sent yet.
pub(crate) async fn connect(settings: &Settings, flags: &KonnectFlags) -> Result<Connection, CommandError> {
    match place(settings, flags)? {
        Place::Local => connect_local(settings, flags).await,
        Place::Url(endpoint) => {
            check_host(&endpoint, settings, flags)?;
            let credentials = credentials(settings)?;
            let target = target(&endpoint.url, region_of(&endpoint));
            Ok(Connection {
                client: client(&endpoint, flags, settings, credentials)?,
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
        Place::Url(endpoint) => target(&endpoint.url, region_of(&endpoint)),
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
    let endpoint = Endpoint::parse(&server.base_url()).map_err(wrong_url)?;
    let client = client(&endpoint, flags, settings, credentials)?;
    Ok(Connection {
        client,
        target: target("local", None),
        _local: Some(server),
    })
}

fn client(
    endpoint: &Endpoint,
    flags: &KonnectFlags,
    settings: &Settings,
    credentials: Credentials,
) -> Result<Client, CommandError> {
    let concurrency = flags
        .max_concurrency
        .map(usize::from)
        .or(settings.profile.max_concurrency);
    let options = ClientOptions {
        base_url: endpoint.url.clone(),
        concurrency: concurrency.unwrap_or(CONCURRENCY).clamp(1, 200),
        timeout: Duration::from_secs(flags.http_timeout),
        retry: RetryPolicy::default(),
        no_proxy: endpoint.is_loopback(),
    };
    Client::new(options, credentials)
        .map_err(|error| CommandError::from_error(enact_core::exit::ExitCode::Failed, &error))
}

fn credentials(settings: &Settings) -> Result<Credentials, CommandError> {
    if let Some(token) = settings.token() {
        check_token(&token)?;
        return Ok(Credentials::token(token));
    }
    let file = settings.token_file()?;
    Credentials::stored(file).map_err(|error| {
        CommandError::from_error(enact_core::exit::ExitCode::InvalidInput, &error)
            .hint("log in with `enact login`, or set ENACT_KONNECT_TOKEN to a personal access token")
            .hint("to try without an account: --konnect local")
    })
}

/// Connects to where an approved plan says, unless another place is named: whoever approved it has agreed to that one.
pub(crate) async fn connect_as_planned(
    settings: &Settings,
    flags: &KonnectFlags,
    planned: &Target,
) -> Result<Connection, CommandError> {
    let mut flags = flags.clone();
    if named(settings, &flags).is_none() {
        flags.konnect.clone_from(&planned.base_url);
    }
    connect(settings, &flags).await
}

/// Flag, environment, profile.
fn named(settings: &Settings, flags: &KonnectFlags) -> Option<String> {
    let environment = &settings.environment;
    flags
        .konnect
        .clone()
        .or_else(|| flags.base_url.clone())
        .or_else(|| flags.region.clone())
        .or_else(|| environment.get("ENACT_KONNECT").map(ToOwned::to_owned))
        .or_else(|| settings.profile.base_url.clone())
        .or_else(|| settings.region())
}

/// What is named; never a silent default.
fn place(settings: &Settings, flags: &KonnectFlags) -> Result<Place, CommandError> {
    match named(settings, flags).as_deref() {
        Some("local") => Ok(Place::Local),
        Some(region) if REGIONS.contains(&region) => {
            let url = format!("https://{region}.api.konghq.com");
            Endpoint::parse(&url).map(Place::Url).map_err(wrong_url)
        }
        Some(url) if url.contains("://") => Endpoint::parse(url).map(Place::Url).map_err(wrong_url),
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

/// A token goes into a header, so what no header can hold is found before any request.
fn check_token(token: &Secret<String>) -> Result<(), CommandError> {
    if token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(
        CommandError::invalid("the token holds characters that no HTTP header can hold").hint(
            "it must be one line: check ENACT_KONNECT_TOKEN, or the variable of kongctl that is used instead",
        ),
    )
}

fn wrong_url(error: EndpointError) -> CommandError {
    let refused = CommandError::from_error(enact_core::exit::ExitCode::InvalidInput, &error);
    match error {
        EndpointError::User => refused.hint("leave the user out, and give a token in ENACT_KONNECT_TOKEN"),
        EndpointError::NotAUrl { .. } | EndpointError::Rest { .. } => {
            refused.hint("a base URL looks like https://eu.api.konghq.com")
        }
    }
}

/// A token goes to Konnect over TLS, to this machine, or where somebody said it may.
fn check_host(endpoint: &Endpoint, settings: &Settings, flags: &KonnectFlags) -> Result<(), CommandError> {
    let host = endpoint.host.as_str();
    let konnect = ["konghq.com", "konghq.tech"]
        .iter()
        .any(|domain| host == *domain || host.ends_with(&format!(".{domain}")));
    let allowed = flags
        .allow_host
        .iter()
        .chain(&settings.profile.allow_hosts)
        .any(|name| name == host);
    let http = endpoint.is_secure || endpoint.is_plain;
    if (http && endpoint.is_loopback()) || (endpoint.is_secure && (konnect || allowed)) {
        return Ok(());
    }
    let refused = CommandError::invalid(format!("the token is not sent to {}", endpoint.url));
    Err(if endpoint.is_secure {
        refused.hint(format!(
            "{host} is not a host of Konnect; to trust it: --allow-host {host}"
        ))
    } else {
        refused.hint("use https://; plain http is for loopback addresses only")
    })
}

fn region_of(endpoint: &Endpoint) -> Option<String> {
    let region = endpoint.host.strip_suffix(".api.konghq.com")?;
    Some(region.to_owned())
}

//! `enact login` and `enact logout`: the device login of Konnect.

use clap::Args;
use enact_core::exit::ExitCode;
use enact_konnect::auth::{AuthError, CLIENT_ID, DeviceLogin, LOGIN_URL, forget};
use enact_konnect::endpoint::Endpoint;

use super::Context;
use crate::error::{CommandError, CommandResult};
use crate::views;

/// Log in to Kong Konnect with a browser
#[derive(Debug, Args)]
#[command(
    after_help = "Shows an address and a code; confirm them in any browser, on any machine. The token is kept in a
file that only you can read, one per profile, and refreshes itself.
Without a browser: a personal access token in ENACT_KONNECT_TOKEN.

Example:
  enact login"
)]
pub(crate) struct LoginArgs {
    /// Former name of the product; not needed any more
    #[arg(hide = true, value_parser = ["konnect"])]
    product: Option<String>,
}

/// Forget the stored login
#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {}

pub(crate) async fn run(context: &Context, args: LoginArgs) -> CommandResult {
    if args.product.is_some() {
        views::say("warning: `enact login konnect` is deprecated; use `enact login`\n");
    }
    let settings = &context.settings;
    let url = settings
        .environment
        .get("ENACT_LOGIN_URL")
        .or(settings.profile.login_url.as_deref())
        .unwrap_or(LOGIN_URL);
    let url = login_url(url)?;
    let client_id = settings.profile.login_client_id.as_deref().unwrap_or(CLIENT_ID);
    let path = settings.token_file()?;
    let login = DeviceLogin::new(&url, client_id).map_err(|error| failed(&error))?;
    let code = login.begin().await.map_err(|error| failed(&error))?;
    views::say(&format!(
        "Open this address in a browser and confirm the code:\n\n  {}\n  code: {}\n\nIt is valid for {} minutes. Waiting...\n",
        code.verification_uri_complete,
        code.user_code,
        code.expires_in / 60
    ));
    login.wait(&code, &path).await.map_err(|error| failed(&error))?;
    views::say(&format!("Logged in. The token is kept in {}.\n", path.display()));
    Ok(ExitCode::Ok)
}

/// A token that comes over plain http is anybody's, so that is for this machine only.
fn login_url(text: &str) -> Result<String, CommandError> {
    let endpoint =
        Endpoint::parse(text).map_err(|error| CommandError::from_error(ExitCode::InvalidInput, &error))?;
    if endpoint.is_secure || (endpoint.is_plain && endpoint.is_loopback()) {
        return Ok(endpoint.url);
    }
    Err(CommandError::invalid(format!("no login at {}", endpoint.url))
        .hint("use https://; plain http is for loopback addresses only"))
}

fn failed(error: &AuthError) -> CommandError {
    let failed = CommandError::from_error(ExitCode::Failed, error);
    match error {
        AuthError::NotConfirmed(_) => failed.hint("start again with `enact login`"),
        AuthError::NotStored { .. } => failed.hint("name another directory with ENACT_CONFIG_DIR"),
        AuthError::Server { .. } | AuthError::Missing { .. } | AuthError::Unreadable { .. } => {
            failed.hint("a personal access token in ENACT_KONNECT_TOKEN works without a login")
        }
    }
}

pub(crate) fn logout(context: &Context, _args: &LogoutArgs) -> CommandResult {
    let path = context.settings.token_file()?;
    let had = forget(&path).map_err(|error| failed(&error))?;
    views::say(if had {
        "Logged out: the stored token is deleted.\n"
    } else {
        "Nobody was logged in.\n"
    });
    Ok(ExitCode::Ok)
}

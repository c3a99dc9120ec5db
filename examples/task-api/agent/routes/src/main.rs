use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use task_api::routes::Api;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("--version") {
        println!("task-api {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let secret = std::env::var("TASK_API_SECRET").unwrap_or_default();
    if secret.len() < 32 {
        eprintln!("task-api: TASK_API_SECRET needs at least 32 bytes");
        return ExitCode::FAILURE;
    }
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listening = TcpListener::bind(format!("127.0.0.1:{port}"))
        .and_then(|listener| listener.local_addr().map(|address| (listener, address)));
    let (listener, address) = match listening {
        Ok(listening) => listening,
        Err(fault) => {
            eprintln!("task-api: cannot listen on port {port}: {fault}");
            return ExitCode::FAILURE;
        }
    };
    println!("listening on http://{address}");
    task_api::server::serve(&listener, Arc::new(Api::new(secret)));
    ExitCode::SUCCESS
}

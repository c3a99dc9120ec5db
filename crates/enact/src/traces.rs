//! Spans of the controller, sent to a collector by OTLP over HTTP, as JSON. Nothing waits for the collector: what it does not take
//! is dropped after a bounded queue is full.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use crate::error::CommandError;

/// How long a request to the collector may take.
const REQUEST: Duration = Duration::from_secs(5);

/// How long the last spans may take when the process ends.
const LAST: Duration = Duration::from_secs(5);

/// The longest answer of a collector that is read, in bytes.
const MOST_ANSWER: usize = 64 * 1024;

/// What sends spans; when it goes, the last ones are sent.
pub(crate) struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        // Spans that the collector did not take are lost; that is no reason to fail.
        drop(self.0.shutdown_with_timeout(LAST));
    }
}

impl Traces {
    /// Sends spans to a collector, `http://collector:4318`, from within tokio.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) fn to(endpoint: &str) -> Result<Self, CommandError> {
        let unusable = |why: &dyn std::fmt::Display| {
            CommandError::invalid(format!("--otlp-endpoint {endpoint:?}: {why}"))
                .hint("write the collector's address for OTLP over HTTP, such as http://collector:4318")
        };
        if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
            return Err(unusable(&"it does not begin with http:// or https://"));
        }
        let client =
            enact_engine::http::http_client(endpoint, REQUEST, false).map_err(|why| unusable(&why))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_http_client(Sending {
                client,
                runtime: tokio::runtime::Handle::current(),
            })
            .build()
            .map_err(|why| unusable(&why))?;
        let resource = Resource::builder_empty()
            .with_service_name("kubernetes-executor")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        Ok(Self(provider))
    }

    /// What makes spans of tracing's.
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.0.tracer("enact")
    }
}

/// The one HTTP client of the program, as the exporter wants it. The exporter has a thread of its own, outside of tokio.
#[derive(Debug)]
struct Sending {
    client: reqwest::Client,
    runtime: tokio::runtime::Handle,
}

#[async_trait::async_trait]
impl HttpClient for Sending {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let mut answer = client.execute(request).await?;
            let status = answer.status();
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                body.extend_from_slice(&chunk);
                if body.len() > MOST_ANSWER {
                    break;
                }
            }
            Ok::<_, reqwest::Error>((status, body))
        });
        let (status, body) = sent.await??;
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        Ok(response)
    }
}

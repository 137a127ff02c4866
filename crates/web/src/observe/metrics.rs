//! The metrics of limen: one registry, which other crates add theirs to, and the HTTP metrics of the contract.

use axum::response::Response;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::reply;

type Labels<const N: usize> = [(&'static str, String); N];
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// The registry and the metrics of HTTP requests.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Labels<3>, Counter>,
    durations: Histograms<3>,
    response_times: Histograms<1>,
    request_sizes: Histograms<2>,
    response_sizes: Histograms<2>,
    statuses: Family<Labels<2>, Counter>,
}

/// One finished request.
pub(super) struct Seen<'a> {
    pub(super) method: &'static str,
    pub(super) endpoint: &'a str,
    pub(super) status: u16,
    pub(super) seconds: f64,
    pub(super) request_size: f64,
    pub(super) response_size: f64,
}

impl Metrics {
    /// A registry whose metrics all carry `labels`, such as the name and version of the program.
    pub fn new(labels: &[(&'static str, &str)]) -> Self {
        let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).to_owned().into()));
        let mut registry = Registry::with_labels(labels);
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(seconds),
            response_times: Family::new_with_constructor(seconds),
            request_sizes: Family::new_with_constructor(bytes),
            response_sizes: Family::new_with_constructor(bytes),
            statuses: Family::default(),
            registry: Mutex::new(Registry::default()),
        };
        // The encoder adds `_total` to counters.
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register(
            "http_requests_duration_seconds",
            "Time to answer, by status, method and route",
            metrics.durations.clone(),
        );
        registry.register("http_response_time_seconds", "Time to answer, by route", metrics.response_times.clone());
        registry.register(
            "http_requests_size_bytes",
            "Announced size of request bodies",
            metrics.request_sizes.clone(),
        );
        registry.register("http_response_size_bytes", "Size of response bodies", metrics.response_sizes.clone());
        registry.register("http_requests_statuses", "Requests answered, by class of status", metrics.statuses.clone());
        *metrics.registry.lock() = registry;
        metrics
    }

    /// Lets another crate add its metrics. Once, at start: a name that is registered twice is written twice.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock());
    }

    /// All metrics as text, in the OpenMetrics format that Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Err(cause) = encode(&mut text, &self.registry.lock()) {
            tracing::error!(%cause, "the metrics cannot be written");
        }
        text
    }

    /// The answer of a metrics route.
    pub fn response(&self) -> Response {
        let mut response = reply::text(200, self.render().trim_end());
        let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format));
        response
    }

    pub(super) fn record(&self, seen: &Seen<'_>) {
        let method = || ("method", seen.method.to_owned());
        let endpoint = || ("endpoint", seen.endpoint.to_owned());
        let code = || ("code", seen.status.to_string());
        let bucket = ("status_bucket", format!("{}xx", seen.status / 100));
        self.requests.get_or_create(&[code(), method(), endpoint()]).inc();
        self.durations.get_or_create(&[code(), method(), endpoint()]).observe(seen.seconds);
        self.response_times.get_or_create(&[endpoint()]).observe(seen.seconds);
        self.request_sizes.get_or_create(&[code(), method()]).observe(seen.request_size);
        self.response_sizes.get_or_create(&[code(), method()]).observe(seen.response_size);
        self.statuses.get_or_create(&[method(), bucket]).inc();
    }
}

fn seconds() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

fn bytes() -> Histogram {
    Histogram::new([100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0, 10_000_000.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_names_and_labels_are_written() {
        let metrics = Metrics::new(&[("app", "limen")]);
        let seen =
            Seen { method: "GET", endpoint: "/a", status: 204, seconds: 0.003, request_size: 0.0, response_size: 5.0 };
        metrics.record(&seen);
        let text = metrics.render();
        for line in [
            "http_requests_total{app=\"limen\",code=\"204\",method=\"GET\",endpoint=\"/a\"} 1",
            "http_requests_duration_seconds_count{app=\"limen\",code=\"204\",method=\"GET\",endpoint=\"/a\"} 1",
            "http_response_time_seconds_bucket{app=\"limen\",le=\"0.005\",endpoint=\"/a\"} 1",
            "http_requests_size_bytes_count{app=\"limen\",code=\"204\",method=\"GET\"} 1",
            "http_response_size_bytes_sum{app=\"limen\",code=\"204\",method=\"GET\"} 5.0",
            "http_requests_statuses_total{app=\"limen\",method=\"GET\",status_bucket=\"2xx\"} 1",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn other_crates_register_into_the_same_text() {
        let metrics = Metrics::new(&[]);
        let mails = Counter::<u64>::default();
        metrics.register(|registry| registry.register("mails", "Mails sent", mails.clone()));
        mails.inc();
        assert!(metrics.render().contains("mails_total 1"));
        assert!(
            metrics.response().headers()[CONTENT_TYPE]
                .to_str()
                .expect("text")
                .starts_with("application/openmetrics-text")
        );
    }
}

//! What the limits tell of themselves.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Labels = [(&'static str, String); 1];

#[derive(Debug)]
pub(super) struct Figures {
    allowed: Family<Labels, Counter>,
    refused: Family<Labels, Counter>,
    counters: Family<Labels, Gauge>,
    clients: Family<Labels, Gauge>,
}

fn label(limit: &str) -> Labels {
    [("limit", limit.to_owned())]
}

impl Figures {
    pub(super) fn new() -> Self {
        Self {
            allowed: Family::default(),
            refused: Family::default(),
            counters: Family::default(),
            clients: Family::default(),
        }
    }

    pub(super) fn register(&self, to: &mut Registry) {
        to.register("limits_allowed", "Tries that were counted and made, by limit", self.allowed.clone());
        to.register("limits_refused", "Tries and requests that came too often, by limit", self.refused.clone());
        to.register(
            "limits_counters",
            "Counters in the database at the last clean-up, by limit",
            self.counters.clone(),
        );
        to.register("limits_clients", "Client addresses remembered by this node, by limit", self.clients.clone());
    }

    pub(super) fn allowed(&self, limit: &str) {
        self.allowed.get_or_create(&label(limit)).inc();
    }

    pub(super) fn refused(&self, limit: &str) {
        self.refused.get_or_create(&label(limit)).inc();
    }

    pub(super) fn counters(&self, by_limit: &[(String, i64)]) {
        self.counters.clear();
        for (limit, counters) in by_limit {
            self.counters.get_or_create(&label(limit)).set(*counters);
        }
    }

    pub(super) fn clients(&self, limit: &str, clients: usize) {
        self.clients.get_or_create(&label(limit)).set(i64::try_from(clients).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_a_label() {
        let (figures, mut registry) = (Figures::new(), Registry::default());
        figures.register(&mut registry);
        figures.allowed("password");
        figures.refused("mail");
        figures.counters(&[("code".to_owned(), 3)]);
        figures.clients("address_begin", 2);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("a text");
        for line in [
            "limits_allowed_total{limit=\"password\"} 1",
            "limits_refused_total{limit=\"mail\"} 1",
            "limits_counters{limit=\"code\"} 3",
            "limits_clients{limit=\"address_begin\"} 2",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is missing in\n{text}");
        }
        figures.counters(&[]);
        text.clear();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("a text");
        assert!(!text.contains("limits_counters{"), "{text}");
    }
}

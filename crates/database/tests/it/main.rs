//! The SQL layer through its public surface, on SQLite and, where a server is given, on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod durability;
mod errors;
mod migrations;
mod ownership;
mod postgres;
mod statements;
mod transactions;
mod values;

use database::testing::TestDatabase;
use database::{Migration, Schema};

/// Tables for the tests: one column of each type, and two tables that refer to each other.
fn schema() -> Schema {
    Schema {
        migrations: vec![
            Migration {
                name: "0001_things",
                up: "CREATE TABLE things (id {{uuid}} PRIMARY KEY, tenant_id {{uuid}}, truth {{bool}}, number {{int}}, \
                     name {{text}}, raw {{bytes}}, at {{time}}, document {{json}}); \
                     CREATE UNIQUE INDEX things_name ON things (tenant_id, name);",
                down: "DROP TABLE things;",
            },
            Migration {
                name: "0002_counters",
                up: "CREATE TABLE counters (name {{text}} PRIMARY KEY, value {{int}} NOT NULL); \
                     CREATE TABLE readings (counter {{text}} NOT NULL REFERENCES counters (name) ON DELETE CASCADE, value {{int}});",
                down: "DROP TABLE readings; DROP TABLE counters;",
            },
        ],
    }
}

async fn databases() -> Vec<TestDatabase> {
    TestDatabase::all(&schema()).await
}

use database::testing::{TestDatabase, prepare_all_statements, scan_schema, scan_statements};
use database::{Migration, Schema};

use crate::schema;

#[tokio::test]
async fn every_statement_is_read_by_every_engine() {
    let mut schema = schema();
    schema.migrations.extend(database::feed::migrations());
    for test in TestDatabase::all(&schema).await {
        let mut faults = prepare_all_statements(&test.db).await;
        // Those of these two files ask one engine about itself.
        faults.retain(|fault| !["durability.rs", "postgres.rs"].iter().any(|file| fault.contains(file)));
        assert_eq!(faults, Vec::<String>::new(), "{:?}", test.db.engine());
    }
}

#[tokio::test]
async fn a_statement_on_a_missing_table_is_found() {
    let test = TestDatabase::sqlite().await;
    let faults = prepare_all_statements(&test.db).await;
    assert!(faults.iter().any(|fault| fault.contains("no such table: things")), "{faults:?}");
}

#[test]
fn no_statement_of_the_layer_is_for_one_engine_alone() {
    assert_eq!(scan_statements(&["limen_tenants"]), Vec::<String>::new());
    assert_eq!(scan_schema(&schema()), Vec::<String>::new());
}

#[test]
fn statements_without_a_tenant_are_found() {
    let faults = scan_statements(&["things"]);
    assert!(
        faults.iter().any(|fault| fault.contains("values.rs") && fault.contains("without tenant_id")),
        "{faults:?}"
    );
}

#[test]
fn banned_constructs_in_migrations_are_found() {
    let schema =
        Schema { migrations: vec![Migration { name: "1", up: "CREATE TABLE a (b SERIAL)", down: "DROP TABLE a" }] };
    assert_eq!(scan_schema(&schema).len(), 1);
}

//! Migrations and statements hold on both engines.

use database::testing::{TestDatabase, dump_schema, prepare_all_statements, scan_schema, scan_statements};

use crate::schema;

#[tokio::test]
async fn migrations_go_up_and_down_and_every_statement_is_understood() {
    let schema = schema();
    for test in TestDatabase::all(&schema).await {
        assert_eq!(prepare_all_statements(&test.db).await, Vec::<String>::new());
        let before = dump_schema(&test.db).await.unwrap();
        schema.down(&test.db, schema.migrations.len()).await.unwrap();
        schema.up(&test.db, test.db.clock().now()).await.unwrap();
        assert_eq!(dump_schema(&test.db).await.unwrap(), before);
    }
}

#[test]
fn statements_keep_to_the_shared_sql_and_to_one_tenant() {
    let tables = ["courier_messages", "courier_message_dispatches", "inbox_messages", "courier_hooks", "inbox_hooks"];
    assert_eq!(scan_statements(&tables), Vec::<String>::new());
    assert_eq!(scan_schema(&schema()), Vec::<String>::new());
}

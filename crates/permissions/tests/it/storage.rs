//! What keeps the storage safe: every statement is understood by both engines and keeps to one tenant, migrations give the
//! checked-in schema, can be taken back and replayed, and every transaction can be repeated.

use database::Engine;
use database::testing::{TestDatabase, dump_schema, prepare_all_statements, scan_schema, scan_statements};

use crate::server::{Server, schema};

const TABLES: [&str; 3] = ["permission_heads", "permission_tuples", "permission_revisions"];

#[tokio::test]
async fn every_statement_is_understood_by_both_engines() {
    // The statements of every crate below are among them: those of the change feed need its table.
    let mut schema = schema();
    schema.migrations.extend(database::feed::migrations());
    for test in TestDatabase::all(&schema).await {
        assert_eq!(prepare_all_statements(&test.db).await, Vec::<String>::new());
    }
}

#[test]
fn statements_keep_to_the_shared_sql_and_to_one_tenant() {
    assert_eq!(scan_statements(&TABLES), Vec::<String>::new());
    assert_eq!(scan_schema(&schema()), Vec::<String>::new());
}

/// After a change of migrations: take the new text over from the message, if it is what was meant.
#[tokio::test]
async fn all_migrations_give_the_checked_in_schema() {
    for test in TestDatabase::all(&schema()).await {
        let expected = match test.db.engine() {
            Engine::Sqlite => include_str!("../schema.sqlite.txt"),
            _ => include_str!("../schema.postgres.txt"),
        };
        let found = dump_schema(&test.db).await.unwrap();
        assert!(found == expected, "the schema of {:?} is now:\n{found}", test.db.engine());
    }
}

#[tokio::test]
async fn migrations_can_be_taken_back_and_replayed() {
    let schema = schema();
    for test in TestDatabase::all(&schema).await {
        let before = dump_schema(&test.db).await.unwrap();
        schema.down(&test.db, schema.migrations.len()).await.unwrap();
        assert_eq!(dump_schema(&test.db).await.unwrap(), "");
        schema.up(&test.db, test.db.clock().now()).await.unwrap();
        assert_eq!(dump_schema(&test.db).await.unwrap(), before);
    }
}

#[tokio::test]
async fn every_transaction_can_be_repeated() {
    for server in Server::all().await {
        server.permissions.deps.db.set_rehearsal(true);
        server.patch(&["+Document:d#viewers@(Group:g#members)", "+Group:g#members@ada", "+Group:g#members@bert"]).await;
        assert_eq!(server.permissions.replica.held(), 1);
        assert!(server.allowed("Document:d#view@ada").await);
        assert_eq!(server.delete("namespace=Group&object=g&subject_id=ada").await.status, 204);
        assert!(!server.allowed("Document:d#view@ada").await && server.allowed("Document:d#view@bert").await);
        server.permissions.clean_once().await.unwrap();
        assert_eq!(server.permissions.replica.held(), 2);
    }
}

DROP TABLE identity_pending_changes;

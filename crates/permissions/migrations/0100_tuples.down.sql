DROP TABLE permission_revisions;
DROP TABLE permission_tuples;
DROP TABLE permission_heads;

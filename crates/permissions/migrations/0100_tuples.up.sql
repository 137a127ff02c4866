-- Relationships, and the log of their changes in the order in which they were committed.

-- One row for each tenant, updated first in every transaction that writes: so writers come one after another, and a
-- revision is visible only when all lower ones are.
CREATE TABLE permission_heads (
  tenant_id {{uuid}} NOT NULL PRIMARY KEY,
  -- which store this is: tokens of another one are refused
  store_id {{uuid}} NOT NULL,
  -- the newest revision
  revision {{int}} NOT NULL,
  -- the log has every revision behind this one
  pruned_to {{int}} NOT NULL
);

CREATE TABLE permission_tuples (
  tenant_id {{uuid}} NOT NULL,
  -- SHA-256 of all parts, so that a relationship is there once whatever the length of its names
  id {{bytes}} NOT NULL,
  namespace {{text}} NOT NULL,
  object {{text}} NOT NULL,
  relation {{text}} NOT NULL,
  -- SHA-256 of the subject
  subject_key {{bytes}} NOT NULL,
  -- either an id, or the three parts of a subject set
  subject_id {{text}},
  subject_namespace {{text}},
  subject_object {{text}},
  subject_relation {{text}},
  expires_at {{time}},
  -- name and context of a condition, as JSON in the words in which it was written
  condition_call {{text}},
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX permission_tuples_object ON permission_tuples (tenant_id, namespace, object, relation, id);
CREATE INDEX permission_tuples_subject ON permission_tuples (tenant_id, subject_key, namespace, object, relation, id);
CREATE INDEX permission_tuples_expiry ON permission_tuples (tenant_id, expires_at, id);

CREATE TABLE permission_revisions (
  tenant_id {{uuid}} NOT NULL,
  revision {{int}} NOT NULL,
  -- a list of changes, each an action and a relationship, as JSON
  changes {{text}} NOT NULL,
  written_at {{time}} NOT NULL,
  PRIMARY KEY (tenant_id, revision)
);
CREATE INDEX permission_revisions_age ON permission_revisions (tenant_id, written_at, revision);

-- What changed, for every program that remembers something of it: a row for each transaction that says so.
CREATE TABLE revisions (
  -- in the order in which it was drawn, which is not quite the order of commits
  number {{sequence}},
  tenant_id {{uuid}} NOT NULL,
  -- a list of [topic, key]; a key of null stands for all of the topic
  changes {{json}} NOT NULL,
  created_at {{time}} NOT NULL
);

-- Web hooks on their way to their receivers.
CREATE TABLE courier_hooks (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  -- queued, processing, delivered or dead
  status {{text}} NOT NULL,
  -- the operator's label of the hook, or where in which flow it stands
  name {{text}} NOT NULL,
  -- host and port of the receiver: a slow one does not hold up the others
  host {{text}} NOT NULL,
  -- address, headers and body, sealed under secrets.cipher; gone once the hook is delivered or dead
  content {{bytes}},
  attempts {{int}} NOT NULL,
  next_attempt_at {{time}} NOT NULL,
  -- who is delivering it, and until when nobody else may
  lease_id {{uuid}},
  leased_until {{time}},
  -- why the last attempt failed
  failure {{text}},
  finished_at {{time}},
  created_at {{time}} NOT NULL,
  updated_at {{time}} NOT NULL
);
CREATE INDEX courier_hooks_due ON courier_hooks (status, host, next_attempt_at, id);
CREATE INDEX courier_hooks_lease ON courier_hooks (status, leased_until, id);
CREATE INDEX courier_hooks_finished ON courier_hooks (finished_at);

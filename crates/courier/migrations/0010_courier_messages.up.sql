-- Messages on their way to people, and each try to deliver one.
CREATE TABLE courier_messages (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  -- queued, processing, sent or abandoned
  status {{text}} NOT NULL,
  type {{text}} NOT NULL,
  channel {{text}} NOT NULL,
  template_type {{text}} NOT NULL,
  recipient {{text}} NOT NULL,
  -- subject, bodies and template data, sealed under secrets.cipher; gone once the message is sent or abandoned
  content {{bytes}},
  send_count {{int}} NOT NULL,
  next_attempt_at {{time}} NOT NULL,
  -- who is delivering it, and until when nobody else may
  lease_id {{uuid}},
  leased_until {{time}},
  finished_at {{time}},
  created_at {{time}} NOT NULL,
  updated_at {{time}} NOT NULL
);
CREATE INDEX courier_messages_due ON courier_messages (status, next_attempt_at, id);
CREATE INDEX courier_messages_lease ON courier_messages (status, leased_until, id);
CREATE INDEX courier_messages_age ON courier_messages (tenant_id, created_at, id);
CREATE INDEX courier_messages_recipient ON courier_messages (tenant_id, recipient, created_at, id);
CREATE INDEX courier_messages_finished ON courier_messages (finished_at);

CREATE TABLE courier_message_dispatches (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  message_id {{uuid}} NOT NULL REFERENCES courier_messages (id) ON DELETE CASCADE,
  -- success or failed
  status {{text}} NOT NULL,
  error {{json}},
  created_at {{time}} NOT NULL,
  updated_at {{time}} NOT NULL
);
CREATE INDEX courier_message_dispatches_message ON courier_message_dispatches (tenant_id, message_id, created_at);
CREATE INDEX courier_message_dispatches_parent ON courier_message_dispatches (message_id);

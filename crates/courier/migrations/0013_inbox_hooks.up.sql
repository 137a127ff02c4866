-- Web hooks that reached a development server: shown beside its mails.
CREATE TABLE inbox_hooks (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  -- the order of arrival
  number {{int}} NOT NULL,
  -- the last part of the address that was called
  name {{text}} NOT NULL,
  -- what the sender calls this hook: the same for each attempt
  webhook_id {{text}} NOT NULL,
  method {{text}} NOT NULL,
  body {{text}} NOT NULL,
  -- good, bad or missing
  signature {{text}} NOT NULL,
  received_at {{time}} NOT NULL
);
CREATE INDEX inbox_hooks_number ON inbox_hooks (tenant_id, number);

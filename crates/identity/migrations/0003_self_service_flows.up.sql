-- Forms that people are filling in, of every kind, and what went wrong outside of a form.
CREATE TABLE self_service_flows (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  kind {{text}} NOT NULL,
  -- browser or api
  transport {{text}} NOT NULL,
  state {{text}} NOT NULL,
  active_method {{text}},
  request_url {{text}} NOT NULL,
  -- SHA-256 of the CSRF secret of the browser that began it
  csrf_fingerprint {{bytes}},
  identity_id {{uuid}} REFERENCES identities (id) ON DELETE CASCADE,
  requested_aal {{text}} NOT NULL,
  refresh {{bool}} NOT NULL,
  identity_schema_id {{text}},
  ui {{json}} NOT NULL,
  -- what no client may see; sealed under secrets.cipher
  context {{bytes}} NOT NULL,
  -- tries of codes, tokens and second factors, right or wrong
  submit_count {{int}} NOT NULL,
  issued_at {{time}} NOT NULL,
  expires_at {{time}} NOT NULL,
  updated_at {{time}} NOT NULL
);
CREATE INDEX self_service_flows_expiry ON self_service_flows (tenant_id, expires_at);
CREATE INDEX self_service_flows_identity ON self_service_flows (tenant_id, identity_id);

CREATE TABLE self_service_errors (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  error {{json}} NOT NULL,
  created_at {{time}} NOT NULL,
  updated_at {{time}} NOT NULL
);
CREATE INDEX self_service_errors_age ON self_service_errors (tenant_id, created_at);

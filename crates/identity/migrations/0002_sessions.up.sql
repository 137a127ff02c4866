-- That an identity proved itself, how, and where it began.
CREATE TABLE sessions (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  identity_id {{uuid}} NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  -- SHA-256 of the token
  token_hash {{bytes}} NOT NULL,
  active {{bool}} NOT NULL,
  aal {{text}} NOT NULL,
  authentication_methods {{json}} NOT NULL,
  issued_at {{time}} NOT NULL,
  authenticated_at {{time}} NOT NULL,
  expires_at {{time}} NOT NULL,
  updated_at {{time}} NOT NULL
);
CREATE UNIQUE INDEX sessions_token ON sessions (tenant_id, token_hash);
CREATE INDEX sessions_identity ON sessions (tenant_id, identity_id, issued_at);
CREATE INDEX sessions_issued ON sessions (tenant_id, issued_at, id);
CREATE INDEX sessions_expiry ON sessions (tenant_id, expires_at);

CREATE TABLE session_devices (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  session_id {{uuid}} NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  ip_address {{text}},
  user_agent {{text}},
  location {{text}},
  created_at {{time}} NOT NULL
);
CREATE INDEX session_devices_session ON session_devices (tenant_id, session_id);

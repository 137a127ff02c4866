-- Changes of an address that wait until the new address is proved (hook verify_new_address). One for each identity.
CREATE TABLE identity_pending_changes (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  identity_id {{uuid}} NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  -- the session that asked for it: the change ends with it
  session_id {{uuid}} NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  -- the verification that proves the address
  flow_id {{uuid}} NOT NULL REFERENCES self_service_flows (id) ON DELETE CASCADE,
  via {{text}} NOT NULL,
  value {{text}} NOT NULL,
  traits_before {{json}} NOT NULL,
  traits_after {{json}} NOT NULL,
  -- of the code, HMAC-SHA-256 under secrets.cookie; of a link's token, SHA-256
  secret_tag {{bytes}} NOT NULL,
  expires_at {{time}} NOT NULL,
  created_at {{time}} NOT NULL
);
CREATE UNIQUE INDEX identity_pending_changes_identity ON identity_pending_changes (tenant_id, identity_id);
CREATE UNIQUE INDEX identity_pending_changes_flow ON identity_pending_changes (tenant_id, flow_id);
CREATE INDEX identity_pending_changes_session ON identity_pending_changes (session_id);

-- Sign-ups that wait until their address is proved (security.account_enumeration.registration). A row also stands for a
-- sign-up with an address that has an account already: nothing redeems it.
CREATE TABLE pending_registrations (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  -- the verification that proves the address
  flow_id {{uuid}} NOT NULL REFERENCES self_service_flows (id) ON DELETE CASCADE,
  value {{text}} NOT NULL,
  -- the account to be made; sealed under secrets.cipher
  promise {{bytes}} NOT NULL,
  -- of the code, HMAC-SHA-256 under secrets.cookie; of a link's token, SHA-256
  secret_tag {{bytes}} NOT NULL,
  expires_at {{time}} NOT NULL,
  created_at {{time}} NOT NULL
);
CREATE UNIQUE INDEX pending_registrations_flow ON pending_registrations (tenant_id, flow_id);

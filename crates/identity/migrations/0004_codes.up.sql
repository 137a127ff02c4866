-- Codes and links that were sent to prove an address or to restore an access. Each works once, for its flow, until it expires.
CREATE TABLE verification_codes (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  flow_id {{uuid}} NOT NULL REFERENCES self_service_flows (id) ON DELETE CASCADE,
  address_id {{uuid}} NOT NULL REFERENCES identity_verifiable_addresses (id) ON DELETE CASCADE,
  -- HMAC-SHA-256 under secrets.cookie
  code_tag {{bytes}} NOT NULL,
  used_at {{time}},
  issued_at {{time}} NOT NULL,
  expires_at {{time}} NOT NULL
);
CREATE INDEX verification_codes_flow ON verification_codes (tenant_id, flow_id);
CREATE INDEX verification_codes_address ON verification_codes (address_id);

CREATE TABLE recovery_codes (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  flow_id {{uuid}} NOT NULL REFERENCES self_service_flows (id) ON DELETE CASCADE,
  identity_id {{uuid}} NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  -- the address it was sent to; none if an administrator made it
  address_id {{uuid}} REFERENCES identity_recovery_addresses (id) ON DELETE CASCADE,
  code_tag {{bytes}} NOT NULL,
  used_at {{time}},
  issued_at {{time}} NOT NULL,
  expires_at {{time}} NOT NULL
);
CREATE INDEX recovery_codes_flow ON recovery_codes (tenant_id, flow_id);
CREATE INDEX recovery_codes_identity ON recovery_codes (identity_id);
CREATE INDEX recovery_codes_address ON recovery_codes (address_id);

CREATE TABLE verification_tokens (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  flow_id {{uuid}} NOT NULL REFERENCES self_service_flows (id) ON DELETE CASCADE,
  address_id {{uuid}} NOT NULL REFERENCES identity_verifiable_addresses (id) ON DELETE CASCADE,
  -- SHA-256 of the token
  token_hash {{bytes}} NOT NULL,
  used_at {{time}},
  issued_at {{time}} NOT NULL,
  expires_at {{time}} NOT NULL
);
CREATE UNIQUE INDEX verification_tokens_token ON verification_tokens (tenant_id, token_hash);
CREATE INDEX verification_tokens_flow ON verification_tokens (flow_id);
CREATE INDEX verification_tokens_address ON verification_tokens (address_id);

CREATE TABLE recovery_tokens (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  flow_id {{uuid}} NOT NULL REFERENCES self_service_flows (id) ON DELETE CASCADE,
  identity_id {{uuid}} NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  address_id {{uuid}} REFERENCES identity_recovery_addresses (id) ON DELETE CASCADE,
  token_hash {{bytes}} NOT NULL,
  used_at {{time}},
  issued_at {{time}} NOT NULL,
  expires_at {{time}} NOT NULL
);
CREATE UNIQUE INDEX recovery_tokens_token ON recovery_tokens (tenant_id, token_hash);
CREATE INDEX recovery_tokens_flow ON recovery_tokens (flow_id);
CREATE INDEX recovery_tokens_identity ON recovery_tokens (identity_id);
CREATE INDEX recovery_tokens_address ON recovery_tokens (address_id);

-- Tries of what could be guessed and mails to one address, counted; and the devices that somebody signed in on.
CREATE TABLE attempts (
  tenant_id {{uuid}} NOT NULL,
  -- HMAC-SHA-256 under secrets.cookie of what is counted and whose it is
  subject_tag {{bytes}} NOT NULL,
  limit_name {{text}} NOT NULL,
  tries {{int}} NOT NULL,
  -- milliseconds; grows from try to try
  delay {{int}} NOT NULL,
  -- milliseconds since 1970: numbers, because the statement that counts computes with them
  next_allowed_at {{int}} NOT NULL,
  forgotten_at {{int}} NOT NULL,
  PRIMARY KEY (tenant_id, subject_tag)
);
CREATE INDEX attempts_forgotten ON attempts (tenant_id, forgotten_at);

CREATE TABLE known_devices (
  tenant_id {{uuid}} NOT NULL,
  identity_id {{uuid}} NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  -- SHA-256 of what the device's cookie says
  token_hash {{bytes}} NOT NULL,
  created_at {{time}} NOT NULL,
  expires_at {{time}} NOT NULL,
  PRIMARY KEY (tenant_id, identity_id, token_hash)
);
CREATE INDEX known_devices_identity ON known_devices (identity_id);
CREATE INDEX known_devices_expiry ON known_devices (tenant_id, expires_at);

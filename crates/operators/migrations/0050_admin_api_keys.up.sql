-- What operators' programs show to reach the admin listeners. The key itself is told once, when it is made.
CREATE TABLE admin_api_keys (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  name {{text}} NOT NULL,
  -- SHA-256 of the key
  key_hash {{bytes}} NOT NULL,
  created_at {{time}} NOT NULL,
  expires_at {{time}},
  -- To within an hour
  last_used_at {{time}}
);
CREATE UNIQUE INDEX admin_api_keys_key ON admin_api_keys (tenant_id, key_hash);
CREATE UNIQUE INDEX admin_api_keys_name ON admin_api_keys (tenant_id, name);

-- Who can sign in, what they prove themselves with, and where they are reached.
CREATE TABLE identities (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  external_id {{text}},
  schema_id {{text}} NOT NULL,
  state {{text}} NOT NULL,
  state_changed_at {{time}},
  traits {{json}} NOT NULL,
  metadata_public {{json}},
  metadata_admin {{json}},
  organization_id {{uuid}},
  available_aal {{text}} NOT NULL,
  created_at {{time}} NOT NULL,
  updated_at {{time}} NOT NULL
);
CREATE UNIQUE INDEX identities_external_id ON identities (tenant_id, external_id);
CREATE INDEX identities_organization ON identities (tenant_id, organization_id);

CREATE TABLE identity_credentials (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  identity_id {{uuid}} NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  kind {{text}} NOT NULL,
  -- sealed under secrets.cipher
  secret {{bytes}} NOT NULL,
  -- grows with each change: a change names the revision that it read
  revision {{int}} NOT NULL,
  created_at {{time}} NOT NULL,
  updated_at {{time}} NOT NULL
);
CREATE UNIQUE INDEX identity_credentials_kind ON identity_credentials (tenant_id, identity_id, kind);

CREATE TABLE identity_credential_identifiers (
  tenant_id {{uuid}} NOT NULL,
  kind {{text}} NOT NULL,
  identifier {{text}} NOT NULL,
  identity_id {{uuid}} NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  credential_id {{uuid}} NOT NULL REFERENCES identity_credentials (id) ON DELETE CASCADE,
  PRIMARY KEY (tenant_id, kind, identifier)
);
CREATE INDEX identity_credential_identifiers_credential ON identity_credential_identifiers (credential_id);
CREATE INDEX identity_credential_identifiers_identity ON identity_credential_identifiers (tenant_id, identity_id);

CREATE TABLE identity_verifiable_addresses (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  identity_id {{uuid}} NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  via {{text}} NOT NULL,
  value {{text}} NOT NULL,
  verified {{bool}} NOT NULL,
  status {{text}} NOT NULL,
  verified_at {{time}},
  -- its place in the identity schema
  place {{int}} NOT NULL,
  created_at {{time}} NOT NULL,
  updated_at {{time}} NOT NULL
);
CREATE UNIQUE INDEX identity_verifiable_addresses_value ON identity_verifiable_addresses (tenant_id, via, value);
CREATE INDEX identity_verifiable_addresses_identity ON identity_verifiable_addresses (tenant_id, identity_id);

CREATE TABLE identity_recovery_addresses (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  identity_id {{uuid}} NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  via {{text}} NOT NULL,
  value {{text}} NOT NULL,
  place {{int}} NOT NULL,
  created_at {{time}} NOT NULL,
  updated_at {{time}} NOT NULL
);
CREATE UNIQUE INDEX identity_recovery_addresses_value ON identity_recovery_addresses (tenant_id, via, value);
CREATE INDEX identity_recovery_addresses_identity ON identity_recovery_addresses (tenant_id, identity_id);

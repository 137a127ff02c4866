-- Mail of a development server: kept here instead of being sent.
CREATE TABLE inbox_messages (
  id {{uuid}} NOT NULL PRIMARY KEY,
  tenant_id {{uuid}} NOT NULL,
  -- the order of arrival; a time alone does not tell two mails of one instant apart
  number {{int}} NOT NULL,
  recipient {{text}} NOT NULL,
  -- the recipient in lower case, for searching
  recipient_key {{text}} NOT NULL,
  sender {{text}} NOT NULL,
  subject {{text}} NOT NULL,
  body {{text}} NOT NULL,
  html {{text}} NOT NULL,
  template_type {{text}} NOT NULL,
  received_at {{time}} NOT NULL
);
-- Not unique: serializable transactions keep numbers apart, and a violation would hide that they may be repeated.
CREATE INDEX inbox_messages_number ON inbox_messages (tenant_id, number);
CREATE INDEX inbox_messages_recipient ON inbox_messages (tenant_id, recipient_key, number);

DROP TABLE recovery_tokens;
DROP TABLE verification_tokens;
DROP TABLE recovery_codes;
DROP TABLE verification_codes;

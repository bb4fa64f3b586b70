ALTER TABLE people DROP COLUMN mail_proven;
DROP TABLE mails;

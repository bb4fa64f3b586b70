DROP TABLE package_audits;
DELETE FROM follow_ups WHERE kind = 'packages';
DELETE FROM occurrences WHERE kind = 'vulnerable';
DELETE FROM notices WHERE kind = 'vulnerable';
DELETE FROM incidents WHERE kind = 'vulnerable';
-- The version before knows no such rule, and reads none of a project where it finds one.
DELETE FROM rules WHERE spec LIKE '%"on":["vulnerable"]%';
UPDATE rules SET spec = REPLACE(REPLACE(spec, ',"vulnerable"', ''), '"vulnerable",', '') WHERE spec LIKE '%"vulnerable"%';

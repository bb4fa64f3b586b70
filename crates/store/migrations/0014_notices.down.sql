DROP TABLE notice_keys;
DROP TABLE occurrences;
DROP TABLE notices;
DROP TABLE incidents;
DROP TABLE rules;
DROP TABLE channels;
DELETE FROM follow_ups WHERE kind IN ('notice', 'soft-limit');

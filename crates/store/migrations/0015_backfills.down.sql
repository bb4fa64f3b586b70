DROP TABLE backfill_times;
DROP TABLE backfills;

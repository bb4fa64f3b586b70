DROP TABLE open_uploads;

DROP TABLE fires;
DROP TABLE schedules;

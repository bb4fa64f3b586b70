DROP TABLE cursors;
DROP TABLE trigger_arrivals;
DROP TABLE trigger_events;
DROP TABLE triggers;

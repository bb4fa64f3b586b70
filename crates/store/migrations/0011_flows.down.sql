DROP TABLE run_links;
DROP TABLE follow_ups;
DROP TABLE step_cache;
DROP TABLE approvals;
DROP TABLE flow_steps;

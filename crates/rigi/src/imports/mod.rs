//! What other programs ran, brought here: an installation of Fast-Flow with all that it knows, crontabs and DAGs of Airflow as specs. What
//! does not come is said, with the reason.

pub mod airflow;
pub mod crontab;
pub mod fast_flow;
pub mod report;
pub mod specs;

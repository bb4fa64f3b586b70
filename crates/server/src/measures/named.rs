//! Every metric, once: name, kind, what it is. `docs/operate/watching.md` has the same for people.

/// How its values behave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values up to each of these bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As the text says it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

type Labels = &'static [(&'static str, &'static str)];

/// A metric.
#[derive(Debug)]
pub(super) struct Measure {
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
    /// Series that are there from the start, with nothing in them: what happens for the first time is a change then.
    pub from_start: &'static [Labels],
}

/// Seconds of what people wait for.
const REQUEST: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Seconds of what disks and databases do.
const DATABASE: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Seconds of what runs do: from a moment to a day.
const RUN: &[f64] = &[
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0,
    86400.0,
];

/// The one series of a metric without labels.
const ONE: &[Labels] = &[&[]];
const ENDS: &[Labels] = &[
    &[("state", "succeeded")],
    &[("state", "failed")],
    &[("state", "cancelled")],
    &[("state", "timed_out")],
    &[("state", "skipped")],
];
const SENT_OR_DEAD: &[Labels] = &[&[("outcome", "sent")], &[("outcome", "dead")]];
const SENT_OR_FAILED: &[Labels] = &[&[("outcome", "sent")], &[("outcome", "failed")]];
const AUDITS: &[Labels] = &[&[("outcome", "clean")], &[("outcome", "vulnerable")], &[("outcome", "unknown")]];
const RUNNER: &[Labels] = &[
    &[("what", "inputs"), ("way", "door")],
    &[("what", "inputs"), ("way", "bucket")],
    &[("what", "outputs"), ("way", "door")],
    &[("what", "outputs"), ("way", "bucket")],
];
const CLOSED: &[Labels] = &[&[("why", "full")], &[("why", "newcomers")]];
const STREAMS: &[Labels] = &[&[("kind", "events")], &[("kind", "logs")]];

const fn counter(name: &'static str, help: &'static str, from_start: &'static [Labels]) -> Measure {
    Measure { name, kind: Kind::Counter, help, from_start }
}

const fn gauge(name: &'static str, help: &'static str, from_start: &'static [Labels]) -> Measure {
    Measure { name, kind: Kind::Gauge, help, from_start }
}

/// A gauge that is asked for when somebody asks the server.
const fn asked(name: &'static str, help: &'static str) -> Measure {
    gauge(name, help, &[])
}

const fn seconds(
    name: &'static str,
    help: &'static str,
    bounds: &'static [f64],
    from_start: &'static [Labels],
) -> Measure {
    Measure { name, kind: Kind::Histogram(bounds), help, from_start }
}

/// Every metric.
pub(super) const ALL: &[Measure] = &[
    asked("rigi_build_info", "Which version serves."),
    asked("rigi_leader", "Whether this server leads."),
    asked("rigi_runs", "Runs that have not ended."),
    counter("rigi_runs_accepted_total", "Runs that were accepted.", ONE),
    counter("rigi_runs_ended_total", "Runs that ended, and how.", ENDS),
    seconds(
        "rigi_run_wait_seconds",
        "From accepted to given to an executor, first attempts alone.",
        RUN,
        ONE,
    ),
    seconds("rigi_run_seconds", "From the last attempt's start to the end of the run.", RUN, ENDS),
    counter("rigi_notices_total", "Notices that were taken, or given up.", SENT_OR_DEAD),
    counter("rigi_mails_total", "Mails that were taken, or given up.", SENT_OR_FAILED),
    counter("rigi_lineage_events_total", "Events of lineage that were taken, or given up.", SENT_OR_DEAD),
    counter("rigi_package_audits_total", "Audits of packages.", AUDITS),
    counter("rigi_runner_bytes_total", "What went from and to runners, and which way.", RUNNER),
    counter("rigi_connections_closed_total", "Connections that were turned away.", CLOSED),
    gauge("rigi_audit_seal", "Number of the last seal of the audit log.", &[]),
    counter("rigi_http_requests_total", "Requests that were answered.", &[]),
    seconds("rigi_http_request_seconds", "Until the last byte of the answer.", REQUEST, &[]),
    gauge("rigi_http_in_flight", "Requests under way.", ONE),
    gauge("rigi_streams", "Streams that are open.", STREAMS),
    asked("rigi_database_up", "Whether the database answered last."),
    seconds("rigi_database_commit_seconds", "One shared commit.", DATABASE, ONE),
    seconds("rigi_database_read_seconds", "One read.", DATABASE, ONE),
    asked("rigi_database_connections", "Connections for reading."),
    asked("rigi_database_bytes", "Room that the database takes."),
    asked("rigi_disk_free_bytes", "What is free for the server on the disk of the data folder."),
    asked("rigi_disk_size_bytes", "The disk of the data folder."),
    asked("rigi_memory_limit_bytes", "Memory that the server may have."),
    asked("rigi_certificate_expires_timestamp_seconds", "When the server's certificate ends."),
    asked("rigi_backup_last_timestamp_seconds", "When the newest backup was taken."),
    asked("rigi_backup_verified_timestamp_seconds", "When backups were last read from end to end."),
    asked("process_resident_memory_bytes", "Memory of the server's process."),
    Measure {
        name: "process_cpu_seconds_total",
        kind: Kind::Counter,
        help: "Time on a core of the server's process.",
        from_start: &[],
    },
    asked("process_open_fds", "Files that the server's process has open."),
    asked("process_max_fds", "Files that it may have open."),
    asked("process_start_time_seconds", "When it started."),
];

/// The metric of a name.
pub(super) fn of_name(name: &str) -> Option<&'static Measure> {
    ALL.iter().find(|measure| measure.name == name)
}

#[cfg(test)]
mod tests {
    use rigi_model::RunState;
    use rigi_model::packages::AuditOutcome;

    use super::*;

    #[test]
    fn each_end_of_a_run_and_of_an_audit_is_there_from_the_start() {
        let words = |all: &[Labels]| all.iter().map(|labels| labels[0].1).collect::<Vec<_>>();
        let states = RunState::ALL.iter().filter(|state| state.is_terminal());
        assert_eq!(words(ENDS), states.map(|state| state.as_str()).collect::<Vec<_>>());
        let outcomes = AuditOutcome::ALL.iter().map(|outcome| outcome.as_str());
        assert_eq!(words(AUDITS), outcomes.collect::<Vec<_>>());
    }

    #[test]
    fn names_say_their_kind_and_are_there_once() {
        for (at, measure) in ALL.iter().enumerate() {
            let name = measure.name;
            assert!(ALL[..at].iter().all(|other| other.name != name), "{name} twice");
            assert_eq!(name.ends_with("_total"), measure.kind == Kind::Counter, "{name}");
            assert!(measure.help.ends_with('.'), "{name}");
            if let Kind::Histogram(bounds) = measure.kind {
                assert!(name.ends_with("_seconds") && bounds.is_sorted(), "{name}");
            }
        }
        let Some(Kind::Histogram(bounds)) = of_name("rigi_http_request_seconds").map(|one| one.kind) else {
            panic!("it is a histogram");
        };
        assert!(bounds.contains(&1.0), "the alert asks for one second");
    }
}

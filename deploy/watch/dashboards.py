#!/usr/bin/env python3
"""Makes the three dashboards of Grafana: a panel is one line here. `dashboards.py --check` compares instead, for CI."""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "dashboards"
SERVERS = 'job="rigi", namespace=~"$namespace"'

# title, unit, width of 24, (expression, legend)…
APPLICATION = [
    ("Runs", "short", 12, ("max by (state) (rigi_runs{S})", "{{state}}")),
    ("Accepted and ended a minute", "short", 12,
     ("60 * sum(rate(rigi_runs_accepted_total{S}[5m]))", "accepted"),
     ("60 * sum by (state) (rate(rigi_runs_ended_total{S}[5m]))", "{{state}}")),
    ("Waited before the start", "s", 12,
     ("histogram_quantile(0.5, sum by (le) (rate(rigi_run_wait_seconds_bucket{S}[15m])))", "half"),
     ("histogram_quantile(0.95, sum by (le) (rate(rigi_run_wait_seconds_bucket{S}[15m])))", "19 of 20")),
    ("Took", "s", 12, ("histogram_quantile(0.95, sum by (le, state) (rate(rigi_run_seconds_bucket{S}[15m])))", "{{state}}")),
    ("Requests a second", "reqps", 12, ("sum by (status) (rate(rigi_http_requests_total{S}[5m]))", "{{status}}")),
    ("Requests that end in a server's error", "percentunit", 12,
     ('sum(rate(rigi_http_requests_total{S, status=~"5.."}[5m])) / sum(rate(rigi_http_requests_total{S}[5m]))', "share")),
    ("Requests take", "s", 12,
     ("histogram_quantile(0.5, sum by (le) (rate(rigi_http_request_seconds_bucket{S}[5m])))", "half"),
     ("histogram_quantile(0.95, sum by (le) (rate(rigi_http_request_seconds_bucket{S}[5m])))", "19 of 20"),
     ("histogram_quantile(0.99, sum by (le) (rate(rigi_http_request_seconds_bucket{S}[5m])))", "99 of 100")),
    ("Under way", "short", 12,
     ("sum(rigi_http_in_flight{S})", "requests"), ("sum by (kind) (rigi_streams{S})", "streams: {{kind}}")),
    ("Notices, mails, audits and lineage an hour", "short", 12,
     ("3600 * sum by (outcome) (rate(rigi_notices_total{S}[1h]))", "notices: {{outcome}}"),
     ("3600 * sum by (outcome) (rate(rigi_mails_total{S}[1h]))", "mails: {{outcome}}"),
     ("3600 * sum by (outcome) (rate(rigi_package_audits_total{S}[1h]))", "audits: {{outcome}}"),
     ("3600 * sum by (outcome) (rate(rigi_lineage_events_total{S}[1h]))", "lineage: {{outcome}}")),
    ("From and to runners", "Bps", 12,
     ("sum by (what, way) (rate(rigi_runner_bytes_total{S}[5m]))", "{{what}} by {{way}}")),
]
INFRASTRUCTURE = [
    ("Servers that answer", "short", 6, ("sum(up{S})", "servers")),
    ("Servers that lead", "short", 6, ("sum(rigi_leader{S})", "leaders")),
    ("Versions", "short", 6, ("count by (version) (rigi_build_info{S})", "{{version}}")),
    ("Up for", "s", 6, ("time() - process_start_time_seconds{S}", "{{instance}}")),
    ("Cores used", "short", 12, ("rate(process_cpu_seconds_total{S}[5m])", "{{instance}}")),
    ("Memory", "bytes", 12,
     ("process_resident_memory_bytes{S}", "{{instance}}"), ("max(rigi_memory_limit_bytes{S})", "limit")),
    ("Disk of the data folder", "bytes", 12,
     ("rigi_disk_free_bytes{S}", "{{instance}}: free"), ("rigi_disk_size_bytes{S}", "{{instance}}: size")),
    ("Open files", "short", 12,
     ("process_open_fds{S}", "{{instance}}"), ("max(process_max_fds{S})", "limit")),
    ("Connections turned away a second", "short", 12,
     ("sum by (why) (rate(rigi_connections_closed_total{S}[5m]))", "{{why}}")),
    ("Certificate ends in", "s", 6, ("rigi_certificate_expires_timestamp_seconds{S} - time()", "{{instance}}")),
    ("Last backup that was read whole", "s", 6,
     ("time() - max(rigi_backup_verified_timestamp_seconds{S})", "read"),
     ("time() - max(rigi_backup_last_timestamp_seconds{S})", "taken")),
]
DATABASE = [
    ("Answers", "short", 6, ("rigi_database_up{S}", "{{instance}}")),
    ("Size", "bytes", 6, ("max(rigi_database_bytes{S})", "database")),
    ("Connections", "short", 12, ("sum by (instance, state) (rigi_database_connections{S})", "{{instance}}: {{state}}")),
    ("A commit takes", "s", 12,
     ("histogram_quantile(0.5, sum by (le) (rate(rigi_database_commit_seconds_bucket{S}[5m])))", "half"),
     ("histogram_quantile(0.99, sum by (le) (rate(rigi_database_commit_seconds_bucket{S}[5m])))", "99 of 100")),
    ("A read takes", "s", 12,
     ("histogram_quantile(0.5, sum by (le) (rate(rigi_database_read_seconds_bucket{S}[5m])))", "half"),
     ("histogram_quantile(0.99, sum by (le) (rate(rigi_database_read_seconds_bucket{S}[5m])))", "99 of 100")),
    ("Commits and reads a second", "short", 12,
     ("sum(rate(rigi_database_commit_seconds_count{S}[5m]))", "commits"),
     ("sum(rate(rigi_database_read_seconds_count{S}[5m]))", "reads")),
    ("Lines of the audit log that are sealed", "short", 12, ("max(rigi_audit_seal{S})", "seal")),
]


def expression(text):
    return text.replace("{S}", "{" + SERVERS + "}").replace("{S, ", "{" + SERVERS + ", ")


def panels(rows):
    x = y = 0
    for number, (title, unit, width, *queries) in enumerate(rows, 1):
        if x + width > 24:
            x, y = 0, y + 8
        yield {
            "id": number,
            "type": "stat" if width == 6 else "timeseries",
            "title": title,
            "datasource": {"type": "prometheus", "uid": "${source}"},
            "gridPos": {"h": 8, "w": width, "x": x, "y": y},
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
            "targets": [
                {"refId": chr(65 + i), "expr": expression(expr), "legendFormat": legend}
                for i, (expr, legend) in enumerate(queries)
            ],
        }
        x += width


def variable(name, **more):
    return {"name": name, **more}


def dashboard(name, rows):
    return {
        "uid": f"rigi-{name}",
        "title": f"Rigi: {name}",
        "tags": ["rigi"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [
            variable("source", type="datasource", query="prometheus"),
            variable(
                "namespace", type="query", datasource={"type": "prometheus", "uid": "${source}"},
                query='label_values(up{job="rigi"}, namespace)', refresh=2, includeAll=True, allValue=".*", multi=True,
            ),
        ]},
        "panels": list(panels(rows)),
    }


def main():
    for name, rows in (("application", APPLICATION), ("infrastructure", INFRASTRUCTURE), ("database", DATABASE)):
        file = FOLDER / f"{name}.json"
        made = json.dumps(dashboard(name, rows), indent=1, ensure_ascii=False) + "\n"
        if "--check" not in sys.argv:
            file.write_text(made)
        elif file.read_text() != made:
            raise SystemExit(f"{file.name} is not what dashboards.py makes: run it, and commit what it wrote")


if __name__ == "__main__":
    main()

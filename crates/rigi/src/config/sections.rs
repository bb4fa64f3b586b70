//! Every key of the configuration, once: documentation, type and default.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use rigi_server::mail::Encryption;

use super::audit::{AuditSource, AuditTimes, IgnoredAdvisories};
use super::choices::{GatewayUse, LogFormat, LogLevel, Seat};
use super::key::Key;
use super::mail::{MailSender, MailTls, Times};
use super::projects::ProjectConfig;
use super::providers::ProviderConfig;
use super::targets::TargetConfig;
use super::value::{
    Bytes, Cores, Lines, Names, Networks, Password, Secret, StorageAddress, Time, Value, WebAddress,
};
use super::vault::{AllowedSources, VaultPlace};

/// Defines the sections as structs, and the table of their keys.
macro_rules! sections {
    ($($(#[doc = $section_doc:literal])+ $section:ident: $Section:ident {
        $($(#[doc = $doc:literal])+ $key:ident: $ty:ty = $default:expr $(=> $words:literal)?;)+
    })+) => {
        $(
            $(#[doc = $section_doc])+
            #[derive(Debug, Clone)]
            pub struct $Section { $($(#[doc = $doc])+ pub $key: $ty,)+ }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $($key: $default,)+ }
                }
            }
        )+

        /// Everything that an operator may set.
        #[derive(Debug, Clone, Default)]
        pub struct Config {
            $($(#[doc = $section_doc])+ pub $section: $Section,)+
            /// Targets by name: see [`super::targets`].
            pub named_targets: BTreeMap<String, TargetConfig>,
            /// Projects by name: see [`super::projects`].
            pub projects: BTreeMap<String, ProjectConfig>,
            /// Providers by name: see [`super::providers`].
            pub providers: BTreeMap<String, ProviderConfig>,
        }

        /// Every key, in the order of the reference.
        pub const KEYS: &[Key] = &[$($(
            Key {
                section: stringify!($section),
                name: stringify!($key),
                doc: concat!($($doc, "\n"),+),
                kind: <$ty as Value>::KIND,
                secret: <$ty as Value>::SECRET,
                default_words: &[$($words)?],
                set: |config, raw| {
                    config.$section.$key = <$ty as Value>::read(raw)?;
                    Ok(())
                },
                show: |config| Value::show(&config.$section.$key),
            },
        )+)+];

        /// Every section with its documentation.
        pub const SECTIONS: &[(&str, &str)] = &[$((stringify!($section), concat!($($section_doc, "\n"),+)),)+];
    };
}

const DAY: u64 = 24 * 3600;

/// Runs mostly wait for something else than a core.
fn places() -> u64 {
    let cores = std::thread::available_parallelism().map_or(2, usize::from) as u64;
    (2 * cores).max(16)
}

sections! {
    /// Where the server listens.
    server: Server {
        /// Address to listen on. Anything but a loopback address lets other machines in: then people have accounts (`people.enabled`).
        bind: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
        /// Port to listen on; 0 takes a free one.
        port: u16 = 7444;
        /// Address under which people reach the server, where it stands behind another one, such as
        /// `https://rigi.example.org`. Links are made from it.
        public_url: Option<String> = None;
        /// A `follower` serves beside the server that leads, on the same PostgreSQL and with the same files: it answers, accepts and
        /// cancels, and starts no runs. The keys in both data folders (`secret.key`) are the same. With `auto`, of several servers one
        /// leads, and another one does within seconds when it ends: see [several servers](several-servers.md).
        seat: Seat = Seat::Leader;
        /// Host name or address under which other servers of the same database reach this one, such as that of its pod. Without it: the
        /// address that it listens on, if that is one.
        peer: Option<String> = None;
        /// Proxies in front of the server, by address or network. Whatever `X-Forwarded-For` says counts from them alone.
        trusted_proxies: Networks = Networks::default();
        /// Let other machines reach the server without TLS, so that whoever is between can read passwords and results.
        plain_http: bool = false;
        /// Further host names that it answers to, beside those of `bind`, `public_url` and `tls.names`: what other machines within call it.
        names: Names = Names::default();
        /// How long it serves on after SIGTERM, while `/readyz` says no: until whoever leads requests here has seen that. A second SIGTERM
        /// ends the wait.
        drain: Time = Time(Duration::ZERO);
    }

    /// People with accounts. Without them, the server is one person's, who comes by a link, and other machines do not reach it.
    people: People {
        /// Whether people have accounts (`rigi up --team`).
        enabled: bool = false;
        /// Whether they may sign in with a mail address and a password.
        passwords: bool = true;
        /// Mail address of the first administrator, where a provider (`[providers.NAME]`) verifies it: for servers that nobody starts by hand.
        first_admin: Option<String> = None;
        /// Whether owners may make their projects public: whoever comes may look at them.
        public_projects: bool = false;
        /// A session that nobody uses ends after this time.
        session_idle: Time = Time(Duration::from_secs(12 * 3600));
        /// A session ends after this time, whatever it is used for.
        session_longest: Time = Time(Duration::from_secs(30 * DAY));
    }

    /// By which mail server mail goes: invitations, links to set a new password, notes of changes. Without `host`, links are handed on by hand.
    mail: Mail {
        /// Name of the mail server.
        host: Option<String> = None;
        /// Where it listens.
        port: Option<u16> = None => "587 with `starttls`, 465 with `tls`, 25 with `none`";
        /// How what is said to it is encrypted: `starttls` begins in clear and goes on encrypted or not at all, `tls` is encrypted from the
        /// first byte on, `none` is for a mail server on this machine or behind a tunnel.
        tls: MailTls = MailTls(Encryption::StartTls);
        /// Certificates (PEM) that the mail server's is held against, beside those that the machine trusts.
        ca_file: Option<PathBuf> = None;
        /// As whom to sign in to it.
        user: Option<String> = None;
        /// With what. Give it by `RIGI_MAIL__PASSWORD_FILE` rather than in a file that others read.
        password: Option<Password> = None;
        /// Who writes, such as `Rigi <rigi@example.org>`.
        from: Option<MailSender> = None;
        /// The mail server has so long for each thing that it is asked.
        timeout: Time = Time(Duration::from_secs(30));
        /// After each try that went wrong, the time to the next one. Then a mail is given up; one that the mail server refuses for good is at once.
        retries: Times = Times::default();
    }

    /// What is kept on disk.
    data: Data {
        /// Folder of the database, logs, artifacts and environments.
        folder: Option<PathBuf> = None => "`.rigi` in the pipelines folder";
        /// Folder in which projects that people make have their pipelines, each in a folder of its own. Several servers have the same.
        projects: Option<PathBuf> = None => "`projects` in the data folder";
    }

    /// Where runs are remembered.
    database: Database {
        /// Empty: SQLite in the data folder. `postgres://user:password@host/name`: PostgreSQL. Give the password
        /// by `RIGI_DATABASE__URL_FILE` rather than in a file that others read.
        url: Secret = Secret::default() => "empty: SQLite in the data folder";
    }

    /// What seals secrets.
    secrets: Secrets {
        /// The server's key, 64 digits of hex (`openssl rand -hex 32`), where it is to be kept elsewhere than in the data folder. Give it
        /// by `RIGI_SECRETS__KEY_FILE`, or by `RIGI_SECRETS__KEY`.
        key: Option<Password> = None => "`secret.key` in the data folder";
        /// The key that was given before, as 64 digits of hex: the one that is given now takes its place at the next start.
        former_key: Option<Password> = None;
        /// The server's key in Vault's KV v2, `mount/path#field`, read when the server starts. A new version takes the place of the one before.
        vault_key: Option<VaultPlace> = None;
        /// Name of a key of Vault's transit engine, `mount/name`, which wraps the server's key in the data folder and opens it when the server starts.
        vault_transit: Option<String> = None;
        /// Where projects may have the values of secrets: `env:TEAM_*` (variables of the server), `file:/run/secrets` (files of its machine, all
        /// below), `vault:mount/path` (it, and all below). `{project}` stands for the project's id: its first name.
        from: AllowedSources = AllowedSources::default() => "nowhere";
    }

    /// HashiCorp Vault, for values of secrets (`secrets.from`) and the server's key (`secrets.vault_key`).
    vault: VaultServer {
        /// Where it answers, such as `https://vault.example.org:8200`. Without TLS on this machine alone.
        address: Option<WebAddress> = None;
        /// The server's token; it is renewed in time. Give it in a file rather: `token_file`.
        token: Option<Password> = None;
        /// File with the token, read each time: that of Vault Agent, for one, which renews it.
        token_file: Option<PathBuf> = None;
        /// Namespace of Vault Enterprise.
        namespace: Option<String> = None;
        /// Certificates (PEM) that Vault's is held against, beside those that the machine trusts.
        ca_file: Option<PathBuf> = None;
        /// Mounts of KV v2 whose names have several parts, such as `team/kv`. Of all others, the first part of a path is the mount.
        mounts: Lines = Lines::default();
    }

    /// Where files lie: captured code, uploads, artifacts, logs of ended runs. `rigi storage check` looks at it.
    storage: Storage {
        /// `s3://bucket/prefix` (Amazon's S3, MinIO and what else speaks S3), `gs://bucket/prefix` (Google Cloud Storage), or
        /// the full path of a folder.
        url: StorageAddress = StorageAddress::default() => "empty: in the data folder";
        /// Where S3 answers, if not at Amazon's, such as `https://minio.example.org`.
        endpoint: Option<WebAddress> = None;
        /// Region of the bucket.
        region: Option<String> = None => "`AWS_REGION`, else `us-east-1`";
        /// The server's key. Without it, the usual places are asked: `AWS_*` variables, web identity, the machine's role.
        access_key_id: Option<String> = None;
        /// Its secret. Give it by `RIGI_STORAGE__SECRET_ACCESS_KEY_FILE` rather than in a file that others read.
        secret_access_key: Option<Password> = None;
        /// ARN of the role that runs' credentials are made from. Amazon needs one.
        role: Option<String> = None;
        /// Where runs' credentials are made (STS).
        sts_endpoint: Option<WebAddress> = None => "`endpoint`, else Amazon's";
        /// How long runs' credentials last; they are renewed in time. `none`: runs get none.
        credentials_for: Option<Time> = Some(Time(Duration::from_secs(3600)));
        /// Whether the server itself answers S3's tools, over any storage: keys for people (`rigi storage key`), and credentials for
        /// runs where the storage gives none (`on`), or in any case (`always`).
        gateway: GatewayUse = GatewayUse::Off;
        /// Where processes of runs reach the server for that.
        gateway_url: Option<WebAddress> = None => "the server's own address";
    }

    /// What runs may use unless their spec says otherwise. `none` takes a limit away.
    limits: Limits {
        /// Runs that may be active at a time, over all pipelines. Further ones wait.
        runs: u64 = places() => "twice the cores, at least 16";
        /// Longest time of one attempt.
        timeout: Option<Time> = None;
        /// Time between the request to stop (SIGTERM) and the end (SIGKILL).
        grace_period: Time = Time(Duration::from_secs(10));
        /// Cores of one attempt.
        cpu: Option<Cores> = None;
        /// Memory of one attempt, its whole process tree together.
        memory: Option<Bytes> = None;
        /// Processes and threads of one attempt.
        processes: Option<u64> = Some(1024);
        /// Open files of one process.
        open_files: Option<u64> = Some(4096);
        /// Bytes that one attempt may write to its outputs.
        output_size: Option<Bytes> = Some(Bytes(10 << 30));
        /// Bytes of log that are kept of one attempt; what comes after is counted and left out.
        log_size: Option<Bytes> = Some(Bytes(64 << 20));
        /// Bytes of one pipeline's folder, without what is left out of its code.
        code_size: Option<Bytes> = Some(Bytes(256 << 20));
        /// Files of one pipeline's folder.
        code_files: Option<u64> = Some(10_000);
        /// Room on the disk of the data folder that is kept free: with less, nothing is accepted and nothing started.
        free_disk: Option<Bytes> = Some(Bytes(256 << 20));
    }

    /// What follows a failed attempt of a pipeline that does not say so itself.
    retry: Retry {
        /// Further attempts after the first.
        attempts: u32 = 0;
        /// Time before the next attempt.
        delay: Time = Time(Duration::from_secs(60));
    }

    /// How long things are kept. `none` keeps for ever.
    retention: Retention {
        /// Ended runs of each pipeline.
        runs: Option<u64> = Some(1000);
        /// Age of ended runs.
        age: Option<Time> = Some(Time(Duration::from_secs(90 * DAY)));
        /// Bytes of artifacts and logs of each pipeline.
        bytes: Option<Bytes> = None;
        /// Bytes of artifacts and logs of all pipelines together.
        total_bytes: Option<Bytes> = Some(Bytes(20 << 30));
        /// How long things that nothing refers to are left alone before they are removed.
        collect_after: Time = Time(Duration::from_secs(3600));
        /// Age of lines of the audit log.
        audit: Option<Time> = Some(Time(Duration::from_secs(2 * 365 * DAY)));
        /// Age of lines of the mail log.
        mails: Time = Time(Duration::from_secs(30 * DAY));
        /// Age of what is known of notices.
        notices: Time = Time(Duration::from_secs(30 * DAY));
        /// Age of uploads that no run took.
        uploads_age: Time = Time(Duration::from_secs(DAY));
        /// How long projects that were deleted can be brought back. Then all of them goes, with their files.
        projects: Time = Time(Duration::from_secs(30 * DAY));
    }

    /// Whose processes the runs are.
    process: Process {
        /// Account that runs have instead of Rigi's own, by its name or its number. Rigi must be started by root for it.
        run_as: Option<String> = None;
        /// Folder of what runs must reach when they have another account: their own folders, environments, helpers.
        folder: Option<PathBuf> = None => "beside the data folder, with `-runs` at its end";
    }

    /// TLS of the server itself, on `server.port`: from files, or from an authority by ACME. Behind a proxy that has it, none is needed.
    tls: Tls {
        /// File of the certificate and those of who signed it, as PEM. It is read again when it changes.
        certificate: Option<PathBuf> = None;
        /// File of its key.
        key: Option<PathBuf> = None;
        /// Directory of an authority that speaks ACME, such as `https://acme-v02.api.letsencrypt.org/directory`. To name one is to agree to its terms. Port 443 of each name leads to `server.port`.
        acme: Option<String> = None;
        /// Host names that a certificate is fetched for. The first is the one of links.
        names: Names = Names::default();
        /// Mail address that the authority may write to.
        contact: Option<String> = None;
        /// File of the certificate of an authority whose own server this machine does not trust, as PEM.
        acme_root: Option<PathBuf> = None;
    }

    /// Where runs execute. Each engine of containers and each cluster has a table of its own, `[targets.NAME]`.
    targets: Targets {
        /// Target of pipelines that name none.
        default: String = "process".to_owned();
    }

    /// How runners, which do the work in containers and on clusters, reach the server.
    runners: Runners {
        /// Address and port to listen on for runners of other machines, such as `10.0.0.5:7445`. Nothing else is served there.
        bind: Option<SocketAddr> = None;
        /// The same as runners see it, such as `http://rigi-runners.data.svc:7445`.
        url: Option<String> = None => "made from `bind`";
    }

    /// What is sent to addresses that people give: notices.
    outbound: Outbound {
        /// Networks within, and addresses of this machine, that may be reached all the same, such as `10.1.0.0/16`.
        allow_inside: Networks = Networks::default();
    }

    /// Metrics for Prometheus. The server's own port has them at `/metrics`, for those who show its token.
    metrics: Metrics {
        /// Address and port of their own, such as `127.0.0.1:9464`: without a token, and nothing else is served there.
        listen: Option<SocketAddr> = None;
    }

    /// Git repositories that pipelines come from. It takes the programs `git` and, for addresses by SSH, `ssh` on the server's machine.
    git: Git {
        /// How repositories may be reached. `http` is in clear, and `file` is this machine: for tests.
        protocols: Names = Names(vec!["https".to_owned(), "ssh".to_owned()]);
        /// Names, addresses and networks of the inside that repositories may lie on, such as `git.lab.example` or `10.1.0.0/16`. Whatever else
        /// lies on this machine or in a network of one's own is not asked.
        inside: Names = Names::default();
        /// One sync takes no longer.
        timeout: Time = Time(Duration::from_secs(120));
        /// What is fetched at a time, and what the pipelines of a commit have together, is no larger.
        size: Bytes = Bytes(1 << 30);
        /// A commit has no more files, below the folder that is taken of it.
        files: u64 = 100_000;
    }

    /// What is publicly known against the packages of environments. Without `source`, nobody is asked.
    audit: Audit {
        /// Who is asked: an OSV API (`https://api.osv.dev`), the full path of a folder or a zip with OSV's records (`/srv/osv/all.zip`) for
        /// machines that reach no API, or the program `pip-audit`, by that name or its full path. It is told names and versions of packages.
        source: Option<AuditSource> = None;
        /// When all pipelines' packages are looked at, as cron in UTC, beside after each build of an environment. `none`: then alone.
        schedule: Option<AuditTimes> = Some(AuditTimes::default());
        /// Advisories that do not count, each with a reason and perhaps a last day: `CVE-2023-32681 until 2027-03-31: no proxy here`.
        ignore: IgnoredAdvisories = IgnoredAdvisories::default();
        /// One audit takes no longer.
        timeout: Time = Time(Duration::from_secs(300));
    }

    /// Where events of runs go by OpenLineage. Without an address or a file, nowhere.
    lineage: Lineage {
        /// Address that events are posted to, such as `https://marquez.example.org/api/v1/lineage`. It may lie inside.
        url: Option<WebAddress> = None;
        /// Instead of an address, a file that gets a line for each event; by its full path.
        file: Option<PathBuf> = None;
        /// Goes with each event (`Authorization: Bearer`). Give it by `RIGI_LINEAGE__TOKEN_FILE` rather than in a file that others read.
        token: Option<Password> = None;
        /// The namespace of jobs and datasets.
        namespace: String = "rigi".to_owned();
    }

    /// What starts runs when something has happened.
    triggers: Triggers {
        /// Folders of this machine in which triggers may look for files, such as `/data/incoming`, with all that lies below them. Unless some
        /// are named: any where one person has the server, none where people have accounts.
        folders: Lines = Lines::default();
    }

    /// How Python pipelines get their environments.
    python: Python {
        /// The `uv` program.
        uv: Option<PathBuf> = None => "the one on `PATH`, else one installed into the data folder";
        /// Python version of pipelines that name none, such as `3.12`.
        default_version: Option<String> = None => "the newest that `uv` finds";
        /// Longest time that building one environment may take.
        build_timeout: Time = Time(Duration::from_secs(30 * 60));
    }

    /// What runs see of the server's environment.
    environment: Environment {
        /// Names of the server's environment variables that runs get, beside the few that every program needs.
        allow: Names = Names::default();
    }

    /// The server's own log, on its standard error.
    log: Log {
        /// How much is written.
        level: LogLevel = LogLevel::Info;
        /// Lines for people, or one JSON object a line.
        format: LogFormat = LogFormat::Text;
    }
}

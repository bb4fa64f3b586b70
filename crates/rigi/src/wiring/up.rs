//! `rigi up`: the server in the foreground, or sent into the background.

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rigi_model::Timestamp;
use rigi_server::auth::{Auth, Owner, People, SignInRules};
use rigi_server::http::{AppState, Inner};
use rigi_server::lineage::{Lineage, keep_telling};
use rigi_server::live::{Feeds, Logs};
use rigi_server::mail::{Mail, Post};
use rigi_server::measures::Measures;
use rigi_server::notices::Sender;
use rigi_server::outside::Outside;
use rigi_server::packages::{Auditor, keep_auditing};
use rigi_store::Renew;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::daemon::Signals;
use super::data_folder::{DataFolder, Fresh};
use super::error::of_store;
use super::listen;
use super::parts::Parts;
use super::runners::Doors;
use super::seats::{self, Turn};
use super::tls::Tls;
use crate::client::ServerFile;
use crate::config::GatewayUse;
use crate::config::{Config, Loaded};
use crate::terminal::{place, say, set_in};
use crate::trouble::Trouble;

/// How to start.
#[derive(Debug, Clone)]
pub struct UpOptions {
    /// The pipelines folder, as given.
    pub pipelines: PathBuf,
    /// The configuration.
    pub loaded: Loaded,
    /// In the background.
    pub detach: bool,
    /// What the data folder has lost and begins anew with.
    pub renew: Renew,
}

/// Said by a server that follows.
const FOLLOWS: &str = "this server follows another one, which runs what is accepted here; why a run waits, what it uses and the log of \
    an attempt that has not ended are told there";
/// Between two looks of the collector, while things end.
const COLLECT_EVERY: Duration = Duration::from_secs(3600);

/// Starts the server and stays until it is stopped; with `detach`, until it is ready.
///
/// # Errors
/// With what keeps it from starting.
pub fn up(options: UpOptions) -> anyhow::Result<ExitCode> {
    if options.detach {
        return Ok(super::daemon::detach(&options)?);
    }
    rigi_local::inheritance::leave_caller();
    super::open_files::raise();
    crate::logging::start(&options.loaded.config.log);
    let fresh = Fresh::before(&options.loaded.data_folder());
    let mut kept = None;
    // A server that begins to lead, or does so no more, starts anew: whoever calls it meanwhile waits.
    let ended = loop {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let ended = runtime.block_on(foreground(options.clone(), &fresh, &mut kept));
        runtime.shutdown_timeout(Duration::from_secs(2));
        if !matches!(ended, Ok(Ending::Anew)) {
            break ended;
        }
    };
    fresh.discard();
    ended?;
    Ok(ExitCode::SUCCESS)
}

/// Why a server does not serve any more.
enum Ending {
    /// Somebody stopped it.
    Stopped,
    /// It has another seat from now on.
    Anew,
}

/// What stays while a server starts anew.
struct Stays {
    listener: std::net::TcpListener,
    measures: Measures,
    /// Heard from when it serves for the first time: until then they end the process.
    signals: OnceCell<Signals>,
}

impl Stays {
    fn begin(config: &Config) -> Result<Self, Trouble> {
        let listener = listen::bind(config)?.into_std();
        let listener = listener.map_err(|error| listen::refused(config, &error))?;
        let measures = Measures::install().map_err(|why| {
            let message = format!("metrics do not start: {why}");
            Trouble::new(rigi_model::ErrorCode::Internal, message, "start it again")
        })?;
        Ok(Self { listener, measures, signals: OnceCell::new() })
    }
}

async fn foreground(options: UpOptions, fresh: &Fresh, kept: &mut Option<Stays>) -> Result<Ending, Trouble> {
    let begun = Instant::now();
    let UpOptions { pipelines, loaded, renew, .. } = options;
    super::check::pipelines_folder(&pipelines)?;
    let folder = DataFolder::take(&loaded.data_folder())?;
    let stays = match kept {
        Some(stays) => stays,
        None => kept.insert(Stays::begin(&loaded.config)?),
    };
    let listener = stays.listener.try_clone().and_then(TcpListener::from_std);
    let listener = listener.map_err(|error| listen::refused(&loaded.config, &error))?;
    let measures = stays.measures.clone();
    let doors = Doors::open(&loaded.config, &folder.path).await?;
    let metrics = listen::for_metrics(&loaded.config).await?;
    let tls = Tls::open(&loaded.config, &folder)?;
    let commands = match &tls {
        Some(_) => Some(listen::for_commands().await?),
        None => None,
    };
    let url = public_url(&listener, &loaded);
    // Without TLS, this machine's own address: who stands before the server need not be asked.
    let reached = listen::local_url(&listener).filter(|_| tls.is_none()).or_else(|| Some(url.clone()));
    let peers = seats::reached(&loaded.config, &listener);
    let (parts, engine_thread) =
        on_engine_thread(Parts::open(loaded.clone(), folder, renew, reached, peers)).await?;
    let (stop, stopped) = watch::channel(false);
    let state = state(&parts, &loaded, &pipelines, (&url, measures))?;
    doors.serve(&rigi_server::http::runner::router(state.clone()), &stopped);
    if let Some(metrics) = metrics {
        let router = rigi_server::http::scrape::router().with_state(state.clone());
        tokio::spawn(listen::serve(metrics, router, stopped.clone()));
    }
    let link = first_link(&parts, &state).await?;
    let local = listen::local_url(commands.as_ref().unwrap_or(&listener)).filter(|local| *local != url);
    announce(&parts, &state, &format!("{url}{link}"), (&url, local), begun)?;
    fresh.keep();
    if parts.engine.leads() {
        if let Some(mail) = &state.mail {
            let (store, smtp) = (parts.engine.store().clone(), mail.smtp.clone());
            let keep = loaded.config.retention.mails.0;
            tokio::spawn(rigi_server::mail::keep_sending(Post { store, smtp, keep }));
        }
        tokio::spawn(rigi_server::notices::keep_sending(state.sender.clone()));
        rigi_engine::notices::start(parts.engine.clone(), parts.projects.clone());
        rigi_engine::triggers::start(parts.engine.clone(), parts.projects.clone());
        rigi_engine::flows::start(parts.engine.clone(), parts.projects.clone());
        tokio::spawn(parts.collector.clone().run(COLLECT_EVERY));
        tokio::spawn(keep_auditing(state.auditor.clone()));
        tokio::spawn(keep_telling(Lineage {
            store: parts.engine.store().clone(),
            projects: parts.projects.clone(),
            settings: loaded.config.lineage_settings(),
        }));
        if loaded.config.people.enabled {
            let idle = loaded.config.people.session_idle.0;
            let audit = loaded.config.retention.audit.map(|age| age.0);
            tokio::spawn(super::people::keep(parts.engine.store().clone(), idle, audit));
        }
    }
    let seat = loaded.config.server.seat;
    let (store, process) = (parts.engine.store().clone(), parts.process.clone());
    let turned = tokio::spawn(seats::turns(seat, store, process, stop.clone()));
    let leaving = state.clone();
    let signals = stays.signals.get_or_init(Signals::hear).clone();
    tokio::spawn(signals.heed(stop, move || leaving.readiness.end(), loaded.config.server.drain.0));
    tokio::spawn(end_streams(state.clone(), stopped.clone()));
    let router = rigi_server::http::router(state);
    if let Some(commands) = commands {
        tokio::spawn(listen::serve(commands, router.clone(), stopped.clone()));
    }
    match tls {
        Some(tls) => {
            let _ = parts.surroundings.certificates.set(tls.certificates.clone());
            listen::serve(tls.listen(listener, &loaded.config, &parts.folder), router, stopped).await;
        }
        None => listen::serve(listener, router, stopped).await,
    }
    let left = finish(&parts).await;
    parts.folder.withdraw();
    super::daemon::unregister(&parts.folder.path);
    // A server whose database or whose runs went to another one has nothing to say any more; what it started goes on.
    match if turned.is_finished() { turned.await.ok() } else { None } {
        Some(Turn::Ends(failure)) => Err(failure),
        Some(Turn::Anew(chair)) => {
            drop(parts);
            engine_thread.end().await;
            if let Some(chair) = chair {
                chair.leave().await;
            }
            Ok(Ending::Anew)
        }
        None => {
            say_left(left);
            Ok(Ending::Stopped)
        }
    }
}

/// Streams never end by themselves, and the server waits for answers that are under way.
async fn end_streams(state: AppState, mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
    state.logs.close();
    state.feeds.close();
}

/// The engine's tasks share a thread: a hand-over between them wakes nobody else, and what people ask of the server does not
/// keep runs waiting.
async fn on_engine_thread<T: Send + 'static>(
    start: impl Future<Output = Result<T, Trouble>> + Send + 'static,
) -> Result<(T, EngineThread), Trouble> {
    let broken = |why: String| Trouble::new(rigi_model::ErrorCode::Internal, why, "start it again");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| broken(format!("the engine does not start: {e}")))?;
    let engine = runtime.handle().clone();
    let thread = std::thread::Builder::new().name("engine".into());
    let (keeps, kept) = oneshot::channel();
    let serve = move || {
        // Nothing is ever sent.
        let _ = runtime.block_on(kept);
        runtime.shutdown_timeout(Duration::from_secs(1));
    };
    let thread = thread.spawn(serve).map_err(|e| broken(format!("the engine does not start: {e}")))?;
    let started = engine.spawn(start).await.map_err(|e| broken(format!("the engine does not start: {e}")))?;
    Ok((started?, EngineThread { keeps, thread }))
}

/// Where the engine's tasks are.
struct EngineThread {
    keeps: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl EngineThread {
    /// Ends them. Before that, what they hold is not another's: the supervisor would take two links for two servers.
    async fn end(self) {
        drop(self.keeps);
        let thread = self.thread;
        // It does not fail.
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    }
}

/// A folder as it is found from anywhere.
pub(crate) fn whole_path(folder: &std::path::Path) -> PathBuf {
    folder.canonicalize().or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned())
}

/// What handlers reach.
pub(crate) fn state(
    parts: &Parts,
    loaded: &Loaded,
    pipelines: &std::path::Path,
    (url, measures): (&str, Measures),
) -> Result<AppState, Trouble> {
    let mut warnings = loaded.warnings.clone();
    warnings.extend(parts.projects.all().iter().filter_map(|project| {
        let why = project.catalog.unfollowed()?;
        Some(format!(
            "the pipelines folder {} is not followed ({why}): changes are shown when a pipeline is opened or run, new ones \
             after a restart",
            project.catalog.folder().display()
        ))
    }));
    warnings.extend(parts.left_out.clone());
    if !parts.engine.leads() {
        warnings.push(FOLLOWS.to_owned());
    }
    if rustix::process::geteuid().is_root() && loaded.config.process.run_as.is_none() {
        warnings.push(
            "Rigi runs as root, and so do the pipelines: use an account of its own, or set `process.run_as`"
                .to_owned(),
        );
    }
    warnings.extend(parts.folder.foreign_owner());
    let auth = auth(parts, loaded, url)?;
    let mail = mail(&loaded.config, url)?;
    let outside = Outside::new(loaded.config.outbound.allow_inside.0.clone());
    let sender = Sender {
        store: parts.engine.store().clone(),
        outside: outside.clone(),
        mails: mail.is_some(),
        public_url: url.to_owned(),
        keep: loaded.config.retention.notices.0,
    };
    Ok(AppState::new(Inner {
        engine: parts.engine.clone(),
        remote: parts.remote.clone(),
        projects: parts.projects.clone(),
        repositories: parts.repositories.clone(),
        changing_projects: tokio::sync::Mutex::default(),
        webhook_calls: rigi_server::http::webhooks::Calls::default(),
        arrivals: rigi_server::http::tus::Arrivals::default(),
        gateway: loaded.config.storage.gateway != GatewayUse::Off,
        auth,
        mail,
        outside,
        sender,
        auditor: Auditor::new(
            parts.engine.clone(),
            parts.projects.clone(),
            parts.collector.environments.clone(),
            loaded.config.audit_settings(),
        ),
        feeds: Feeds::default(),
        logs: Logs::new(parts.engine.clone()),
        started_at: Timestamp::now(),
        pipelines_folder: whole_path(pipelines),
        collector: parts.collector.clone(),
        surroundings: parts.surroundings.clone(),
        looking: std::sync::Arc::default(),
        warnings,
        readiness: rigi_server::http::health::Readiness::default(),
        measures,
        asked: rigi_server::http::scrape::Asked::default(),
    }))
}

/// How mail goes from here.
fn mail(config: &Config, url: &str) -> Result<Option<Mail>, Trouble> {
    let mail = config.mail_settings().and_then(|settings| settings.map(|s| Mail::new(s, url)).transpose());
    mail.map_err(|e| {
        Trouble::new(rigi_model::ErrorCode::ConfigInvalid, e, "see `[mail]` in docs/operate/configuration.md")
    })
}

/// Who is let in.
fn auth(parts: &Parts, loaded: &Loaded, url: &str) -> Result<Auth, Trouble> {
    let config = &loaded.config;
    let mut owner = Owner::new(parts.folder.token()?, listen::hosts(config));
    if url.starts_with("https://") {
        owner = owner.over_https();
    }
    let people = &config.people;
    if !people.enabled {
        return Ok(Auth::of_one(owner).at(url));
    }
    let rules = SignInRules {
        idle: people.session_idle.0,
        longest: people.session_longest.0,
        passwords: people.passwords,
        first_administrator: people.first_admin.clone(),
        public_projects: people.public_projects,
    };
    let mut providers = Vec::new();
    for (name, provider) in &config.providers {
        let cure = "see `[providers.NAME]` in docs/operate/configuration.md";
        let settings = provider.settings(name);
        providers.push(settings.map_err(|e| Trouble::new(rigi_model::ErrorCode::ConfigInvalid, e, cure))?);
    }
    let people = People::start(parts.engine.store().clone(), rules, providers);
    Ok(Auth::of_people(owner, people).behind(config.server.trusted_proxies.0.clone()).at(url))
}

/// The address that people use.
pub(crate) fn public_url(listener: &TcpListener, loaded: &Loaded) -> String {
    let config = &loaded.config;
    if let Some(url) = &config.server.public_url {
        return url.clone();
    }
    let local = listener.local_addr();
    let Some(name) = config.tls.names.0.first().filter(|_| config.tls.is_on()) else {
        let scheme = if config.tls.is_on() { "https" } else { "http" };
        let address = local.map_or_else(|_| "127.0.0.1".to_owned(), |address| address.to_string());
        return format!("{scheme}://{address}");
    };
    // An authority comes to port 443, and so do people.
    match local.map_or(443, |address| address.port()) {
        port if config.tls.acme.is_none() && port != 443 => format!("https://{name}:{port}"),
        _ => format!("https://{name}"),
    }
}

/// What follows the server's address in what is printed: with it, the one person signs in, or the first administrator does.
async fn first_link(parts: &Parts, state: &AppState) -> Result<String, Trouble> {
    if state.auth.people.is_none() {
        return Ok(format!("/?token={}", state.auth.owner.new_link(Timestamp::now()).unwrap_or_default()));
    }
    if !parts.engine.leads() {
        return Ok(String::new());
    }
    let link = rigi_server::http::first_administrator_link(state).await.map_err(|e| of_store(&e))?;
    Ok(link.unwrap_or_default())
}

/// Tells people and commands that the server is ready.
fn announce(
    parts: &Parts,
    state: &AppState,
    link: &str,
    (url, local): (&str, Option<String>),
    begun: Instant,
) -> Result<(), Trouble> {
    parts.folder.announce(&ServerFile {
        url: url.to_owned(),
        local,
        token: parts.folder.token()?,
        pid: std::process::id(),
        pipelines_folder: state.pipelines_folder.display().to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: state.started_at,
    })?;
    super::daemon::register(&parts.folder.path);
    let projects = parts.projects.all();
    let all: Vec<_> = projects.iter().flat_map(|project| project.catalog.all()).collect();
    let count = if all.len() == 1 { "1 pipeline".to_owned() } else { format!("{} pipelines", all.len()) };
    let place = match projects.as_slice() {
        [only] => only.catalog.folder().display().to_string(),
        many => format!("{} projects", many.len()),
    };
    let data = parts.folder.path.display();
    let mut text = format!(
        "Rigi {} is ready in {} ms: {link}   ({count} in {place}, data in {data})\n",
        env!("CARGO_PKG_VERSION"),
        begun.elapsed().as_millis(),
    );
    let recovered = parts.recovered;
    if recovered.adopted > 0 {
        let are = if recovered.adopted == 1 { "is" } else { "are" };
        let adopted = runs(recovered.adopted);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{adopted} went on without the server and {are} followed again.");
    }
    if link.contains("/join#") {
        text.push_str("The link makes the first administrator; it ends in an hour, and is made anew at each start until somebody took it.\n");
    }
    for warning in state.warnings.iter().chain(&parts.storage_trouble) {
        let _ = writeln!(text, "Note: {warning}.");
    }
    text.push_str(&mistakes(&all));
    // All at once: `--detach` reads up to the first line and goes. Nobody may listen any more; the server serves.
    let _ = say(&text);
    Ok(())
}

fn runs(count: u64) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

fn mistakes(pipelines: &[std::sync::Arc<rigi_engine::catalog::Pipeline>]) -> String {
    let wrong: Vec<_> = pipelines.iter().filter_map(|p| Some((p, p.outcome.as_ref().err()?))).collect();
    let mut text = match wrong.len() {
        0 => String::new(),
        1 => "1 pipeline has a mistake:\n".to_owned(),
        n => format!("{n} pipelines have mistakes:\n"),
    };
    for (pipeline, mistakes) in wrong {
        for mistake in mistakes.iter().take(3) {
            let view = rigi_server::http::mistake_view(pipeline, mistake);
            let _ = writeln!(text, "  {}  {}", place(&view), set_in(&view.message, 4));
        }
    }
    text
}

/// Starts nothing more. Returns how many runs go on without the server.
pub(crate) async fn finish(parts: &Parts) -> u64 {
    let _ = tokio::time::timeout(Duration::from_secs(5), parts.engine.close()).await;
    // What another server runs is not this one's to count.
    let active = if parts.engine.leads() { parts.engine.counts().await.1 } else { 0 };
    if active == 0 {
        parts.process.quit().await;
    }
    if parts.engine.leads() {
        parts.engine.store().step_down().await;
    }
    active
}

fn say_left(left: u64) {
    let (go_on, them) = if left == 1 { ("goes", "it") } else { ("go", "them") };
    if left > 0 {
        // Nobody may listen any more.
        let _ = say(&format!(
            "{} {go_on} on without the server. Start it again with the same command, or stop {them} with `rigi down --cancel`.",
            runs(left)
        ));
    }
}

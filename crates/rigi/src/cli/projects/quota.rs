//! `rigi projects quota`.

use clap::Args;
use reqwest::Method;
use rigi_api::view::{ProjectView, QuotaView};
use rigi_model::quantity::{QuantityError, parse_bytes, parse_cpu};

use super::change::millis;
use super::print;
use crate::cli::output::OutputArgs;
use crate::client::Client;

/// An amount, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount<T>(Option<T>);

impl<T> Amount<T> {
    /// What was given, else what there is.
    pub(super) fn over(given: Option<Self>, now: Option<T>) -> Option<T> {
        given.map_or(now, |given| given.0)
    }
}

/// Reads an amount; `none` is one.
pub(super) fn amount<T, E: std::fmt::Display>(
    text: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Amount<T>, String> {
    match text {
        "none" => Ok(Amount(None)),
        text => read(text).map(|amount| Amount(Some(amount))).map_err(|error| error.to_string()),
    }
}

/// Reads a whole number.
pub(super) fn whole<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is no whole number; `none` is no quota"))
}

fn cores(text: &str) -> Result<f64, QuantityError> {
    parse_cpu(text)
}

/// `rigi projects quota`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi projects quota air-quality --runs 20 --weight 2
  rigi projects quota air-quality --cpu 16 --memory 64GiB --storage 200GiB
  rigi projects quota air-quality --queued none     no quota of waiting runs any more")]
pub(super) struct SetQuota {
    /// Its name
    name: String,
    /// Runs that may be active at a time. Further ones wait
    #[arg(long, value_name = "COUNT", value_parser = |text: &str| amount(text, whole::<u64>))]
    runs: Option<Amount<u64>>,
    /// Its share of the places while several projects wait for them
    #[arg(long, value_name = "1-1000", value_parser = |text: &str| amount(text, whole::<u32>))]
    weight: Option<Amount<u32>>,
    /// Runs that may wait. Further ones are refused
    #[arg(long, value_name = "COUNT", value_parser = |text: &str| amount(text, whole::<u64>))]
    queued: Option<Amount<u64>>,
    /// Cores that its active runs may ask for together
    #[arg(long, value_name = "CORES", value_parser = |text: &str| amount(text, cores))]
    cpu: Option<Amount<f64>>,
    /// Memory that its active runs may ask for together
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| amount(text, parse_bytes))]
    memory: Option<Amount<u64>>,
    /// Files and logs that it may store
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| amount(text, parse_bytes))]
    storage: Option<Amount<u64>>,
    /// Longest time limit of a run
    #[arg(long, value_name = "TIME", value_parser = |text: &str| amount(text, millis))]
    max_timeout: Option<Amount<u64>>,
    /// Most cores of a run
    #[arg(long, value_name = "CORES", value_parser = |text: &str| amount(text, cores))]
    max_cpu: Option<Amount<f64>>,
    /// Most memory of a run
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| amount(text, parse_bytes))]
    max_memory: Option<Amount<u64>>,
    /// Where its runs may execute: names with commas between them; `none`: anywhere
    #[arg(long, value_name = "NAMES", value_parser = |text: &str| amount(text, names))]
    targets: Option<Amount<Vec<String>>>,
}

fn names(text: &str) -> Result<Vec<String>, String> {
    Ok(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

impl SetQuota {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<()> {
        let path = ["projects", self.name.as_str()];
        let now = client.get::<ProjectView>(&path, &[]).await?.quota;
        let body = QuotaView {
            runs: Amount::over(self.runs, now.runs),
            weight: Amount::over(self.weight, now.weight),
            queued: Amount::over(self.queued, now.queued),
            cpu: Amount::over(self.cpu, now.cpu),
            memory: Amount::over(self.memory, now.memory),
            storage: Amount::over(self.storage, now.storage),
            max_timeout_ms: Amount::over(self.max_timeout, now.max_timeout_ms),
            max_cpu: Amount::over(self.max_cpu, now.max_cpu),
            max_memory: Amount::over(self.max_memory, now.max_memory),
            targets: Amount::over(self.targets, now.targets),
        };
        let path = ["projects", self.name.as_str(), "quota"];
        let project: ProjectView = client.change(Method::PUT, &path, Some(&body)).await?;
        print(&project, OutputArgs::default())
    }
}

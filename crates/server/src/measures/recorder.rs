//! Where samples go: an atomic for each series. The map of series is locked for a look-up alone.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use metrics::{
    Counter, Gauge, GaugeFn as _, Histogram, HistogramFn, Key, KeyName, Label, Metadata, Recorder,
    SharedString, Unit,
};

use super::named::{self, Kind};
use super::text::{Sample, Text};

/// Series of each kind at most; what comes beyond is not measured.
const SERIES: usize = 4096;
/// Of a histogram that nobody has named.
const BOUNDS: &[f64] = &[0.01, 0.1, 1.0, 10.0, 100.0, 1000.0];

type Series<T> = RwLock<HashMap<Key, Arc<T>>>;

/// All that is measured in this process. Cheap to clone.
#[derive(Clone)]
pub struct Measures(Arc<All>);

#[derive(Default)]
struct All {
    counters: Series<AtomicU64>,
    gauges: Series<AtomicU64>,
    histograms: Series<Buckets>,
}

impl fmt::Debug for Measures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measures").finish_non_exhaustive()
    }
}

impl Default for Measures {
    /// With every series that is there from the start; samples go here once it is installed.
    fn default() -> Self {
        let measures = Self(Arc::default());
        for measure in named::ALL {
            for labels in measure.from_start {
                let labels: Vec<Label> = labels.iter().map(Label::from).collect();
                let key = Key::from_parts(measure.name, labels);
                match measure.kind {
                    Kind::Counter => _ = series(&measures.0.counters, &key, AtomicU64::default),
                    Kind::Gauge => _ = series(&measures.0.gauges, &key, AtomicU64::default),
                    Kind::Histogram(bounds) => {
                        _ = series(&measures.0.histograms, &key, || Buckets::new(bounds));
                    }
                }
            }
        }
        measures
    }
}

impl Measures {
    /// Takes all samples of this process from now on.
    ///
    /// # Errors
    /// If something else takes them already.
    pub fn install() -> Result<Self, String> {
        let measures = Self::default();
        metrics::set_global_recorder(measures.clone()).map_err(|error| error.to_string())?;
        Ok(measures)
    }

    /// The text for Prometheus, with what was asked for it.
    #[must_use]
    pub fn render(&self, asked: &[Sample]) -> String {
        let mut text = Text::default();
        for (key, value) in all(&self.0.counters) {
            text.number(Kind::Counter, &key, value.load(Ordering::Relaxed) as f64);
        }
        for (key, value) in all(&self.0.gauges) {
            text.number(Kind::Gauge, &key, f64::from_bits(value.load(Ordering::Relaxed)));
        }
        for (key, buckets) in all(&self.0.histograms) {
            let (counts, sum) = buckets.read();
            text.histogram(&key, buckets.bounds, &counts, sum);
        }
        for sample in asked {
            text.sample(sample);
        }
        text.finish()
    }
}

fn all<T>(series: &Series<T>) -> Vec<(Key, Arc<T>)> {
    let series = series.read().unwrap_or_else(PoisonError::into_inner);
    series.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The one of a key; a new one while there is room.
fn series<T>(all: &Series<T>, key: &Key, new: impl FnOnce() -> T) -> Option<Arc<T>> {
    if let Some(known) = all.read().unwrap_or_else(PoisonError::into_inner).get(key) {
        return Some(known.clone());
    }
    let mut all = all.write().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= SERIES && !all.contains_key(key) {
        return None;
    }
    Some(all.entry(key.clone()).or_insert_with(|| Arc::new(new())).clone())
}

impl Recorder for Measures {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        series(&self.0.counters, key, AtomicU64::default).map_or_else(Counter::noop, Counter::from_arc)
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        series(&self.0.gauges, key, AtomicU64::default).map_or_else(Gauge::noop, Gauge::from_arc)
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let new = || {
            Buckets::new(match named::of_name(key.name()).map(|measure| measure.kind) {
                Some(Kind::Histogram(bounds)) => bounds,
                _ => BOUNDS,
            })
        };
        series(&self.0.histograms, key, new).map_or_else(Histogram::noop, Histogram::from_arc)
    }
}

/// How many values lie up to each bound, and beyond the last.
struct Buckets {
    bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    /// Bits of a float.
    sum: AtomicU64,
}

impl Buckets {
    fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::default()).collect();
        Self { bounds, counts, sum: AtomicU64::default() }
    }

    fn read(&self) -> (Vec<u64>, f64) {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        (counts, f64::from_bits(self.sum.load(Ordering::Relaxed)))
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.increment(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(measures: &Measures, name: &str) -> Vec<String> {
        let text = measures.render(&[]);
        text.lines().filter(|line| line.contains(name)).map(str::to_owned).collect()
    }

    #[test]
    fn what_has_not_happened_is_zero() {
        let measures = Measures::default();
        let ended = lines(&measures, "rigi_runs_ended_total");
        assert_eq!(ended[0], "# HELP rigi_runs_ended_total Runs that ended, and how.");
        assert_eq!(ended[1], "# TYPE rigi_runs_ended_total counter");
        assert!(ended.contains(&r#"rigi_runs_ended_total{state="failed"} 0"#.to_owned()), "{ended:?}");
        assert_eq!(lines(&measures, "rigi_run_wait_seconds_count"), ["rigi_run_wait_seconds_count 0"]);
    }

    #[test]
    fn a_histogram_counts_up_to_each_bound() {
        let measures = Measures::default();
        metrics::with_local_recorder(&measures, || {
            let histogram =
                metrics::histogram!("rigi_http_request_seconds", "method" => "GET", "route" => "/a");
            [0.005, 0.75, 1.0, 500.0].into_iter().for_each(|seconds| histogram.record(seconds));
        });
        let said = lines(&measures, "rigi_http_request_seconds");
        assert_eq!(said[1], "# TYPE rigi_http_request_seconds histogram");
        let of = |end: &str| {
            let line = said.iter().find(|line| line.contains(end)).unwrap();
            line.rsplit(' ').next().unwrap().to_owned()
        };
        assert_eq!([of(r#"le="0.005""#), of(r#"le="0.5""#), of(r#"le="1""#)], ["1", "1", "3"]);
        assert_eq!(
            [of(r#"le="60""#), of(r#"le="+Inf""#), of("_count"), of("_sum")],
            ["3", "4", "4", "501.755"]
        );
    }

    #[test]
    fn series_are_bounded_and_those_that_are_there_go_on() {
        let measures = Measures::default();
        metrics::with_local_recorder(&measures, || {
            for n in 0..2 * SERIES {
                metrics::counter!("made_up_total", "n" => n.to_string()).increment(1);
            }
            metrics::counter!("made_up_total", "n" => "0").increment(1);
        });
        assert!(all(&measures.0.counters).len() <= SERIES);
        assert_eq!(lines(&measures, r#"made_up_total{n="0"}"#), [r#"made_up_total{n="0"} 2"#]);
    }
}

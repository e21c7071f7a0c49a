//! Figures of many samples.

use serde::{Deserialize, Serialize};

/// A figure, and between what it lies with a confidence of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub value: f64,
    pub from: f64,
    pub to: f64,
}

impl Interval {
    /// Whether all of this is above all of `other`.
    pub fn is_above(&self, other: &Interval) -> bool {
        self.from > other.to
    }
}

/// The value that this share of `sorted` is not above.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// The median, with the interval that order statistics give: no assumption on how the values are distributed.
pub fn median(mut values: Vec<f64>) -> Option<Interval> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 {
        return None;
    }
    // How many of n values are below the median is binomial: n/2, give or take 1.96 standard deviations of sqrt(n)/2.
    let reach = 0.98 * (n as f64).sqrt();
    let rank = |r: f64| values[(r.round().max(0.0) as usize).min(n - 1)];
    let middle = (n as f64 - 1.0) / 2.0;
    Some(Interval {
        value: rank_between(&values, middle),
        from: rank(middle - reach),
        to: rank(middle + reach),
    })
}

fn rank_between(sorted: &[f64], at: f64) -> f64 {
    (sorted[at.floor() as usize] + sorted[at.ceil() as usize]) / 2.0
}

/// The median of the ratios, pair by pair: what both were measured in, round by round.
pub fn ratio(a: &[Option<f64>], b: &[Option<f64>]) -> Option<Interval> {
    median(a.iter().zip(b).filter_map(|(a, b)| Some((*a)? / (*b)?)).collect())
}

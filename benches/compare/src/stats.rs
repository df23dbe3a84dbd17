//! Medians, quartiles, and the interval of a paired ratio. Pure arithmetic.

/// What a list of samples says.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    pub median: f64,
    pub low_quartile: f64,
    pub high_quartile: f64,
}

/// `None` when there is no sample.
pub fn summary(samples: &[f64]) -> Option<Summary> {
    if samples.is_empty() {
        return None;
    }
    let sorted = sorted(samples);
    Some(Summary {
        median: quantile(&sorted, 0.5),
        low_quartile: quantile(&sorted, 0.25),
        high_quartile: quantile(&sorted, 0.75),
    })
}

/// A ratio of two runtimes over the rounds in which both ran, and its 95 % interval.
#[derive(Clone, Copy, Debug)]
pub struct PairedRatio {
    pub ratio: f64,
    pub low: f64,
    pub high: f64,
    pub pairs: usize,
}

/// The geometric mean of the ratios, and its interval by bootstrap over the pairs.
/// `None` with fewer than two pairs.
pub fn paired_ratio(pairs: &[(f64, f64)]) -> Option<PairedRatio> {
    if pairs.len() < 2 {
        return None;
    }
    let logs: Vec<f64> = pairs
        .iter()
        .map(|(ours, theirs)| (ours / theirs).ln())
        .collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let sum: f64 = (0..logs.len())
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    logs[(state % logs.len() as u64) as usize]
                })
                .sum();
            sum / logs.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    Some(PairedRatio {
        ratio: mean(&logs).exp(),
        low: quantile(&means, 0.025).exp(),
        high: quantile(&means, 0.975).exp(),
        pairs: pairs.len(),
    })
}

const RESAMPLES: usize = 10_000;

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Linear between the neighbours. `sorted` is not empty.
fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    let position = fraction * (sorted.len() - 1) as f64;
    let below = sorted[position.floor() as usize];
    let above = sorted[position.ceil() as usize];
    below + (above - below) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::{paired_ratio, summary};

    #[test]
    fn median_and_quartiles_lie_between_the_neighbours() {
        let summary = summary(&[4.0, 1.0, 3.0, 2.0]).expect("there are samples");
        assert_eq!(summary.median, 2.5);
        assert_eq!(summary.low_quartile, 1.75);
        assert_eq!(summary.high_quartile, 3.25);
    }

    #[test]
    fn a_constant_ratio_has_no_width() {
        let ratio = paired_ratio(&[(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]).expect("three pairs");
        assert!((ratio.ratio - 0.5).abs() < 1e-12);
        assert!((ratio.high - ratio.low).abs() < 1e-12);
    }
}

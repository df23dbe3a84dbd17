//! Percentiles and straight lines. It knows nothing of what the numbers are.

use myrt::time::Duration;

/// The value below which `share` (0 to 1) of the sorted values lie; 0 where there are none.
pub(crate) fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let place = (last as f64 * share).round() as usize;
    sorted.get(place).copied().unwrap_or_default()
}

/// How straight the points lie: R² of the least-squares line.
pub(crate) fn straightness(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let sum = |f: &dyn Fn(f64, f64) -> f64| points.iter().map(|p| f(p.0 - x, p.1 - y)).sum::<f64>();
    let (xy, xx, yy) = (sum(&|a, b| a * b), sum(&|a, _| a * a), sum(&|_, b| b * b));
    if xx == 0.0 || yy == 0.0 {
        return 0.0;
    }
    xy * xy / (xx * yy)
}

#[test]
fn a_line_is_straight() {
    assert!(straightness(&[(1.0, 3.0), (2.0, 5.0), (3.0, 7.0)]) > 0.999);
    assert!(straightness(&[(1.0, 3.0), (2.0, -5.0), (3.0, 3.0)]) < 0.1);
}

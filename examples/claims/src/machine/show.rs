//! Numbers for people. It knows nothing of what they measure.

use myrt::time::Duration;

const KIB: f64 = 1024.0;

/// Bytes with a fitting unit.
pub(crate) fn bytes(count: u64) -> String {
    let count = count as f64;
    let (value, unit) = match count {
        _ if count < KIB => (count, "B"),
        _ if count < KIB * KIB => (count / KIB, "KiB"),
        _ if count < KIB * KIB * KIB => (count / KIB / KIB, "MiB"),
        _ => (count / KIB / KIB / KIB, "GiB"),
    };
    let digits = usize::from(value < 100.0 && unit != "B");
    format!("{value:.digits$} {unit}")
}

/// A time with a fitting unit.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds < 1e-3 => format!("{:.0} µs", seconds * 1e6),
        _ if seconds < 1e-2 => format!("{:.2} ms", seconds * 1e3),
        _ if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

/// A count with commas between its thousands.
pub(crate) fn count(value: impl TryInto<u64>) -> String {
    let digits = value.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn numbers_are_readable() {
    assert_eq!(count(1_234_567_usize), "1,234,567");
    assert_eq!(count(999_u32), "999");
    assert_eq!(bytes(8 << 20), "8.0 MiB");
    assert_eq!(time(Duration::from_micros(1500)), "1.50 ms");
}

//! Data comes first, or time does.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use exercises_06::timeout::readable_within;
use step06::block_on;

#[test]
fn time_runs_out() {
    let (here, _there) = UnixStream::pair().unwrap();
    assert!(!block_on(readable_within(&here, Duration::from_millis(5))));
}

#[test]
fn data_is_there() {
    let (here, mut there) = UnixStream::pair().unwrap();
    there.write_all(b"x").unwrap();
    assert!(block_on(readable_within(&here, Duration::from_secs(60))));
}

#[test]
fn data_comes_later() {
    let (here, mut there) = UnixStream::pair().unwrap();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(10));
        there.write_all(b"x").unwrap();
        there
    });
    assert!(block_on(readable_within(&here, Duration::from_secs(60))));
    writer.join().unwrap();
}

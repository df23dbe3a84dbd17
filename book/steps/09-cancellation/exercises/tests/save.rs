//! The file is whole, or there is none: after an error, after a timeout.

use std::cell::Cell;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use exercises_09::save::save;
use step09::{block_on, sleep, timeout};

/// An empty folder of its own for each test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("step09-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap();
        names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_whole_file_is_there_at_the_end() {
    let folder = Folder::new("whole");
    let path = folder.0.join("file");
    block_on(async {
        let left = Cell::new(3);
        let next = async || {
            if left.get() == 0 {
                return Ok(None);
            }
            assert!(!path.exists(), "it is not whole yet");
            left.set(left.get() - 1);
            Ok(Some(b"piece ".to_vec()))
        };
        save(&path, next).await.unwrap();
    });
    assert_eq!(fs::read(&path).unwrap(), b"piece piece piece ");
    assert_eq!(folder.files(), ["file"]);
}

#[test]
fn an_error_leaves_nothing() {
    let folder = Folder::new("error");
    let path = folder.0.join("file");
    block_on(async {
        let first = Cell::new(true);
        let next = async || {
            if first.replace(false) {
                return Ok(Some(b"piece".to_vec()));
            }
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        };
        let error = save(&path, next).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    });
    assert_eq!(folder.files(), [""; 0]);
}

#[test]
fn a_timeout_leaves_nothing() {
    let folder = Folder::new("timeout");
    let path = folder.0.join("file");
    block_on(async {
        let first = Cell::new(true);
        let next = async || {
            if !first.replace(false) {
                sleep(Duration::from_secs(3600)).await;
            }
            Ok(Some(b"piece".to_vec()))
        };
        let saved = timeout(Duration::from_millis(1), save(&path, next)).await;
        assert!(saved.is_err());
    });
    assert_eq!(folder.files(), [""; 0]);
}

//! A download that leaves either the whole file or none, however it ends.
//!
//! The bytes go into a file beside the one that is wanted, which is renamed when all have come. A
//! destructor removes it in every other case: an error, the timeout, Ctrl-C. The cleanup is written
//! once, at the file, and not at each way out.
//!
//! Course: 8.7, "Timeout avec cleanup" (C21).
//!
//! ```text
//! cargo run --release -p course --bin download -- http://localhost:8000/large.bin copy.bin --timeout 5000 (ms)
//! ```
//!
//! Server: `http_server`, or any other that speaks HTTP/1.1 and says a Content-Length.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lexopt::ValueExt;
use myrt::io::Reader;
use myrt::net::TcpStream;
use myrt::time::{Duration, timeout};

const CHUNK: usize = 64 * 1024;

/// A file that is there only if it is kept.
struct Partial {
    path: PathBuf,
    file: Option<File>,
}

impl Partial {
    fn create(target: &Path) -> io::Result<Self> {
        let mut name = target.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        let file = Some(File::create(&path)?);
        Ok(Self { path, file })
    }

    /// Writes on the thread pool: a disk may be slow. The file is there and back.
    async fn write(&mut self, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut file = self
            .file
            .take()
            .ok_or_else(|| io::Error::other("a write was given up half-way"))?;
        let work = move || file.write_all(&bytes).map(|()| (file, bytes));
        let (file, bytes) = myrt::spawn_blocking(work)
            .await
            .map_err(|error| io::Error::other(error.to_string()))??;
        self.file = Some(file);
        Ok(bytes)
    }

    fn keep(self, target: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, target) // the destructor finds nothing to remove any more
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if std::fs::remove_file(&self.path).is_ok() {
            println!("the partial file is removed");
        }
    }
}

async fn download(url: &str, target: &Path) -> io::Result<u64> {
    let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidInput, text.to_owned());
    let rest = url
        .strip_prefix("http://")
        .ok_or_else(|| invalid("only http:// here"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let server = if authority.contains(':') {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let stream = TcpStream::connect(&*server).await?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut reader = Reader::new(&stream);
    let mut head = Vec::new();
    reader.read_until(b"\r\n\r\n", &mut head).await?;
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut headers);
    answer
        .parse(&head)
        .map_err(|error| invalid(&error.to_string()))?;
    if answer.code != Some(200) {
        return Err(invalid(&format!(
            "the server says {:?} {}",
            answer.code,
            answer.reason.unwrap_or_default()
        )));
    }
    let length = answer
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length =
        length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<u64>().ok());
    let length = length.ok_or_else(|| invalid("the server does not say how much it is"))?;

    let mut partial = Partial::create(target)?;
    let mut left = length;
    let mut buf = vec![0; CHUNK];
    while left > 0 {
        buf.resize(CHUNK.min(usize::try_from(left).unwrap_or(CHUNK)), 0);
        match reader.read(&mut buf).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                buf.truncate(n);
                left -= n as u64;
                buf = partial.write(buf).await?;
            }
        }
    }
    partial.keep(target)?;
    Ok(length)
}

#[myrt::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut words, mut limit) = (Vec::new(), Duration::from_secs(60));
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) => words.push(value.string()?),
            lexopt::Arg::Long("timeout") => {
                limit = Duration::from_millis(arguments.value()?.parse()?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let [url, target] = &words[..] else {
        return Err("download URL FILE [--timeout MILLISECONDS]".into());
    };
    let length = timeout(limit, download(url, Path::new(target))).await??;
    println!("{target}: {length} bytes");
    Ok(())
}

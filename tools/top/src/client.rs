//! Asks a monitor: a line there, an answer back that ends with an empty line.
//!
//! A broken connection is made again at the next question, so a restarted program is found again.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long an answer may take: it comes from a thread of its own, so a blocked program answers
/// too.
const PATIENCE: Duration = Duration::from_secs(3);

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// The monitor at an address.
pub struct Client {
    address: String,
    /// What the monitor wants to hear before it lets a client cancel tasks.
    token: Option<String>,
    stream: Option<BufReader<Box<dyn Stream>>>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there, or the token is wrong.
    pub fn new(address: &str, token: Option<String>) -> io::Result<Self> {
        let mut client = Self {
            address: address.to_owned(),
            token,
            stream: None,
        };
        client.connect()?;
        Ok(client)
    }

    fn connect(&mut self) -> io::Result<&mut BufReader<Box<dyn Stream>>> {
        self.stream = None;
        let mut stream = self.open()?;
        if let Some(token) = &self.token {
            let answer = ask(&mut stream, &format!("token {token}"))?;
            if let Some(why) = answer.strip_prefix("error: ") {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why.trim()));
            }
        }
        Ok(self.stream.insert(stream))
    }

    fn open(&self) -> io::Result<BufReader<Box<dyn Stream>>> {
        let address = &self.address;
        let path = address.strip_prefix("unix:");
        // As the monitor has it: what has a slash is a path.
        let path = path.or_else(|| address.contains('/').then_some(address.as_str()));
        let stream: Box<dyn Stream> = match path {
            Some(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
            None => {
                let stream = TcpStream::connect(&self.address)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        };
        Ok(BufReader::new(stream))
    }

    /// The answer to a question, without the empty line.
    ///
    /// # Errors
    /// When the program has ended, or does not answer.
    pub fn ask(&mut self, question: &str) -> io::Result<String> {
        let answer = self.try_ask(question);
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    fn try_ask(&mut self, question: &str) -> io::Result<String> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => self.connect()?,
        };
        ask(stream, question)
    }
}

fn ask(stream: &mut BufReader<Box<dyn Stream>>, question: &str) -> io::Result<String> {
    stream
        .get_mut()
        .write_all(format!("{question}\n").as_bytes())?;
    let mut answer = String::new();
    loop {
        let length = answer.len();
        if stream.read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if &answer[length..] == "\n" {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

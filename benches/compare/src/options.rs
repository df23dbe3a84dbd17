//! The command line.

use std::path::PathBuf;

use crate::peers::{self, CONTESTANTS};

/// What to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// The comparisons to run, in order.
    Compare(Vec<Comparison>),
    /// One program in this process.
    Child {
        runtime: String,
        program: String,
        iterations: u64,
        warm_up: u64,
    },
    /// One server in this process.
    Serve {
        runtime: String,
        mode: String,
        connections: u64,
    },
    /// The load generator in this process.
    Load {
        mode: String,
        port: u16,
        connections: u64,
        requests: u64,
    },
    List,
    Help,
}

/// A table of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Micro,
    Tcp,
    Hyper,
    Hello,
    Memory,
    Instructions,
    Syscalls,
}

/// Everything the command line said.
#[derive(Clone, Debug)]
pub struct Options {
    pub command: Command,
    pub quick: bool,
    pub strict: bool,
    /// Programs whose name contains one of these; all when empty.
    pub only: Vec<String>,
    /// Runtimes by name; all when empty.
    pub runtimes: Vec<String>,
    pub rounds: Option<usize>,
    pub json: Option<PathBuf>,
    pub svg: Option<PathBuf>,
    pub core: Option<usize>,
}

pub const HELP: &str = "\
compare: the same programs on myrt and on its peers

USAGE: compare <micro|tcp|hyper|hello|memory|instructions|syscalls|all|list>... [options]

  micro          time an operation of each program, interleaved across runtimes
  memory         resident bytes of an idle task and of an idle connection
  tcp            echo and connect-echo-close: CPU time a request, throughput, latency
  hyper          the same for an HTTP server on hyper, with 50 and with 1,000 connections
  hello          the same for an HTTP server by hand with 50 connections, the raw loop and nginx beside it
  instructions   user instructions an operation, counted by callgrind (needs valgrind)
  syscalls       system calls a request, counted by strace (needs strace)
  all            all of these
  list           the programs and the runtimes

  --quick            fewer rounds, smaller sizes: a look, not a measurement
  --only A,B         only programs (or `echo`, `connect`, `hello`, `http`, `connection`) whose name contains A or B
  --runtimes A,B     only these runtimes (tokio is always added: it is the baseline)
  --rounds N         rounds of micro, or clean rounds of tcp, hyper and hello
  --strict           a runtime that is missing here is an error
  --json FILE        every sample, every round
  --svg FILE         a plot of the medians
";

impl Options {
    /// # Errors
    /// A message for the user.
    pub fn parse() -> Result<Self, String> {
        let mut options = Self {
            command: Command::Help,
            quick: false,
            strict: false,
            only: Vec::new(),
            runtimes: Vec::new(),
            rounds: None,
            json: None,
            svg: None,
            core: None,
        };
        let mut words = Vec::new();
        let mut child = ChildOptions::default();
        options
            .read(&mut words, &mut child)
            .map_err(|error| error.to_string())?;
        options.command = child.command(&words)?;
        for name in &options.runtimes {
            if peers::find(name).is_none() {
                let known: Vec<_> = CONTESTANTS
                    .iter()
                    .map(|contestant| contestant.name)
                    .collect();
                return Err(format!("no runtime {name}; there are {}", known.join(", ")));
            }
        }
        Ok(options)
    }

    fn read(
        &mut self,
        words: &mut Vec<String>,
        child: &mut ChildOptions,
    ) -> Result<(), lexopt::Error> {
        use lexopt::prelude::{Long, Short, Value, ValueExt};
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Value(word) => words.push(word.string()?),
                Long("quick") => self.quick = true,
                Long("strict") => self.strict = true,
                Long("only") => self.only = list(&parser.value()?.string()?),
                Long("runtimes") => self.runtimes = list(&parser.value()?.string()?),
                Long("rounds") => self.rounds = Some(parser.value()?.parse()?),
                Long("json") => self.json = Some(parser.value()?.into()),
                Long("svg") => self.svg = Some(parser.value()?.into()),
                Long("core") => self.core = Some(parser.value()?.parse()?),
                Long("runtime") => child.runtime = parser.value()?.string()?,
                Long("program") => child.program = parser.value()?.string()?,
                Long("iterations") => child.iterations = parser.value()?.parse()?,
                Long("warm-up") => child.warm_up = parser.value()?.parse()?,
                Long("mode") => child.mode = parser.value()?.string()?,
                Long("port") => child.port = parser.value()?.parse()?,
                Long("connections") => child.connections = parser.value()?.parse()?,
                Long("requests") => child.requests = parser.value()?.parse()?,
                Long("help") | Short('h') => {
                    words.clear();
                    words.push("help".into());
                    return Ok(());
                }
                other => return Err(other.unexpected()),
            }
        }
        Ok(())
    }

    /// Whether `--only` lets this one through.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    /// Whether `--runtimes` lets this one through. The baseline always takes part.
    pub fn wants_runtime(&self, name: &str) -> bool {
        self.runtimes.is_empty() || name == BASELINE || self.runtimes.iter().any(|n| n == name)
    }
}

/// The runtime that every ratio is taken to.
pub const BASELINE: &str = "tokio";

fn list(text: &str) -> Vec<String> {
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

#[derive(Default)]
struct ChildOptions {
    runtime: String,
    program: String,
    iterations: u64,
    warm_up: u64,
    mode: String,
    port: u16,
    connections: u64,
    requests: u64,
}

impl ChildOptions {
    fn command(self, words: &[String]) -> Result<Command, String> {
        let mut comparisons = Vec::new();
        for word in words {
            let mut add = |comparison| {
                if !comparisons.contains(&comparison) {
                    comparisons.push(comparison);
                }
            };
            match word.as_str() {
                "micro" => add(Comparison::Micro),
                "tcp" => add(Comparison::Tcp),
                "hyper" => add(Comparison::Hyper),
                "hello" => add(Comparison::Hello),
                "memory" => add(Comparison::Memory),
                "instructions" => add(Comparison::Instructions),
                "syscalls" => add(Comparison::Syscalls),
                "all" => [
                    Comparison::Micro,
                    Comparison::Instructions,
                    Comparison::Memory,
                    Comparison::Syscalls,
                    Comparison::Tcp,
                    Comparison::Hyper,
                    Comparison::Hello,
                ]
                .into_iter()
                .for_each(add),
                "list" => return Ok(Command::List),
                "help" => return Ok(Command::Help),
                "child" => {
                    return Ok(Command::Child {
                        runtime: self.runtime,
                        program: self.program,
                        iterations: self.iterations,
                        warm_up: self.warm_up,
                    });
                }
                "serve" => {
                    return Ok(Command::Serve {
                        runtime: self.runtime,
                        mode: self.mode,
                        connections: self.connections,
                    });
                }
                "load" => {
                    return Ok(Command::Load {
                        mode: self.mode,
                        port: self.port,
                        connections: self.connections,
                        requests: self.requests,
                    });
                }
                other => return Err(format!("no command {other}; try --help")),
            }
        }
        if comparisons.is_empty() {
            Ok(Command::Help)
        } else {
            Ok(Command::Compare(comparisons))
        }
    }
}

//! The command line. It knows nothing of what is measured but the ids.

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use crate::catalogue;

pub(crate) const HELP: &str = "\
Runs every number of the course on this machine, against myrt, threads and asyncio.

    cargo run --release -p claims -- [options]

    --quick        less of everything, in under a minute
    --only IDS     only these, for instance N1,N7,A6
    --json FILE    the report as JSON as well
    --html FILE    the report as one HTML page with plots as well
    --list         the ids, and what they say
    --help         this
";

/// What to do.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) only: Vec<&'static str>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) html: Option<PathBuf>,
    pub(crate) list: bool,
    pub(crate) help: bool,
    /// For the test of the reports: nothing is measured.
    pub(crate) stub: bool,
    /// What this process is to be for another one.
    pub(crate) role: Option<(String, Vec<String>)>,
}

impl Options {
    pub(crate) fn parse(mut parser: Parser) -> Result<Self, lexopt::Error> {
        let mut options = Self::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("quick") => options.quick = true,
                Arg::Long("only") => options.only = ids(&parser.value()?.string()?)?,
                Arg::Long("json") => options.json = Some(parser.value()?.into()),
                Arg::Long("html") => options.html = Some(parser.value()?.into()),
                Arg::Long("list") => options.list = true,
                Arg::Long("help") | Arg::Short('h') => options.help = true,
                Arg::Long("stub") => options.stub = true,
                Arg::Long("role") => {
                    let name = parser.value()?.string()?;
                    let rest = parser.raw_args()?.map(ValueExt::string);
                    options.role = Some((name, rest.collect::<Result<_, _>>()?));
                }
                other => return Err(other.unexpected()),
            }
        }
        Ok(options)
    }
}

fn ids(text: &str) -> Result<Vec<&'static str>, lexopt::Error> {
    let words = text.split([',', ' ']).filter(|word| !word.is_empty());
    words
        .map(|word| match catalogue::find(word) {
            Some(claim) => Ok(claim.id),
            None => Err(format!("there is no id {word:?}; --list shows them").into()),
        })
        .collect()
}

//! Reads what stands in the parentheses of an attribute, and turns it into calls on the runtime's
//! builder.
//!
//! The names and their values are written down here once; what they do is the builder's business.

use proc_macro::{Ident, Span, TokenStream, TokenTree};

use crate::error::Errors;
use crate::expand::Attribute;
use crate::function::{Tokens, is_punct};

/// The options of one attribute.
pub(crate) struct Options {
    /// Where myrt is found; `None` for the usual place.
    pub(crate) krate: Option<(String, Span)>,
    /// Whether tokio's context is entered around it.
    pub(crate) tokio_context: bool,
    /// What follows `Builder::new()`, in the order in which it was written.
    pub(crate) calls: Vec<Call>,
    /// How many seeds a test of a simulated world has.
    pub(crate) seeds: Option<String>,
}

/// One call on the builder.
pub(crate) enum Call {
    /// `.method(argument)`
    Plain(&'static str, String),
    /// `.method(::myrt::runtime::Type::Variant)`
    Variant(&'static str, &'static str, &'static str),
}

impl Options {
    /// Wrong options are left out and reported.
    pub(crate) fn parse(attribute: Attribute, arguments: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self {
            krate: None,
            tokio_context: false,
            calls: Vec::new(),
            seeds: None,
        };
        let names = match attribute {
            Attribute::Main | Attribute::Test => NAMES,
            Attribute::SimTest => SIM_NAMES,
        };
        let mut seen: Vec<String> = Vec::new();
        let mut tokens = Tokens::new(arguments);
        while tokens.peek().is_some() {
            let one = tokens.until(|token| is_punct(token, ','));
            let comma = tokens.next();
            let Some(written) = Written::parse(one, comma.as_ref(), names, errors) else {
                continue;
            };
            let name = written.name.to_string();
            if seen.contains(&name) {
                errors.add(
                    written.name.span(),
                    format!("the option `{name}` is given twice"),
                );
                continue;
            }
            match attribute {
                Attribute::Main | Attribute::Test => options.add(&name, &written, errors),
                Attribute::SimTest => options.add_sim(&name, &written, errors),
            }
            seen.push(name);
        }
        options
    }

    fn add(&mut self, name: &str, written: &Written, errors: &mut Errors) {
        let call = match name {
            "debug" => written.flag(errors).map(|on| Call::Plain("debug", on)),
            "start_paused" => written
                .flag(errors)
                .map(|on| Call::Plain("start_paused", on)),
            "seed" => written
                .integer(errors)
                .map(|seed| Call::Plain("seed", seed)),
            "selector" => written
                .one_of("selector", SELECTORS, errors)
                .map(|variant| Call::Variant("selector", "Selector", variant)),
            "lints" => written
                .one_of("lint level", LINTS, errors)
                .map(|variant| Call::Variant("lints", "Lints", variant)),
            "tokio_context" => {
                self.tokio_context = written.flag(errors).is_some_and(|on| on == "true");
                None
            }
            "crate" => {
                self.krate = written.path(errors);
                None
            }
            _ => {
                errors.add(written.name.span(), unknown(name));
                None
            }
        };
        self.calls.extend(call);
    }

    fn add_sim(&mut self, name: &str, written: &Written, errors: &mut Errors) {
        match name {
            "seeds" => self.seeds = written.integer(errors),
            "crate" => self.krate = written.path(errors),
            _ => errors.add(
                written.name.span(),
                format!("there is no option `{name}`: the options are {SIM_NAMES}"),
            ),
        }
    }
}

/// `name` or `name = value`.
struct Written {
    name: Ident,
    value: Vec<TokenTree>,
}

impl Written {
    fn parse(
        tokens: Vec<TokenTree>,
        comma: Option<&TokenTree>,
        names: &str,
        errors: &mut Errors,
    ) -> Option<Self> {
        let otherwise = comma.map_or_else(Span::call_site, TokenTree::span);
        let mut tokens = tokens.into_iter();
        let name = match tokens.next() {
            Some(TokenTree::Ident(name)) => name,
            Some(other) => {
                errors.add(
                    other.span(),
                    format!("expected the name of an option: {names}"),
                );
                return None;
            }
            None => {
                errors.add(otherwise, "an option is missing before this comma");
                return None;
            }
        };
        let equals = tokens.next();
        let value: Vec<_> = tokens.collect();
        match equals {
            None => Some(Self { name, value }),
            Some(mark) if is_punct(&mark, '=') && !value.is_empty() => Some(Self { name, value }),
            Some(mark) if is_punct(&mark, '=') => {
                errors.add(
                    mark.span(),
                    format!("the value of `{name}` is missing after this `=`"),
                );
                None
            }
            Some(other) => {
                errors.add(
                    other.span(),
                    format!(
                        "expected `=` or a comma after `{name}`; options are separated by commas"
                    ),
                );
                None
            }
        }
    }

    /// The value, if it is one token.
    fn single(&self) -> Option<String> {
        match self.value.as_slice() {
            [token] => Some(token.to_string()),
            _ => None,
        }
    }

    fn wrong(&self, errors: &mut Errors, message: String) {
        errors.add_over(&self.value, self.name.span(), message);
    }

    fn flag(&self, errors: &mut Errors) -> Option<String> {
        if self.value.is_empty() {
            return Some("true".to_owned());
        }
        let value = self.single().filter(|it| it == "true" || it == "false");
        if value.is_none() {
            let name = &self.name;
            self.wrong(
                errors,
                format!("write `{name}` alone, or `{name} = true` or `= false`"),
            );
        }
        value
    }

    fn integer(&self, errors: &mut Errors) -> Option<String> {
        let value = self.single().and_then(|it| unsigned(&it));
        if value.is_none() {
            let name = &self.name;
            self.wrong(
                errors,
                format!("`{name}` is an integer from 0 to 2^64 - 1: `{name} = 7`"),
            );
        }
        value.map(|it| format!("{it}u64"))
    }

    /// The text between the quotes.
    fn string(&self) -> Option<String> {
        let text = self.single()?;
        let text = text.strip_prefix('"')?.strip_suffix('"')?;
        Some(text.to_owned())
    }

    /// The variant that belongs to the value.
    fn one_of(
        &self,
        what: &str,
        table: &[(&str, &'static str)],
        errors: &mut Errors,
    ) -> Option<&'static str> {
        let names = table
            .iter()
            .map(|(it, _)| format!("\"{it}\""))
            .collect::<Vec<_>>()
            .join(", ");
        let Some(text) = self.string() else {
            self.wrong(
                errors,
                format!("`{}` is one of the strings {names}", self.name),
            );
            return None;
        };
        let found = table
            .iter()
            .find(|(it, _)| *it == text)
            .map(|(_, variant)| *variant);
        if found.is_none() {
            self.wrong(
                errors,
                format!("there is no {what} \"{text}\"; the names are {names}"),
            );
        }
        found
    }

    fn path(&self, errors: &mut Errors) -> Option<(String, Span)> {
        let path = self.string().filter(|text| is_path(text));
        if path.is_none() {
            let example = "`crate = \"other_name\"`, `crate = \"crate::reexports::myrt\"`";
            self.wrong(errors, format!("`crate` is a path as a string: {example}"));
        }
        path.map(|path| (path, self.value[0].span()))
    }
}

/// The value of an integer literal, in any of the four bases, with or without separators and `u64`.
fn unsigned(literal: &str) -> Option<u64> {
    let digits = literal.replace('_', "");
    let digits = digits.strip_suffix("u64").unwrap_or(&digits);
    match digits.get(..2) {
        Some("0x") => u64::from_str_radix(&digits[2..], 16),
        Some("0o") => u64::from_str_radix(&digits[2..], 8),
        Some("0b") => u64::from_str_radix(&digits[2..], 2),
        _ => digits.parse(),
    }
    .ok()
}

fn is_path(text: &str) -> bool {
    text.strip_prefix("::")
        .unwrap_or(text)
        .split("::")
        .all(|name| {
            let name = name.strip_prefix("r#").unwrap_or(name);
            !name.is_empty()
                && !name.starts_with(|first: char| first.is_ascii_digit())
                && name.chars().all(|it| it == '_' || it.is_alphanumeric())
        })
}

/// What to say of a name that is none of ours; the names from elsewhere deserve more than a list.
fn unknown(name: &str) -> String {
    let advice = match name {
        "flavor" | "worker_threads" => {
            "a myrt runtime always has one thread, so leave it out (`myrt::workers::run` runs one \
             runtime a core)"
                .to_owned()
        }
        "paused" => "write `start_paused`".to_owned(),
        _ => format!("the options are {NAMES}"),
    };
    format!("there is no option `{name}`: {advice}")
}

const NAMES: &str = "debug, start_paused, selector, seed, lints, tokio_context, crate";

const SIM_NAMES: &str = "seeds, crate";

const SELECTORS: &[(&str, &str)] = &[
    ("epoll", "Epoll"),
    ("epoll-level", "EpollLevel"),
    ("epoll-oneshot", "EpollOneshot"),
    ("kqueue", "Kqueue"),
    ("poll", "Poll"),
    ("select", "Select"),
];

const LINTS: &[(&str, &str)] = &[("off", "Off"), ("warn", "Warn"), ("deny", "Deny")];

#[cfg(test)]
mod tests {
    use super::{is_path, unsigned};

    #[test]
    fn integers_as_rust_writes_them() {
        assert_eq!(unsigned("1_000"), Some(1000));
        assert_eq!(unsigned("0xffu64"), Some(255));
        assert_eq!(unsigned("0b101"), Some(5));
        assert_eq!(unsigned("18446744073709551615"), Some(u64::MAX));
        for wrong in ["18446744073709551616", "1.5", "7i32", "\"7\"", "", "SEED"] {
            assert_eq!(unsigned(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn paths_and_what_is_none() {
        for path in ["myrt", "::myrt", "crate::reexports::myrt", "r#async"] {
            assert!(is_path(path), "{path}");
        }
        for wrong in ["", "::", "a::", "my-rt", "1a", "a b", "a<b>"] {
            assert!(!is_path(wrong), "{wrong}");
        }
    }
}

//! Puts the plain function around the `async` one.
//!
//! The user's tokens keep their own places, so whatever the compiler says of them points at them.
//! What is added carries the attribute's place: lints leave it alone, and where the runtime notes
//! the caller's location (a main task is spawned "at" somewhere) that is the line of the attribute.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::error::Errors;
use crate::function::{Function, is_ident};
use crate::options::{Call, Options};

/// Which of the attributes is expanded.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Attribute {
    Main,
    Test,
    /// `sim::test`: a plain function of a world, which runs once for each seed.
    SimTest,
}

impl Attribute {
    fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Test => "test",
            Self::SimTest => "sim::test",
        }
    }

    fn is_test(self) -> bool {
        self != Self::Main
    }
}

/// The whole of an attribute: what replaces the item.
pub(crate) fn expand(
    attribute: Attribute,
    arguments: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let mut errors = Errors::new();
    let options = Options::parse(attribute, arguments, &mut errors);
    let function = match Function::parse(item.clone()) {
        Ok(function) => function,
        Err(place) => {
            let name = attribute.name();
            let kind = match attribute {
                Attribute::Main | Attribute::Test => "an `async fn`",
                Attribute::SimTest => "a `fn`",
            };
            errors.add(
                place,
                format!("`#[myrt::{name}]` belongs on {kind} with a body"),
            );
            return [errors.into_tokens(), item].into_iter().collect();
        }
    };
    let callable = check(attribute, &function, &mut errors);
    let code = wrap(attribute, &options, function, callable);
    [errors.into_tokens(), code].into_iter().collect()
}

/// Reports what the attribute cannot work with. Tells whether the function can be called by a plain
/// one all the same.
fn check(attribute: Attribute, function: &Function, errors: &mut Errors) -> bool {
    let what = match attribute {
        Attribute::Main => format!("`{}`", function.name),
        Attribute::Test | Attribute::SimTest => "a test".to_owned(),
    };
    check_attributes(attribute, function, errors);
    let is_sim = attribute == Attribute::SimTest;
    if !is_sim && !function.is_async() {
        errors.add(
            function.keyword.span(),
            format!(
                "the `async` keyword is missing: write `async fn {}`",
                function.name
            ),
        );
    }
    let mut callable = true;
    for token in &function.qualifiers {
        if matches!(token, TokenTree::Ident(_)) && (is_sim || !is_ident(token, "async")) {
            callable = false;
            errors.add(
                token.span(),
                format!("{what} cannot be `{token}`: remove the keyword"),
            );
        }
    }
    if is_sim && function.parameters.stream().is_empty() {
        callable = false;
        errors.add(
            function.parameters.span(),
            format!("write `fn {}(world: &mut myrt::sim::World)`", function.name),
        );
    } else if !is_sim && !function.parameters.stream().is_empty() {
        callable = false;
        let advice = match attribute {
            Attribute::Main => {
                "read the command line with `std::env::args()`, and give a runtime to \
                                a function with arguments by `myrt::run(…)`"
            }
            Attribute::Test | Attribute::SimTest => {
                "make what it needs inside, or call a function that has them"
            }
        };
        errors.add(
            function.parameters.span(),
            format!("{what} takes no arguments: {advice}"),
        );
    }
    for generic in [&function.generics, &function.bounds] {
        if !generic.is_empty() {
            callable = false;
            errors.add_over(
                generic,
                function.name.span(),
                format!("{what} cannot be generic, as nobody chooses the types: call a generic function from it"),
            );
        }
    }
    callable
}

/// Refuses a second attribute that wants to run the function too.
fn check_attributes(attribute: Attribute, function: &Function, errors: &mut Errors) {
    let ours = attribute.name();
    for other in &function.attributes {
        let Some(last) = other.name() else { continue };
        let message = match last.to_string().as_str() {
            "test" if attribute.is_test() => {
                format!(
                    "a second test attribute, and the test would run twice: `#[myrt::{ours}]` is enough, remove this one"
                )
            }
            "main" | "test" => {
                format!(
                    "`#[myrt::{ours}]` and this attribute both want to run the function: remove one"
                )
            }
            _ => continue,
        };
        errors.add(other.group.span(), message);
    }
}

/// The plain function; its body is the `async` one and, if that can be called, the call.
fn wrap(
    attribute: Attribute,
    options: &Options,
    function: Function,
    callable: bool,
) -> TokenStream {
    let mut outer = TokenStream::new();
    if attribute.is_test() && callable {
        outer.extend(own("#[::core::prelude::v1::test]"));
    }
    for one in &function.attributes {
        // A second one was refused; left here it would only be expanded and complain once more.
        if one
            .name()
            .is_some_and(|name| ["main", "test"].contains(&name.to_string().as_str()))
        {
            continue;
        }
        outer.extend([one.hash.clone(), one.group.clone().into()]);
    }
    outer.extend(function.visibility.clone());
    outer.extend([
        TokenTree::from(function.keyword.clone()),
        function.name.clone().into(),
    ]);
    outer.extend(own("()"));
    let call = if callable {
        if attribute != Attribute::SimTest {
            outer.extend(function.output.clone());
        }
        call(attribute, options, &function.name)
    } else {
        TokenStream::new()
    };
    let mut body = inner(attribute, function);
    body.extend(call);
    outer.extend([TokenTree::from(Group::new(Delimiter::Brace, body))]);
    outer
}

/// The function as it was written, without what went to the plain one. That it may do without an
/// `.await`, or (after an error) without being called, is not worth a word.
fn inner(attribute: Attribute, function: Function) -> TokenStream {
    let mut inner = own(r#"#[allow(dead_code, clippy::unused_async, reason = "made by myrt")]"#);
    if attribute != Attribute::SimTest && !function.is_async() {
        let keyword = Ident::new("async", function.keyword.span());
        inner.extend([TokenTree::from(keyword)]);
    }
    inner.extend(function.qualifiers);
    inner.extend([TokenTree::from(function.keyword), function.name.into()]);
    inner.extend(function.generics);
    inner.extend([TokenTree::from(function.parameters)]);
    inner.extend(function.output);
    inner.extend(function.bounds);
    inner.extend([TokenTree::from(function.body)]);
    inner
}

/// `::myrt::__private::main(::myrt::runtime::Builder::new()…, name())`, after what it is to run in.
fn call(attribute: Attribute, options: &Options, name: &Ident) -> TokenStream {
    let (krate, place) = match &options.krate {
        Some((path, literal)) => (path.as_str(), Span::call_site().located_at(*literal)),
        None => ("::myrt", Span::call_site()),
    };
    if attribute == Attribute::SimTest {
        let seeds = options.seeds.as_deref().unwrap_or("100u64");
        let code = format!(
            "{krate}::sim::runner::run(::core::concat!(::core::module_path!(), \"::{name}\"), \
             {seeds}, {name})"
        );
        return located(own(&code), place);
    }
    let mut builder = format!("{krate}::runtime::Builder::new()");
    for call in &options.calls {
        builder.push_str(&match call {
            Call::Plain(method, argument) => format!(".{method}({argument})"),
            Call::Variant(method, kind, variant) => {
                format!(".{method}({krate}::runtime::{kind}::{variant})")
            }
        });
    }
    let context = match options.tokio_context {
        true => format!("let _context = {krate}::__private::tokio_context();"),
        false => String::new(),
    };
    let code = format!(
        "{context} {krate}::__private::{}({builder}, {name}())",
        attribute.name()
    );
    located(own(&code), place)
}

/// The macro's own code, at the place of the attribute.
fn own(code: &str) -> TokenStream {
    code.parse().expect("what this crate writes is Rust")
}

fn located(code: TokenStream, place: Span) -> TokenStream {
    let at_place = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            token = Group::new(group.delimiter(), located(group.stream(), place)).into();
        }
        token.set_span(place);
        token
    };
    code.into_iter().map(at_place).collect()
}

//! Errors that point at the user's tokens.
//!
//! They are collected rather than returned at the first one, so that somebody with two mistakes
//! compiles once, and so that the function can be expanded all the same: an editor completes in its
//! body while the options are half written. Nothing here knows what an error is about.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// What is wrong with one use of an attribute.
pub(crate) struct Errors(Vec<Error>);

struct Error {
    first: Span,
    last: Span,
    message: String,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    /// `message` says what is wrong and what to write instead.
    pub(crate) fn add(&mut self, at: Span, message: impl Into<String>) {
        self.0.push(Error {
            first: at,
            last: at,
            message: message.into(),
        });
    }

    /// The same, underlining all of `tokens`, or `otherwise` when there are none.
    pub(crate) fn add_over(
        &mut self,
        tokens: &[TokenTree],
        otherwise: Span,
        message: impl Into<String>,
    ) {
        let first = tokens.first().map_or(otherwise, TokenTree::span);
        let last = tokens.last().map_or(otherwise, TokenTree::span);
        self.0.push(Error {
            first,
            last,
            message: message.into(),
        });
    }

    /// One `compile_error!` each, which the compiler reports at the tokens it is made of.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.into_iter().flat_map(Error::into_tokens).collect()
    }
}

impl Error {
    /// `::core::compile_error! { "message" }`. The compiler underlines a macro call from its first
    /// token to its last, so that these two carry the two ends of the place.
    fn into_tokens(self) -> Vec<TokenTree> {
        let colon = |spacing| located(Punct::new(':', spacing).into(), self.first);
        let mut message = Literal::string(&self.message);
        message.set_span(self.last);
        let braces = Group::new(Delimiter::Brace, TokenTree::from(message).into());
        vec![
            colon(Spacing::Joint),
            colon(Spacing::Alone),
            Ident::new("core", self.first).into(),
            colon(Spacing::Joint),
            colon(Spacing::Alone),
            Ident::new("compile_error", self.first).into(),
            located(Punct::new('!', Spacing::Alone).into(), self.first),
            located(braces.into(), self.last),
        ]
    }
}

fn located(mut token: TokenTree, span: Span) -> TokenTree {
    token.set_span(span);
    token
}

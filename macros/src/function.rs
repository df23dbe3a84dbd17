//! Reads the header of one function, as far as the attributes need it.
//!
//! The compiler has parsed the item before it calls an attribute, so it is known to be well formed,
//! and no type and no expression has to be understood: the parts are found by the few tokens
//! between them. The body is never looked into.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

/// A function, cut into the parts that go to different places.
pub(crate) struct Function {
    /// Each with its `#`; doc comments are such attributes too.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Vec<TokenTree>,
    /// `async`, `unsafe`, `extern "C"`: what stands before `fn`.
    pub(crate) qualifiers: Vec<TokenTree>,
    pub(crate) keyword: Ident,
    pub(crate) name: Ident,
    /// With the angle brackets.
    pub(crate) generics: Vec<TokenTree>,
    pub(crate) parameters: Group,
    /// With the arrow; empty for `()`.
    pub(crate) output: Vec<TokenTree>,
    pub(crate) bounds: Vec<TokenTree>,
    pub(crate) body: Group,
}

/// `#[path …]`.
pub(crate) struct Attribute {
    pub(crate) hash: TokenTree,
    pub(crate) group: Group,
}

impl Function {
    /// # Errors
    /// The place of what is there instead of a function with a body.
    pub(crate) fn parse(item: TokenStream) -> Result<Self, Span> {
        let mut tokens = Tokens::new(item);
        let attributes = tokens.attributes();
        let visibility = tokens.visibility();
        let start = tokens.peek().map_or_else(Span::call_site, TokenTree::span);
        let qualifiers = tokens.until(|token| is_ident(token, "fn"));
        let keyword = tokens.ident().ok_or(start)?;
        let name = tokens.ident().ok_or(start)?;
        let generics = tokens.until(|token| is_group(token, Delimiter::Parenthesis));
        let parameters = tokens.group(Delimiter::Parenthesis).ok_or(start)?;
        let mut output = tokens.rest();
        let Some(TokenTree::Group(body)) = output.pop() else {
            return Err(start);
        };
        if body.delimiter() != Delimiter::Brace {
            return Err(start);
        }
        let bounds = match output.iter().position(|token| is_ident(token, "where")) {
            Some(at) => output.split_off(at),
            None => Vec::new(),
        };
        Ok(Self {
            attributes,
            visibility,
            qualifiers,
            keyword,
            name,
            generics,
            parameters,
            output,
            bounds,
            body,
        })
    }

    pub(crate) fn is_async(&self) -> bool {
        self.qualifiers.iter().any(|token| is_ident(token, "async"))
    }
}

impl Attribute {
    /// The last name of the path: `test` for `#[core::prelude::v1::test]`, `should_panic` for
    /// `#[should_panic(…)]`.
    pub(crate) fn name(&self) -> Option<Ident> {
        let mut last = None;
        for token in self.group.stream() {
            match token {
                TokenTree::Ident(ident) => last = Some(ident),
                TokenTree::Punct(punct) if punct.as_char() == ':' => {}
                _ => break,
            }
        }
        last
    }
}

/// The tokens of an item or an argument list, read from the front.
pub(crate) struct Tokens {
    /// Last first.
    reversed: Vec<TokenTree>,
}

impl Tokens {
    pub(crate) fn new(stream: TokenStream) -> Self {
        let mut reversed = Vec::new();
        flatten(stream, &mut reversed);
        reversed.reverse();
        Self { reversed }
    }

    pub(crate) fn peek(&self) -> Option<&TokenTree> {
        self.reversed.last()
    }

    pub(crate) fn next(&mut self) -> Option<TokenTree> {
        self.reversed.pop()
    }

    /// The next token, if it is what is wanted.
    pub(crate) fn next_if(&mut self, wanted: impl Fn(&TokenTree) -> bool) -> Option<TokenTree> {
        if self.peek().is_some_and(wanted) {
            self.next()
        } else {
            None
        }
    }

    pub(crate) fn ident(&mut self) -> Option<Ident> {
        match self.next_if(|token| matches!(token, TokenTree::Ident(_))) {
            Some(TokenTree::Ident(ident)) => Some(ident),
            _ => None,
        }
    }

    /// Everything before the first token that is `end`, or everything.
    pub(crate) fn until(&mut self, end: impl Fn(&TokenTree) -> bool) -> Vec<TokenTree> {
        std::iter::from_fn(|| self.next_if(|token| !end(token))).collect()
    }

    fn rest(&mut self) -> Vec<TokenTree> {
        self.until(|_| false)
    }

    fn group(&mut self, delimiter: Delimiter) -> Option<Group> {
        match self.next_if(|token| is_group(token, delimiter)) {
            Some(TokenTree::Group(group)) => Some(group),
            _ => None,
        }
    }

    fn attributes(&mut self) -> Vec<Attribute> {
        let mut attributes = Vec::new();
        while let Some(hash) = self.next_if(|token| is_punct(token, '#')) {
            match self.group(Delimiter::Bracket) {
                Some(group) => attributes.push(Attribute { hash, group }),
                None => break,
            }
        }
        attributes
    }

    /// `pub`, `pub(crate)`, or nothing.
    fn visibility(&mut self) -> Vec<TokenTree> {
        let Some(keyword) = self.next_if(|token| is_ident(token, "pub")) else {
            return Vec::new();
        };
        let mut visibility = vec![keyword];
        visibility.extend(self.next_if(|token| is_group(token, Delimiter::Parenthesis)));
        visibility
    }
}

/// Opens the invisible groups into which a `macro_rules!` macro wraps what it was given (`$vis`,
/// `$seed:literal`).
fn flatten(stream: TokenStream, into: &mut Vec<TokenTree>) {
    for token in stream {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                flatten(group.stream(), into);
            }
            token => into.push(token),
        }
    }
}

pub(crate) fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == name)
}

pub(crate) fn is_punct(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn is_group(token: &TokenTree, delimiter: Delimiter) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)
}

//! Source text of the emitters' tokens.
//!
//! Large definitions turn into tens of megabytes of code, and parsing tokens for prettyplease takes several
//! times as long as making them. The emitters' code is simple enough to be laid out from its tokens: one
//! statement, field or match arm a line, and arguments on lines of their own where they do not fit on one.
//! It is no formatter for other code: it takes `<` and `>` for brackets and `&` for a reference.

use std::borrow::Cow;
use std::fmt::Write as _;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

/// Where lists that do not fit are put on lines of their own.
const WIDTH: usize = 100;

const INDENT: &str = "    ";

/// Words after which a parenthesis, a path or a reference is not part of what they name.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "const", "dyn", "else", "for", "if", "impl", "in", "let", "match",
    "mut", "return", "static", "use", "where",
];

/// The source text of `tokens`.
pub(crate) fn print(tokens: TokenStream) -> String {
    let mut printer = Printer {
        text: String::with_capacity(8 * 1024),
        indent: 0,
        flat: false,
        after: 0,
    };
    printer.lines(&tree(tokens));
    printer.text
}

/// A token, or the tokens between brackets.
enum Token {
    /// An identifier or a keyword.
    Ident(Ident),
    /// A literal or a lifetime.
    Text(String),
    /// An operator of one or more characters.
    Operator(Cow<'static, str>),
    /// A line that stands alone: a doc comment or an attribute.
    Line(String),
    Group(Delimiter, Vec<Token>),
}

/// The tokens with operators, lifetimes and attributes put together.
fn tree(tokens: TokenStream) -> Vec<Token> {
    let mut found = Vec::new();
    let mut operator = String::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if operator == "'" => {
                found.push(Token::Text(format!("{operator}{ident}")));
                operator.clear();
            }
            TokenTree::Ident(ident) => found.push(Token::Ident(ident)),
            TokenTree::Literal(literal) => found.push(Token::Text(literal.to_string())),
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                if let Some(TokenTree::Group(group)) = tokens.next() {
                    found.push(Token::Line(attribute(group.stream())));
                }
            }
            TokenTree::Punct(punct) => {
                operator.push(punct.as_char());
                let joint = punct.spacing() == proc_macro2::Spacing::Joint;
                if !(joint && matches!(tokens.peek(), Some(TokenTree::Punct(_))) || operator == "'")
                {
                    found.push(Token::Operator(known(&mut operator)));
                }
            }
            TokenTree::Group(group) => {
                let (delimiter, stream) = (group.delimiter(), group.stream());
                // What is not shared is not copied.
                drop(group);
                match delimiter {
                    Delimiter::None => found.extend(tree(stream)),
                    _ => found.push(Token::Group(delimiter, tree(stream))),
                }
            }
        }
    }
    found
}

/// The operator gathered in `operator`, which it empties. Those that abound are not allocated.
fn known(operator: &mut String) -> Cow<'static, str> {
    const KNOWN: [&str; 14] = [
        "::", ",", ".", "&", "<", ">", ":", ";", "->", "=", "=>", "?", ">>", "+",
    ];
    let known = KNOWN.into_iter().find(|known| known == operator);
    let taken = known.map_or_else(|| Cow::Owned(operator.clone()), Cow::Borrowed);
    operator.clear();
    taken
}

/// What stands for `#[tokens]`: a doc comment where it is one.
fn attribute(tokens: TokenStream) -> String {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    if let [
        TokenTree::Ident(name),
        TokenTree::Punct(_),
        TokenTree::Literal(literal),
    ] = &tokens[..]
        && name == "doc"
    {
        let literal = literal.to_string();
        let raw = literal.strip_prefix('r');
        let quoted = raw.unwrap_or(&literal).strip_prefix('"');
        if let Some(plain) = quoted.and_then(|quoted| quoted.strip_suffix('"'))
            && (raw.is_some() || !plain.contains('\\'))
        {
            return ["///", plain].concat();
        }
        if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal) {
            return ["///", &text.value()].concat();
        }
    }
    let mut printer = Printer {
        text: "#[".to_owned(),
        indent: 0,
        flat: true,
        after: 0,
    };
    printer.sequence(&tree(tokens.into_iter().collect()));
    printer.text + "]"
}

struct Printer {
    text: String,
    indent: usize,
    /// Whether everything has to be on one line.
    flat: bool,
    /// How much follows the next list on its line.
    after: usize,
}

impl Printer {
    /// What stands between braces, or makes up the file: a line for each field, statement or item.
    fn lines(&mut self, tokens: &[Token]) {
        let mut previous = None;
        let mut angles = 0;
        for (index, token) in tokens.iter().enumerate() {
            let next = tokens.get(index + 1);
            if previous.is_none() {
                self.start_line();
            }
            if matches!(next, Some(Token::Operator(next)) if next == "->") {
                self.after = signature_end(&tokens[index + 1..]);
            }
            self.token(previous, token);
            angles += opened(token);
            let ends = match token {
                Token::Line(_) => true,
                Token::Operator(operator) => operator == ";" || operator == "," && angles == 0,
                Token::Group(Delimiter::Brace, _) => match next {
                    Some(Token::Operator(next)) => !matches!(next.as_ref(), ";" | "," | "." | "?"),
                    _ => true,
                },
                _ => false,
            };
            previous = (!ends).then_some(token);
        }
    }

    fn start_line(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        for _ in 0..self.indent {
            self.text.push_str(INDENT);
        }
    }

    /// `token` with what keeps it apart from the one before it.
    fn token(&mut self, previous: Option<&Token>, token: &Token) {
        if previous.is_some_and(|previous| is_apart(previous, token)) {
            self.text.push(' ');
        }
        match token {
            Token::Ident(ident) => {
                // Writing into a string cannot fail.
                let _ = write!(self.text, "{ident}");
            }
            Token::Text(text) | Token::Line(text) => self.text.push_str(text),
            Token::Operator(operator) => self.text.push_str(operator),
            Token::Group(Delimiter::Brace, tokens) => self.braces(previous, tokens),
            Token::Group(delimiter, tokens) => self.list(previous, *delimiter, tokens),
        }
    }

    fn braces(&mut self, previous: Option<&Token>, tokens: &[Token]) {
        if tokens.is_empty() {
            self.text.push_str("{}");
            return;
        }
        let is_short = match previous {
            // `Self { inner }`, unlike a function's body after `-> Self`.
            Some(Token::Ident(word)) if word == "Self" => {
                tokens.iter().all(|token| matches!(token, Token::Ident(_)))
            }
            Some(Token::Ident(word)) => word == "async",
            // `use path::{…}`.
            Some(Token::Operator(operator)) => operator == "::",
            _ => false,
        };
        if self.flat || is_short {
            let spaced = !matches!(previous, Some(Token::Operator(_)));
            self.text.push_str(if spaced { "{ " } else { "{" });
            self.sequence(tokens);
            self.text.push_str(if spaced { " }" } else { "}" });
            return;
        }
        self.text.push('{');
        self.indent += 1;
        self.lines(tokens);
        self.indent -= 1;
        self.start_line();
        self.text.push('}');
    }

    /// What stands between parentheses or square brackets: on one line, or each element on its own.
    fn list(&mut self, previous: Option<&Token>, delimiter: Delimiter, tokens: &[Token]) {
        let after = std::mem::take(&mut self.after);
        let (open, close) = if delimiter == Delimiter::Bracket {
            ('[', ']')
        } else {
            ('(', ')')
        };
        let has_braces = tokens
            .iter()
            .any(|token| matches!(token, Token::Group(Delimiter::Brace, _)));
        self.text.push(open);
        let start = self.text.len();
        if has_braces && delimiter == Delimiter::Parenthesis {
            // The one argument that has braces is laid out by them.
            self.sequence(tokens);
            self.text.push(close);
            return;
        }
        if !has_braces {
            let was_flat = std::mem::replace(&mut self.flat, true);
            self.sequence(tokens);
            self.flat = was_flat;
            let column = self.text.len() - self.text.rfind('\n').map_or(0, |at| at + 1);
            // Arguments and elements may be broken apart, types may not.
            let is_type = delimiter == Delimiter::Parenthesis
                && matches!(previous, Some(Token::Operator(before)) if before == "<");
            if self.flat || is_type || column + after < WIDTH || tokens.is_empty() {
                self.text.push(close);
                return;
            }
            self.text.truncate(start);
        }
        self.indent += 1;
        let mut angles = 0;
        let elements = tokens.split(|token| {
            angles += opened(token);
            matches!(token, Token::Operator(operator) if operator == "," && angles == 0)
        });
        for element in elements.filter(|element| !element.is_empty()) {
            self.start_line();
            self.sequence(element);
            self.text.push(',');
        }
        self.indent -= 1;
        self.start_line();
        self.text.push(close);
    }

    /// Tokens one after the other.
    fn sequence(&mut self, tokens: &[Token]) {
        // A comma at the end is for elements on lines of their own.
        let tokens = match tokens {
            [rest @ .., Token::Operator(last)] if last == "," => rest,
            _ => tokens,
        };
        let mut previous = None;
        for token in tokens {
            self.token(previous, token);
            previous = Some(token);
        }
    }
}

/// How many angle brackets `token` opens; fewer than none when it closes some.
fn opened(token: &Token) -> i32 {
    match token {
        Token::Operator(operator) if operator.starts_with('<') => 1,
        Token::Operator(operator) if operator.bytes().all(|byte| byte == b'>') => {
            -i32::try_from(operator.len()).unwrap_or(i32::MAX)
        }
        _ => 0,
    }
}

/// The length of a signature from its arrow to where its line ends.
fn signature_end(tokens: &[Token]) -> usize {
    let ends = |token: &Token| match token {
        Token::Group(delimiter, _) => *delimiter == Delimiter::Brace,
        Token::Operator(operator) => operator == ";",
        _ => false,
    };
    let end = tokens.iter().position(ends).unwrap_or(tokens.len());
    let mut printer = Printer {
        text: String::new(),
        indent: 0,
        flat: true,
        after: 0,
    };
    printer.sequence(&tokens[..end]);
    printer.text.len() + " {".len()
}

/// Whether a space keeps `token` apart from `previous`.
fn is_apart(previous: &Token, token: &Token) -> bool {
    let spaced = |operator: &str| matches!(operator, "=" | "=>" | "->" | "+" | "==");
    match (previous, token) {
        (Token::Line(_), _) | (_, Token::Line(_)) => false,
        // `self.0.field` has the literal `0.` in it.
        (Token::Text(before), _) if before.ends_with('.') => false,
        (_, Token::Operator(operator)) if spaced(operator) => true,
        (Token::Operator(operator), _)
            if spaced(operator) || operator == ":" || operator == "," =>
        {
            true
        }
        (Token::Operator(before), Token::Ident(_) | Token::Text(_)) => {
            before == ">" || before == ">>" || before == ">>>"
        }
        (Token::Operator(before), Token::Group(Delimiter::Brace, _)) => before != "::",
        (Token::Operator(_), _) => false,
        (Token::Ident(word), Token::Operator(operator)) => {
            matches!(operator.as_ref(), "::" | "&" | "<") && is_keyword(word) && word != "impl"
                || operator == "::" && word == "impl"
        }
        (_, Token::Operator(_)) => false,
        (Token::Ident(word), Token::Group(Delimiter::Parenthesis | Delimiter::Bracket, _)) => {
            is_keyword(word)
        }
        (Token::Text(word), Token::Group(Delimiter::Parenthesis | Delimiter::Bracket, _)) => {
            word.starts_with('\'')
        }
        (Token::Group(..), Token::Group(Delimiter::Parenthesis | Delimiter::Bracket, _)) => false,
        _ => true,
    }
}

fn is_keyword(word: &Ident) -> bool {
    KEYWORDS.iter().any(|keyword| word == keyword)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit;

    /// The tokens as text, without commas at the end of lists, which lines of their own have and one line
    /// has not.
    fn flat(tokens: TokenStream, found: &mut Vec<String>) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => {
                    found.push(format!("{:?}", group.delimiter()));
                    flat(group.stream(), found);
                    if found.last().is_some_and(|last| last == ",") {
                        found.pop();
                    }
                    found.push("end".to_owned());
                }
                TokenTree::Literal(literal) => {
                    match syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        Ok(text) => found.push(format!("{:?}", text.value())),
                        Err(_) => {
                            // `self.0.field` is `0.` and `field` in a macro, and three tokens in a file.
                            let literal = literal.to_string();
                            let number = literal.strip_suffix('.');
                            found.push(number.unwrap_or(&literal).to_owned());
                            found.extend(number.map(|_| ".".to_owned()));
                        }
                    }
                }
                other => found.push(other.to_string()),
            }
        }
    }

    #[test]
    fn what_is_printed_reads_back_as_the_same_tokens() {
        let mut printed = 0;
        for case in std::fs::read_dir("tests/golden").unwrap() {
            let file = case.unwrap().path().join("definition.yaml");
            let definition = kafmesh_definition::load(&file).unwrap();
            let mut modules = vec![emit::service::emit(&definition)];
            for component in &definition.components {
                modules.push(emit::component::emit(component));
                modules.push(emit::component::reexports(component));
                modules.extend(component.processors.iter().map(emit::processor::emit));
                modules.extend(component.sources.iter().map(emit::source::emit));
                modules.extend(component.views.iter().map(emit::view::emit));
                modules.extend(component.sinks.iter().map(emit::sink::emit));
                let view_sources = component.view_sources.iter();
                modules.extend(view_sources.map(emit::view_source::emit));
                modules.extend(component.view_sinks.iter().map(emit::view_sink::emit));
                if emit::shared_state::is_needed(component) {
                    modules.push(emit::shared_state::emit(component));
                }
            }
            for tokens in modules {
                let text = print(tokens.clone());
                let (mut expected, mut found) = (Vec::new(), Vec::new());
                flat(tokens, &mut expected);
                flat(text.parse().unwrap(), &mut found);
                assert_eq!(found, expected, "{text}");
                printed += 1;
            }
        }
        assert!(printed > 50, "only {printed} modules were printed");
    }

    #[test]
    fn lists_are_broken_where_they_do_not_fit() {
        let argument = quote::format_ident!("a{}", "a".repeat(60));
        let tokens = quote::quote! {
            fn short(a: Map<K, V>, b: &'static [u8]) -> V { call(a, &b).x()?; Self { a } }
            fn long(a: Map<K, V>, #argument: &mut T) -> ::std::vec::Vec<(&str, V)> { call(#argument, #argument) }
        };
        let name = argument.to_string();
        assert_eq!(
            print(tokens),
            format!(
                "fn short(a: Map<K, V>, b: &'static [u8]) -> V {{\n    call(a, &b).x()?;\n    Self {{ a }}\n}}\n\
                 fn long(\n    a: Map<K, V>,\n    {name}: &mut T,\n) -> ::std::vec::Vec<(&str, V)> {{\n    \
                 call(\n        {name},\n        {name},\n    )\n}}"
            )
        );
    }
}

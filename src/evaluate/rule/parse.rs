//! From the text of a rule to its tree.

use super::{Literal, Node, Operator, Test};

/// Deeper than any rule of 3,072 characters that means something.
const DEEPEST: usize = 64;

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {problem}")]
pub struct RuleError {
    /// Which character, counted from one.
    pub at: usize,
    /// What is wrong there.
    pub problem: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    ListOpen,
    ListClose,
    Comma,
    Text(String),
    /// A name, an operator without its dash, `true`, `null`, a number.
    Word(String),
}

pub(super) fn rule(kind: &str, text: &str) -> Result<Node, RuleError> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        kind,
        end: text.chars().count() + 1,
        tokens,
        next: 0,
    };
    let root = parser.any(0)?;
    match parser.peek() {
        None => Ok(root),
        Some(_) => Err(parser.wrong("the rule should end here, or go on with -and or -or")),
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, RuleError> {
    let mut chars = text.chars().enumerate().peekable();
    let mut tokens = Vec::new();
    while let Some((index, c)) = chars.next() {
        let at = index + 1;
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::ListOpen,
            ']' => Token::ListClose,
            ',' => Token::Comma,
            quote @ ('"' | '\'') => {
                let mut quoted = String::new();
                loop {
                    let closed = match chars.next() {
                        None => {
                            let problem = "the quotation mark is never closed".into();
                            return Err(RuleError { at, problem });
                        }
                        // A backtick escapes a quotation mark; one that is doubled stands for itself.
                        Some((_, '`')) if chars.peek().is_some_and(|(_, c)| *c == quote) => false,
                        Some((_, c)) if c == quote => chars.peek().is_none_or(|(_, c)| *c != quote),
                        Some((_, c)) => {
                            quoted.push(c);
                            continue;
                        }
                    };
                    if closed {
                        break;
                    }
                    chars.next();
                    quoted.push(quote);
                }
                Token::Text(quoted)
            }
            // Editors turn the hyphen of an operator into a dash.
            c if is_word(c) || matches!(c, '-' | '–' | '$') => {
                let mut word = String::new();
                if is_word(c) {
                    word.push(c);
                }
                while let Some((_, c)) = chars.next_if(|(_, c)| is_word(*c) || *c == '-') {
                    word.push(c);
                }
                Token::Word(word)
            }
            c => {
                let problem = format!("{c:?} does not belong into a rule");
                return Err(RuleError { at, problem });
            }
        };
        tokens.push((at, token));
    }
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | ':')
}

struct Parser<'a> {
    kind: &'a str,
    end: usize,
    tokens: Vec<(usize, Token)>,
    next: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    fn wrong(&self, problem: impl Into<String>) -> RuleError {
        RuleError {
            at: self.tokens.get(self.next).map_or(self.end, |(at, _)| *at),
            problem: problem.into(),
        }
    }

    /// What went wrong with the token that was just taken.
    fn wrong_before(&mut self, problem: impl Into<String>) -> RuleError {
        self.next = self.next.saturating_sub(1);
        self.wrong(problem)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        self.next += usize::from(is);
        is
    }

    fn any(&mut self, depth: usize) -> Result<Node, RuleError> {
        let mut nodes = vec![self.all(depth)?];
        while self.take_word("or") {
            nodes.push(self.all(depth)?);
        }
        Ok(alone(nodes, Node::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Node, RuleError> {
        let mut nodes = vec![self.not(depth)?];
        while self.take_word("and") {
            nodes.push(self.not(depth)?);
        }
        Ok(alone(nodes, Node::All))
    }

    fn not(&mut self, depth: usize) -> Result<Node, RuleError> {
        if depth > DEEPEST {
            return Err(self.wrong("the rule is nested too deeply"));
        }
        if self.take_word("not") {
            return Ok(Node::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.peek() == Some(&Token::Open) {
            self.next += 1;
            let inner = self.any(depth + 1)?;
            return match self.take() {
                Some(Token::Close) => Ok(inner),
                _ => Err(self.wrong_before("a closing parenthesis is missing")),
            };
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Node, RuleError> {
        let kind = self.kind;
        let attribute = match self.take() {
            Some(Token::Word(word)) => word
                .split_once('.')
                .filter(|(prefix, name)| prefix.eq_ignore_ascii_case(kind) && !name.is_empty())
                .map(|(_, name)| name.to_ascii_lowercase()),
            _ => None,
        };
        let Some(attribute) = attribute else {
            return Err(self.wrong_before(format!("an attribute like {kind}.name is expected")));
        };
        let operator = match self.take() {
            Some(Token::Word(word)) => operator(&word),
            _ => None,
        };
        let Some(operator) = operator else {
            return Err(self.wrong_before("an operator like -eq is expected"));
        };
        let value = self.value()?;
        let fits = match &value {
            Literal::List(_) => operator.test == Test::In,
            Literal::Null => operator.test == Test::Equals,
            Literal::Flag(_) | Literal::Text(_) => true,
        };
        if !fits {
            return Err(self.wrong_before("this value does not go with that operator"));
        }
        Ok(Node::Compare {
            attribute,
            operator,
            value,
        })
    }

    fn value(&mut self) -> Result<Literal, RuleError> {
        match self.take() {
            Some(Token::Text(text)) => Ok(Literal::Text(text)),
            Some(Token::Word(word)) => Ok(match word.to_ascii_lowercase().as_str() {
                "null" => Literal::Null,
                "true" => Literal::Flag(true),
                "false" => Literal::Flag(false),
                _ => Literal::Text(word),
            }),
            Some(Token::ListOpen) => {
                let mut list = Vec::new();
                loop {
                    match self.take() {
                        Some(Token::ListClose) => return Ok(Literal::List(list)),
                        Some(Token::Comma) => {}
                        Some(Token::Text(text) | Token::Word(text)) => list.push(text),
                        _ => return Err(self.wrong_before("the list is never closed")),
                    }
                }
            }
            _ => Err(self.wrong_before("a value is expected")),
        }
    }
}

fn alone(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(node) if nodes.is_empty() => node,
        Some(node) => {
            nodes.push(node);
            join(nodes)
        }
        None => join(nodes),
    }
}

fn operator(word: &str) -> Option<Operator> {
    let positive = |test| Operator {
        test,
        negative: false,
    };
    let negative = |test| Operator {
        test,
        negative: true,
    };
    Some(match word.to_ascii_lowercase().as_str() {
        "eq" => positive(Test::Equals),
        "ne" => negative(Test::Equals),
        "startswith" => positive(Test::StartsWith),
        "notstartswith" => negative(Test::StartsWith),
        "endswith" => positive(Test::EndsWith),
        "notendswith" => negative(Test::EndsWith),
        "contains" => positive(Test::Contains),
        "notcontains" => negative(Test::Contains),
        "in" => positive(Test::In),
        "notin" => negative(Test::In),
        "match" => positive(Test::Matches),
        "notmatch" => negative(Test::Matches),
        _ => return None,
    })
}

//! From a text to an expression.

use serde_json::Value;

use super::{Comparison, LONGEST, Node, ParseError, Part};

/// Brackets within each other at most.
const DEEPEST: usize = 32;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Literal(Value),
    Sign(&'static str),
    End,
}

/// Longer ones first.
const SIGNS: [&str; 15] = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "[", "]", ",", "."];

pub(super) fn parse(text: &str) -> Result<Node, ParseError> {
    if text.chars().count() > LONGEST {
        return Err(ParseError {
            at: LONGEST,
            what: format!("an expression has {LONGEST} characters at most"),
        });
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens, next: 0, depth: 0 };
    let root = parser.any()?;
    match parser.peek() {
        Token::End => Ok(root),
        other => Err(parser.wrong(format!("{} is one too many", said(other)))),
    }
}

fn said(token: &Token) -> String {
    match token {
        Token::Name(name) => format!("`{name}`"),
        Token::Literal(value) => format!("`{value}`"),
        Token::Sign(sign) => format!("`{sign}`"),
        Token::End => "the end".to_owned(),
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ParseError> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let start = at;
        let wrong = |what: String| ParseError { at: start + 1, what };
        let rest = &letters[at..];
        if letter.is_whitespace() {
            at += 1;
            continue;
        }
        let token = if letter == '"' || letter == '\'' {
            let (value, taken) = text_of(rest).ok_or_else(|| wrong("this text has no end".to_owned()))?;
            at += taken;
            Token::Literal(Value::String(value))
        } else if letter.is_ascii_digit() || letter == '-' && rest.get(1).is_some_and(char::is_ascii_digit) {
            let digits =
                rest.iter().skip(1).take_while(|c| c.is_ascii_alphanumeric() || **c == '.').count() + 1;
            let number: String = rest[..digits].iter().collect();
            at += digits;
            let value = serde_json::from_str::<serde_json::Number>(&number);
            Token::Literal(Value::Number(value.map_err(|_| wrong(format!("`{number}` is not a number")))?))
        } else if letter.is_alphabetic() || letter == '_' {
            let length =
                rest.iter().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.')).count();
            let name: String = rest[..length].iter().collect();
            at += length;
            word(name)
        } else if let Some(sign) = SIGNS.iter().find(|sign| starts_with(rest, sign)) {
            at += sign.len();
            Token::Sign(sign)
        } else if letter == '=' {
            return Err(wrong("to compare, write `==`".to_owned()));
        } else {
            return Err(wrong(format!("`{letter}` means nothing here")));
        };
        tokens.push((start + 1, token));
    }
    tokens.push((letters.len() + 1, Token::End));
    Ok(tokens)
}

fn starts_with(letters: &[char], sign: &str) -> bool {
    sign.chars().zip(letters).all(|(one, other)| one == *other) && letters.len() >= sign.len()
}

fn word(name: String) -> Token {
    match name.as_str() {
        "true" => Token::Literal(Value::Bool(true)),
        "false" => Token::Literal(Value::Bool(false)),
        "null" => Token::Literal(Value::Null),
        "and" => Token::Sign("&&"),
        "or" => Token::Sign("||"),
        "not" => Token::Sign("!"),
        _ => Token::Name(name),
    }
}

/// A text in quotes, and how many letters it takes; `\` takes the next letter as it is.
fn text_of(letters: &[char]) -> Option<(String, usize)> {
    let quote = letters[0];
    let mut text = String::new();
    let mut at = 1;
    loop {
        match letters.get(at)? {
            '\\' => {
                text.push(*letters.get(at + 1)?);
                at += 2;
            }
            letter if *letter == quote => return Some((text, at + 1)),
            letter => {
                text.push(*letter);
                at += 1;
            }
        }
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.next].1
    }

    fn wrong(&self, what: String) -> ParseError {
        ParseError { at: self.tokens[self.next].0, what }
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(found) if *found == sign);
        self.next += usize::from(found);
        found
    }

    fn must_take(&mut self, sign: &str) -> Result<(), ParseError> {
        if self.takes(sign) {
            return Ok(());
        }
        Err(self.wrong(format!("`{sign}` is missing before {}", said(self.peek()))))
    }

    fn deeper(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong(format!("there are {DEEPEST} brackets within each other at most")));
        }
        Ok(())
    }

    fn any(&mut self) -> Result<Node, ParseError> {
        let mut all = vec![self.all()?];
        while self.takes("||") {
            all.push(self.all()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Node::Any(all) })
    }

    fn all(&mut self) -> Result<Node, ParseError> {
        let mut all = vec![self.not()?];
        while self.takes("&&") {
            all.push(self.not()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Node::All(all) })
    }

    fn not(&mut self) -> Result<Node, ParseError> {
        if self.takes("!") {
            self.deeper()?;
            let inner = self.not()?;
            self.depth -= 1;
            return Ok(Node::Not(Box::new(inner)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Node, ParseError> {
        let left = self.term()?;
        let found = match self.peek() {
            Token::Sign("==") => Comparison::Equal,
            Token::Sign("!=") => Comparison::Unequal,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            Token::Name(name) if name == "in" => Comparison::In,
            _ => return Ok(left),
        };
        self.next += 1;
        let right = self.term()?;
        Ok(Node::Compare(found, Box::new(left), Box::new(right)))
    }

    fn term(&mut self) -> Result<Node, ParseError> {
        if self.takes("(") {
            self.deeper()?;
            let inner = self.any()?;
            self.must_take(")")?;
            self.depth -= 1;
            return Ok(inner);
        }
        if self.takes("[") {
            return self.list();
        }
        match self.peek().clone() {
            Token::Literal(value) => {
                self.next += 1;
                Ok(Node::Literal(value))
            }
            Token::Name(name) if name == "size" => {
                self.next += 1;
                self.must_take("(")?;
                self.deeper()?;
                let inner = self.any()?;
                self.must_take(")")?;
                self.depth -= 1;
                Ok(Node::Size(Box::new(inner)))
            }
            Token::Name(name) if name != "in" => self.path(&name),
            other => Err(self.wrong(format!("a value is missing before {}", said(&other)))),
        }
    }

    fn list(&mut self) -> Result<Node, ParseError> {
        self.deeper()?;
        let mut all = Vec::new();
        while !self.takes("]") {
            if !all.is_empty() {
                self.must_take(",")?;
            }
            all.push(self.any()?);
        }
        self.depth -= 1;
        Ok(Node::List(all))
    }

    fn path(&mut self, name: &str) -> Result<Node, ParseError> {
        let mut parts = Vec::new();
        self.add_names(name, &mut parts)?;
        self.next += 1;
        loop {
            if self.takes(".") {
                match self.peek().clone() {
                    Token::Name(name) => self.add_names(&name, &mut parts)?,
                    other => return Err(self.wrong(format!("a name is missing before {}", said(&other)))),
                }
                self.next += 1;
                continue;
            }
            if !self.takes("[") {
                return Ok(Node::Path(parts));
            }
            match self.peek().clone() {
                Token::Literal(Value::String(name)) => parts.push(Part::Name(name)),
                Token::Literal(Value::Number(index)) if index.as_u64().is_some() => {
                    parts.push(Part::Index(
                        usize::try_from(index.as_u64().unwrap_or(0)).unwrap_or(usize::MAX),
                    ));
                }
                other => {
                    return Err(
                        self.wrong(format!("{} is no place: write `[0]` or `[\"name\"]`", said(&other)))
                    );
                }
            }
            self.next += 1;
            self.must_take("]")?;
        }
    }

    fn add_names(&self, name: &str, parts: &mut Vec<Part>) -> Result<(), ParseError> {
        for part in name.split('.') {
            if part.is_empty() {
                return Err(self.wrong(format!("`{name}` has a dot too many")));
            }
            parts.push(match part.parse::<usize>() {
                Ok(index) => Part::Index(index),
                Err(_) => Part::Name(part.to_owned()),
            });
        }
        Ok(())
    }
}
